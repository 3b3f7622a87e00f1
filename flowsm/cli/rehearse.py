"""`flowsm whatif`: what another version of a flow means for what is recorded. Nothing is executed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from flowsm.cli.exit_codes import FAILED, FINE
from flowsm.cli.flow_or_id import or_stdin
from flowsm.cli.ls import moment_of
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import print_json, print_text, safe, talk
from flowsm.cli.table import print_table
from flowsm.definition.load import load_flow
from flowsm.definition.model import FlowConfig
from flowsm.manager import FlowManager
from flowsm.replay.whatif import EndGroup, NeedGroup, PartGroup, WhatIf

__all__ = ["whatif"]

_FlowFile: TypeAlias = Annotated[
    str,
    or_stdin("Another version of the flow: a path, or - for stdin.", name="FLOW_FILE"),
]


def whatif(
    file: _FlowFile,
    /,
    *,
    flow: Annotated[
        str | None, Parameter(help="Whose executions, by the flow's id or name; by default the document's id.")
    ] = None,
    since: Annotated[
        str | None, Parameter(allow_leading_hyphen=True, help="Created since then: 30m, 2h, 7d, or an ISO 8601 time.")
    ] = None,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> int:
    """Send every recorded history of a flow through another version of it, with its recorded outcomes.

    Runs nothing. The exit code is 1 when a history would not take the same path, so that CI can guard a change.
    """
    version = _flow_of(file)
    moment = None if since is None else moment_of(since, datetime.now(UTC))

    async def question(manager: FlowManager) -> WhatIf:
        return await manager.whatif(version, flow_id=flow, since=moment)

    found = ask(db, question)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found.histories:
        talk(f"flowsm: no execution of flow {found.flow_id!r} is recorded here: nothing was compared")
    return FINE if found.ok else FAILED


def _flow_of(file: str) -> FlowConfig:
    return load_flow(file if file == "-" else Path(file))


def _print(found: WhatIf) -> None:
    print_text(safe(f"Flow {found.flow_id!r} as version {found.digest[:12]}: {_histories(found.histories)}"))
    upto = [f"{found.in_flight} in flight, up to where they are"] if found.in_flight else []
    upto += [f"{found.cut} up to where they were cancelled, or their time was over"] if found.cut else []
    compared = f" ({'; '.join(upto)})" if upto else ""
    print_text(f"  ✓ {found.same} take the same path{compared}")
    if found.changed:
        print_text(f"  ✗ {found.changed} do not")
    if found.unreadable:
        print_text(
            safe(f"  ! {found.unreadable} cannot be read: {_named(found.unreadable_examples)}; see flowsm verify")
        )
    for title, headers, rows in _groups(found):
        print_text(f"\n{title}")
        print_table((*headers, "histories", "such as"), rows)
    if found.changed_tasks:
        names = ", ".join(map(repr, found.changed_tasks))
        print_text(safe(f"\nTheir recorded outcomes were taken, though what they do was changed: {names}"))


_Row: TypeAlias = tuple[str, ...]


def _groups(found: WhatIf) -> Iterator[tuple[str, _Row, list[_Row]]]:
    """The tables of those that differ: title, headers, rows."""
    if found.parting:
        parting: list[_Row] = [(group.task, group.recorded, group.rehearsed, *_size(group)) for group in found.parting]
        yield "Where they part first", ("at", "recorded", "this version"), parting
    if found.needing:
        needing: list[_Row] = [(group.task, group.why, *_size(group)) for group in found.needing]
        yield "What they need, and was never recorded", ("outcome of", "for"), needing
    if found.ending:
        ending: list[_Row] = [(group.recorded, group.rehearsed, *_size(group)) for group in found.ending]
        yield "How they end", ("recorded", "this version"), ending


def _size(group: PartGroup | NeedGroup | EndGroup) -> _Row:
    return str(group.count), _named(group.examples)


def _histories(count: int) -> str:
    return f"{count} recorded {'history' if count == 1 else 'histories'}"


def _named(examples: list[str]) -> str:
    return ", ".join(examples)
