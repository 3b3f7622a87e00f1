"""`flowsm anchor`: what to keep elsewhere, to find out later whether the log was cut or forged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Db
from flowsm.cli.output import counted, talk
from flowsm.manager import FlowManager

__all__ = ["anchor"]


def anchor(
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"), help="The file; stdout by default.")] = None,
    force: Annotated[bool, Parameter(name="--force", help="Overwrite a file that is there.")] = False,
    db: Db = DEFAULT_DB,
) -> None:
    """Note the head digests of all streams, as NDJSON: keep it elsewhere; `flowsm doctor --anchor` compares."""
    if output is not None:
        report = ask(db, lambda manager: manager.anchor(output, force=force))
        talk(
            f"flowsm: {output}: {counted(report.streams, 'stream')}, up to position {report.position:,}; keep it elsewhere"
        )
        return

    async def question(manager: FlowManager) -> None:
        async for line in manager.anchor_lines():
            sys.stdout.write(line.decode())

    ask(db, question)
