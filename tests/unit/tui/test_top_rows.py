"""The rows of the list of executions: every column is as wide as its heading says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from textual.content import Content

from flowsm.projections.listing import ORDERS
from flowsm.projections.queries import ExecutionRow
from flowsm.status import FlowStatus
from flowsm.tui.paint import hint_line
from flowsm.tui.top_rows import heading, row_content

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def item(**fields: object) -> ExecutionRow:
    values = {
        "execution_id": "x1", "flow_id": "f", "flow_name": "日本語" * 20, "flow_digest": "", "status": FlowStatus.RUNNING,
        "current_task": "[red]", "path": [], "completed_tasks": [], "skipped_tasks": [], "transitions": 1, "attempts": 2,
        "failures": 0, "interruptions": 0, "last_error_type": None, "last_error": None, "worker": "w", "due_at": None,
        "created_at": NOW, "started_at": NOW - timedelta(seconds=90), "ended_at": None, "updated_at": NOW, "seq": 3,
        "removed": False, "wake_at": None, "waiting_for": None, "child_id": None, "parent_id": None,
    }  # fmt: skip
    return ExecutionRow(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [72, 78, 118, 250])
def test_rows_fit(width: int) -> None:
    """Whatever the names are, rows and headings fill the width, and no more."""
    for content in (
        heading(width, "created", descending=True),
        row_content(item(), NOW, width),
        row_content(item(flow_name="f", started_at=None, current_task=None, execution_id="x" * 100), NOW, width),
    ):
        assert content.cell_length == width


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_is_shown(order: str) -> None:
    """Each order marks one column; its direction is a shape."""
    assert heading(100, order, descending=True).plain.count("▼") == 1
    assert heading(100, order, descending=False).plain.count("▲") == 1


def test_an_unknown_order_is_refused() -> None:
    """A heading marks no column silently."""
    with pytest.raises(KeyError):
        heading(100, "colour", descending=True)


def test_notes() -> None:
    """What failed says its error, what waits says for what, and what others found out stands before that."""
    failed = row_content(item(status=FlowStatus.FAILED, last_error="no\nroom"), NOW, 200).plain
    assert "no\\nroom" in failed
    assert "    1:30 " in row_content(item(), NOW, 200).plain
    assert "waits for signal s" in row_content(item(waiting_for="signal s"), NOW, 200).plain
    assert "its worker is dead" in row_content(item(waiting_for="signal s"), NOW, 200, "its worker is dead").plain
    long = row_content(item(started_at=NOW - timedelta(days=30, hours=1, seconds=5)), NOW, 200).plain
    assert " 721:00:05 " in long
    earlier = row_content(item(updated_at=NOW - timedelta(days=400)), NOW, 200).plain
    assert "24-12-27" in earlier


def test_hints_fit() -> None:
    """As many keys as there is room for; the last two, help and leaving, are always there."""
    hints = [("np", "step"), ("g", "goto"), ("c", "run"), ("?", "help"), ("q", "quit")]
    assert hint_line(hints, 80).plain == "np step  goto  c run  ? help  quit  "
    assert hint_line(hints, 28).plain == "np step goto ? help quit "
    assert hint_line(hints, 3).plain == "? help quit "
    assert isinstance(hint_line(hints, 3), Content)
