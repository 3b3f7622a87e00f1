"""The rows of the list of executions, fitted to the width."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from textual.content import Content

from flowsm.projections.listing import ORDERS
from flowsm.projections.queries import ExecutionRow
from flowsm.status import FlowStatus
from flowsm.tui.paint import FAINT, STYLES, marked, plain
from flowsm.wording.text import local_time, seconds_text
from flowsm.wording.waiting import waits_in_words

__all__ = ["heading", "row_content"]

_GAP: Final = 1
_MINUTE: Final = 60
_COLUMNS: Final = {
    "id": 16, "status": 11, "flow": 0, "task": 0, "since": 8, "time": 9, "tries": 6, "fails": 6, "note": 0,
}  # fmt: skip
"""Each column and how wide it is; those with 0 share what the others leave."""
_SHARES: Final = {"flow": 1, "task": 1, "note": 2}
_SORTED_BY: Final = {"created": "id", "updated": "since", "duration": "time", "attempts": "tries", "failures": "fails"}
"""Orders whose column is called otherwise."""
_NOTE_FROM_COLUMNS: Final = 100
_RIGHT: Final = frozenset({"time", "tries", "fails"})
_TODAY: Final = slice(11, 19)
_EARLIER: Final = slice(2, 10)


def heading(width: int, order: str, *, descending: bool) -> Content:
    """The columns' names, and the one that they are sorted by; the order of their creation is that of the ids."""
    if order not in ORDERS:
        raise KeyError(order)
    by = _SORTED_BY.get(order, order)
    sign = "▼" if descending else "▲"
    names = {name: plain(f"{name}{sign}" if name == by else name) for name in _COLUMNS}
    return _line(names, width)


def row_content(item: ExecutionRow, now: datetime, width: int, note: str = "") -> Content:
    """One execution.

    Args:
        item: it.
        now: how long it runs by now.
        width: of the list, in columns.
        note: what there is to say of it besides.
    """
    end = item.ended_at or now
    seconds = (end - item.started_at).total_seconds() if item.started_at is not None else None
    since, today = local_time(item.updated_at), local_time(now)
    failed = item.status is FlowStatus.FAILED
    said = (item.last_error or "") if failed else note or waits_in_words(item)
    return _line(
        {
            "id": plain(item.execution_id),
            "status": marked(item.status.value),
            "flow": plain(item.flow_name),
            "task": plain(item.current_task or ""),
            "since": plain(since[_TODAY] if since[:10] == today[:10] else since[_EARLIER], FAINT),
            "time": plain(_duration(seconds)),
            "tries": plain(item.attempts),
            "fails": plain(item.failures, STYLES["failed"] if item.failures else FAINT),
            "note": plain(said, STYLES["failed"] if failed else FAINT),
        },
        width,
    )


def _duration(seconds: float | None) -> str:
    if seconds is None or seconds < _MINUTE:
        return seconds_text(seconds)
    minutes, rest = divmod(int(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _line(cells: dict[str, Content], width: int) -> Content:
    wide = _widths(width)
    return Content(" " * _GAP).join([_fit(cells[name], columns, name in _RIGHT) for name, columns in wide.items()])


def _widths(width: int) -> dict[str, int]:
    shown = {name: columns for name, columns in _COLUMNS.items() if name != "note" or width >= _NOTE_FROM_COLUMNS}
    shares = {name: share for name, share in _SHARES.items() if name in shown}
    left = max(width - sum(shown.values()) - _GAP * (len(shown) - 1), len(shares))
    parts = {name: left * share // sum(shares.values()) for name, share in shares.items()}
    last = next(reversed(parts))
    parts[last] += left - sum(parts.values())
    return shown | parts


def _fit(cell: Content, columns: int, right: bool) -> Content:
    cut = cell.truncate(columns, ellipsis=True)
    return cut.pad_left(columns - cut.cell_length) if right else cut.truncate(columns, pad=True)
