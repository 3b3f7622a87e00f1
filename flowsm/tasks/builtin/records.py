"""Records: where they are in what earlier tasks gave, and in a decoded document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from flowsm.errors import DataInvalid
from flowsm.status import TaskStatus
from flowsm.tasks.result import TaskResult

__all__ = ["Record", "Records", "check_records", "latest_records", "records_of"]

Record: TypeAlias = dict[str, Any]
Records: TypeAlias = list[Record]


def latest_records(results: Mapping[str, TaskResult]) -> tuple[str, Records]:
    """The records of the latest result that has some, and the name of its task.

    A result has records when its data is a list of objects, or an object whose `records` is one, be it empty.

    Raises:
        DataInvalid: no result has records.
    """
    for task in reversed(list(results)):
        result = results[task]
        data = result.data.get("records") if isinstance(result.data, dict) else result.data
        if (
            result.status is TaskStatus.SUCCESS
            and isinstance(data, list)
            and all(isinstance(row, dict) for row in data)
        ):
            return task, data
    seen = ", ".join(map(repr, results)) or "none"
    raise DataInvalid(
        "records", "", f"no earlier result has some (results so far: {seen}); run fetch_data before, or give `records`"
    )


def check_records(rows: list[Any], source: str, place: str = "") -> Records:
    """The rows, all of which are objects.

    Raises:
        DataInvalid: one is not; the sentence says which.
    """
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            kind = type(row).__name__
            raise DataInvalid(source, f"{place}/{index}", f"expected an object, found a {kind}")
    return rows


def records_of(document: Any, source: str) -> Records:
    """The records of a JSON document: an array of objects, or an object with `records` or with one array.

    Raises:
        DataInvalid: it has none, or more than one array to choose from.
    """
    if isinstance(document, list):
        return check_records(document, source)
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise DataInvalid(source, "", f"expected an array of objects, or an object with `records`, found a {kind}")
    arrays = [key for key, value in document.items() if isinstance(value, list)]
    key = "records" if "records" in arrays else arrays[0] if len(arrays) == 1 else None
    if key is None:
        found = ", ".join(map(repr, arrays or document)) or "nothing"
        kind = "several arrays" if arrays else "no array among"
        raise DataInvalid(source, "", f"expected an object with `records` or with one array, found {kind} {found}")
    return check_records(document[key], source, f"/{key}")
