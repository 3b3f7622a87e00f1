from __future__ import annotations

from flowsm.status import ENDED_STATUSES, FlowStatus, TaskStatus


def test_statuses_are_their_words() -> None:
    """A status is the text that is stored, and prints as it."""
    assert [f"{status}" for status in TaskStatus] == ["success", "failure", "skipped"]
    assert TaskStatus("failure") is TaskStatus.FAILURE
    assert [str(status) for status in FlowStatus] == [
        "created",
        "running",
        "waiting",
        "paused",
        "completed",
        "failed",
        "cancelled",
    ]


def test_an_execution_that_ended_does_not_go_on() -> None:
    """The ended statuses are the last three."""
    assert set(FlowStatus) - ENDED_STATUSES == {
        FlowStatus.CREATED,
        FlowStatus.RUNNING,
        FlowStatus.WAITING,
        FlowStatus.PAUSED,
    }
