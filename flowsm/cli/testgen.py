"""`flowsm testgen`: a recorded execution as a test."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Db, ExecutionId
from flowsm.cli.output import talk
from flowsm.manager import FlowManager
from flowsm.replay.testgen import GeneratedTest, generate_test

__all__ = ["generate"]


def generate(
    execution: ExecutionId,
    /,
    *,
    flow_file: Annotated[
        str | None, Parameter(help="The test reads this document, relative to its own file, in place of a copy.")
    ] = None,
    db: Db = DEFAULT_DB,
) -> None:
    """Print a pytest module that takes the flow through the recorded outcomes, and asserts the path."""

    async def question(manager: FlowManager) -> GeneratedTest:
        return generate_test(await manager.replay(await manager.resolve_id(execution)), flow_file=flow_file)

    generated = ask(db, question)
    for note in generated.notes:
        talk(f"flowsm: not scripted: {note}")
    sys.stdout.write(generated.source)
