"""`flowsm coverage`: which ways through a flow were taken, how often and when last, and which never."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Db
from flowsm.cli.output import counted, local_time, print_json, print_text, safe, talk
from flowsm.cli.table import print_table
from flowsm.errors import UsageError
from flowsm.manager import FlowManager
from flowsm.replay.coverage import Coverage, CoverageCount, Taken

__all__ = ["coverage"]


def coverage(
    *,
    flow: Annotated[str | None, Parameter(help="Only this flow, by its id or name.")] = None,
    digest: Annotated[str | None, Parameter(help="This version, by the beginning of its digest.")] = None,
    all: Annotated[bool, Parameter(help="Every version; by default each flow's newest.")] = False,
    format: Annotated[
        Literal["text", "json", "mermaid"], Parameter(help="A table, JSON, or a coloured diagram of one version.")
    ] = "text",
    db: Db = DEFAULT_DB,
) -> None:
    """Print every transition of a flow with how often and when it was last taken, and those that never were."""
    if digest is not None and all:
        raise UsageError("--digest names one version, --all means every one: give one of them")

    async def question(manager: FlowManager) -> list[CoverageCount]:
        return await manager.coverage(flow, digest=digest, every_version=all)

    counts = ask(db, question)
    found = [count.report() for count in counts]
    if format == "json":
        print_json(found)
        return
    if not found:
        talk("flowsm: no executions")
    elif format == "text":
        for place, one in enumerate(found):
            _print(one, is_first=place == 0)
    elif len(counts) == 1:
        print_text(counts[0].diagram("mermaid"))
    else:
        names = ", ".join(f"{one.flow_id} {one.digest[:12]}" for one in found)
        raise UsageError(f"a diagram is of one version, found {names}: choose with --flow or --digest")


def _print(found: Coverage, *, is_first: bool) -> None:
    own = [one for one in found.transitions if not one.engine]
    shown = [one for one in found.transitions if one.count or not one.engine]
    head = f"{found.flow_name} ({found.flow_id}), version {found.digest[:12]}"
    executions = counted(found.executions, "execution")
    taken = f"{len(own) - len(found.never)} of {len(own)} transitions taken"
    print_text(("" if is_first else "\n") + safe(f"{head}: {executions}, {taken}"))
    print_table(("from", "to", "outcome", "condition", "taken", "last", "by"), [_row(one) for one in shown])
    if found.never:
        print_text("\nNever taken")
        print_text("".join(f"  {safe(_way(one))}\n" for one in found.never))


def _row(one: Taken) -> tuple[str | None, ...]:
    last = "never" if one.last is None else local_time(datetime.fromisoformat(one.last))
    return (one.source, one.target, one.label, one.condition, str(one.count), last, one.execution_id)


def _way(one: Taken) -> str:
    if one.condition is None:
        return f"{one.source} → {one.target}"
    return f"{one.source} → {one.target}, by {one.condition!r}" + ("" if one.met else ", which was not met")
