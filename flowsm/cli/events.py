"""`flowsm events`: the story of an execution, as it was recorded."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask, ask_about
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, ExecutionOrFile
from flowsm.cli.output import print_json
from flowsm.cli.table import print_table
from flowsm.cli.wording import describe
from flowsm.events.envelope import Recorded
from flowsm.ids import is_system_stream
from flowsm.manager import FlowManager

__all__ = ["events"]


def events(
    execution: ExecutionOrFile,
    /,
    *,
    after: Annotated[int, Parameter(help="Only those with a higher seq.")] = 0,
    limit: Annotated[int | None, Parameter(help="How many at most.")] = None,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Print the recorded events of an execution, verified against the hash chain; '$log' stands for the log's own."""

    async def question(manager: FlowManager, found: str) -> list[Recorded]:
        return await manager.events(found, after=after, limit=limit)

    if is_system_stream(execution):
        found = ask(db, lambda manager: question(manager, execution))
    else:
        found = ask_about(execution, db, question)
    if as_json:
        print_json([event.as_dict() for event in found])
        return
    print_table(("seq", "at", "type", "what"), [(e.seq, e.at, e.type, describe(e.fact)) for e in found])
