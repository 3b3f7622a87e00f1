"""The machine as rows of text: each state with its mark, and below it where it may go."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from flowsm.machine.compile import FlowMachine
from flowsm.machine.diagram import MARKS, picture_of
from flowsm.machine.state import ExecutionState
from flowsm.tui.paint import FAINT, STYLES, plain

__all__ = ["MachineRows", "machine_rows"]

_WENT: Final = "⇒"
_MAY: Final = "→"


class MachineRows:
    """The rows, and which of them is the state where the execution stands."""

    def __init__(self, rows: list[Content], current: int) -> None:
        self.rows = rows
        self.current = current


def machine_rows(machine: FlowMachine, state: ExecutionState) -> MachineRows:
    """Every state with what became of it: lit where it stands, greyed what has not come yet.

    Args:
        machine: whose states they are.
        state: of the execution at the cursor.
    """
    picture = picture_of(machine, state)
    ways: dict[str, list[Content]] = {node.id: [] for node in picture.nodes}
    for arrow in picture.arrows:
        labels = " | ".join(label for label in arrow.labels if label)
        sign = _WENT if arrow.taken else _MAY
        ways[arrow.source.id].append(
            plain(f"  {sign} {arrow.target.label}", "" if arrow.taken else FAINT) + plain(f"  {labels}", FAINT)
        )
    rows: list[Content] = []
    current = 0
    for node in picture.nodes:
        fate = node.fate or "never"
        if node.name == state.node:
            current = len(rows)
            rows.append(plain(f"{MARKS[fate]} {node.label} ◀", f"reverse {STYLES[fate]}"))
        else:
            rows.append(plain(f"{MARKS[fate]} {node.label}", STYLES[fate]))
        rows += ways[node.id]
    return MachineRows(rows, current)
