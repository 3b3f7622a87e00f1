"""`flowsm graph`: the picture of a flow, or of an execution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from flowsm.cli.flow_or_id import looks_like_file, or_stdin, resolve_or_explain
from flowsm.cli.opening import ask, file_of, only_root
from flowsm.cli.options import DEFAULT_DB, Db
from flowsm.cli.output import print_text
from flowsm.definition.load import load_flow
from flowsm.errors import NotFound
from flowsm.machine.compile import compile_flow
from flowsm.manager import FlowManager

__all__ = ["graph"]


def graph(
    target: Annotated[
        str,
        or_stdin(
            "A flow document (a path, or - for stdin), or an execution: its id, @last, or its export.", name="FILE|ID"
        ),
    ],
    /,
    *,
    format: Annotated[
        Literal["mermaid", "dot", "text"], Parameter(help="mermaid for Markdown, dot for Graphviz, text to read.")
    ] = "mermaid",
    db: Db = DEFAULT_DB,
) -> None:
    """Draw a flow, or an execution coloured by what happened."""
    path = None if target == "-" else file_of(target)
    if path is None and looks_like_file(target):
        machine = compile_flow(load_flow(target if target == "-" else Path(target)))
        print_text(machine.diagram(format))
        return
    if path is None and not db.exists() and not target.startswith("@"):
        raise NotFound(f"{target!r} is neither a flow document, nor an execution: there is no log at {str(db)!r}")

    async def question(manager: FlowManager) -> str:
        found = await resolve_or_explain(manager, target, db) if path is None else only_root(manager.opened[0])
        history = await manager.replay(found)
        return history.machine.diagram(format, history.state_at(history.last))

    print_text(ask(path or db, question))
