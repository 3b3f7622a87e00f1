"""`process_data`: filter, derive, aggregate, sort: declared, no code."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from flowsm.definition.pointer import MISSING
from flowsm.tasks.builtin.aggregate import Aggregation, aggregate_records, summarise
from flowsm.tasks.builtin.clauses import FieldClause, filter_records
from flowsm.tasks.builtin.declared import BuiltinTask, Declared, Rehearsal
from flowsm.tasks.builtin.derive import Derivation, derive_fields
from flowsm.tasks.builtin.records import Records, latest_records
from flowsm.tasks.builtin.values import field_getter, field_key, order_key
from flowsm.tasks.context import TaskContext
from flowsm.tasks.threads import run_in_daemon_thread

__all__ = ["ProcessData", "ProcessParameters", "SortKey"]

_METHOD: Final = "standard"


class SortKey(Declared, frozen=True, kw_only=True):
    """A field to sort by; records without a value there come last in either order."""

    field: str
    order: Literal["asc", "desc"] = "asc"

    def __post_init__(self) -> None:
        field_getter(self.field)


class ProcessParameters(Rehearsal, frozen=True, kw_only=True):
    """What `process_data` takes."""

    records: list[dict[str, Any]] | None = None
    method: str = _METHOD
    filter: list[FieldClause] = []
    derive: list[Derivation] = []
    aggregate: Aggregation | None = None
    sort: list[SortKey] = []
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    fields: list[str] | None = None

    def __post_init__(self) -> None:
        for field in self.fields or ():
            field_getter(field)
        names = [field_key(field) for field in self.fields or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"`fields` would give {twice[0]!r} twice")


class ProcessData(BuiltinTask):
    """Process the records of the latest result that has some: filter, derive, aggregate, sort, limit, fields.

    The data is `{"records": [...], "count": n, "summary": {"count": n, "fields": {name: {"total", "least", "greatest"}}}}`.

    Parameters, all optional, applied in this order; a field is a name, or a JSON Pointer into the record:
        records: the records, instead of those of an earlier result.
        method: `standard`; another one is noted as a warning, and means `standard`.
        filter: clauses `{"field", "op", "value"}` with the operators of conditions; all must hold.
        derive: `{"field", "op", "args"}`; op is add, subtract, multiply, divide, concat, lower, upper, round, length or
            coalesce, an argument is a constant or `{"field": name}`.
        aggregate: `{"by": [fields], "values": {name: {"op", "field"}}}`; op is count, sum, min, max, mean, first, last
            or distinct.
        sort: `{"field", "order"}`; order is asc or desc.
        limit: how many records at most.
        fields: the fields to keep.
        failure_rate, seed: to rehearse failures.

    Other parameters are noted as a warning; `timeout` and `retry_count` are the engine's.
    """

    Parameters: ClassVar[type[Rehearsal]] = ProcessParameters

    async def work(self, parameters: ProcessParameters, context: TaskContext) -> tuple[dict[str, Any], str]:
        """Process, in a thread."""
        if parameters.method != _METHOD:
            self.warnings.append(f"method {parameters.method!r} is not known; {_METHOD!r} was used")
        records = parameters.records
        source = "its parameters"
        if records is None:
            task, records = latest_records(context.previous_results)
            source = f"task {task!r}"
        found = len(records)
        data = await run_in_daemon_thread(self._process, records, parameters)
        return data, f"processed {found} records of {source}, {data['count']} remain"

    def _process(self, records: Records, parameters: ProcessParameters) -> dict[str, Any]:
        records = filter_records(records, parameters.filter)
        records = derive_fields(records, parameters.derive, self.warnings)
        if parameters.aggregate is not None:
            records = aggregate_records(records, parameters.aggregate, self.warnings)
        records = _sort(records, parameters.sort)[: parameters.limit]
        if parameters.fields is not None:
            records = _project(records, parameters.fields)
        return {"records": records, "count": len(records), "summary": summarise(records)}


def _sort(records: Records, keys: list[SortKey]) -> Records:
    for key in reversed(keys):  # a stable sort by the last key first
        get = field_getter(key.field)
        valued = [(value, record) for record in records if (value := get(record)) is not None and value is not MISSING]
        rest = [record for record in records if (value := get(record)) is None or value is MISSING]
        valued.sort(key=lambda pair: order_key(pair[0]), reverse=key.order == "desc")
        records = [record for _, record in valued] + rest
    return records


def _project(records: Records, fields: list[str]) -> Records:
    getters = [(field_key(field), field_getter(field)) for field in fields]
    rows: Records = []
    for record in records:
        values = ((name, get(record)) for name, get in getters)
        rows.append({name: None if value is MISSING else value for name, value in values})
    return rows
