"""`flowsm events`: the story of an execution, as it was recorded."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from flowsm.cli.opening import ask, ask_about
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, ExecutionOrFile
from flowsm.cli.output import print_json
from flowsm.cli.table import print_table
from flowsm.errors import UsageError
from flowsm.events.cloudevents import cloud_event
from flowsm.events.envelope import Recorded
from flowsm.events.facts import ExecutionCreated
from flowsm.ids import is_system_stream
from flowsm.manager import FlowManager
from flowsm.wording.facts import describe

__all__ = ["events"]


def events(
    execution: ExecutionOrFile,
    /,
    *,
    after: Annotated[int, Parameter(help="Only those with a higher seq.")] = 0,
    limit: Annotated[int | None, Parameter(help="How many at most.")] = None,
    format: Annotated[
        Literal["table", "json", "cloudevents"],
        Parameter(help="cloudevents for CloudEvents 1.0 in JSON, one a line; json is --json."),
    ] = "table",
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Print the recorded events of an execution, verified against the hash chain; '$log' stands for the log's own.

    Raises:
        UsageError: --json was said, and another format.
    """
    if as_json and format == "cloudevents":
        raise UsageError("--json and --format cloudevents are two formats: give one")

    async def question(manager: FlowManager, name: str) -> tuple[list[Recorded], str]:
        first = (await manager.events(name, limit=1))[0].fact
        flow_id = first.flow_id if isinstance(first, ExecutionCreated) else ""
        return await manager.events(name, after=after, limit=limit), flow_id

    if is_system_stream(execution):
        found, flow_id = ask(db, lambda manager: question(manager, execution))
    else:
        found, flow_id = ask_about(execution, db, question)
    if as_json or format == "json":
        print_json([event.as_dict() for event in found])
    elif format == "cloudevents":
        for event in found:
            print_json(cloud_event(event, flow_id))
    else:
        print_table(("seq", "at", "type", "what"), [(e.seq, e.at, e.type, describe(e.fact)) for e in found])
