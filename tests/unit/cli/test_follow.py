"""`flowsm follow` and `flowsm subscriptions`, on a log that stands still."""

from __future__ import annotations

import json

import pytest

from flowsm import FlowManager

WAITS = {
    "id": "refund",
    "name": "Refund",
    "start_task": "approve",
    "tasks": [{"name": "approve", "task_type": "wait_for_signal"}],
}


@pytest.fixture
def log(flowsm, tmp_path) -> None:
    """Three executions, one of which was paused."""
    manager = FlowManager(tmp_path / "flowsm.db")
    for number in range(3):
        manager.create_flow_execution(WAITS, execution_id=f"x{number}")
    assert flowsm("pause", "x1").code == 0


def test_lines_go_on_where_they_ended(flowsm, log) -> None:
    """Each run prints the next events, one a line, whatever --after says."""
    first = flowsm("follow", "a", "--after", "0", "--limit", "2")
    assert first.code == 0
    assert [line.split(" ")[2:5] for line in first.out.splitlines()] == [
        ["x0", "1", "execution.created"],
        ["x1", "1", "execution.created"],
    ]
    second = flowsm("follow", "a", "--after", "0", "--limit", "2", "--json")
    told = [json.loads(line) for line in second.out.splitlines()]
    assert [(event["stream"], event["position"]) for event in told] == [("x2", 3), ("x1", 4)]


def test_types_choose(flowsm, log) -> None:
    """Only events of the types that were named are printed."""
    ran = flowsm("follow", "a", "--type", "execution.paused", "--after", "1", "--limit", "1")
    assert " x1 2 execution.paused" in ran.out


def test_subscriptions_are_listed_and_forgotten(flowsm, log) -> None:
    """Their places are shown, and one that is of no use is removed."""
    assert "no subscriptions" in flowsm("subscriptions").err
    flowsm("follow", "a", "--after", "0", "--limit", "3")
    assert flowsm("subscriptions", "--json").json[0]["position"] == 3
    assert flowsm("subscriptions").out.splitlines()[1].split()[:2] == ["a", "3"]
    assert flowsm("subscriptions", "--remove", "a").code == 0
    gone = flowsm("subscriptions", "--remove", "a")
    assert (gone.code, "subscription 'a' not found" in gone.err) == (4, True)


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["a", "--type", "execution.fail"], 2, "did you mean 'execution.failed'?"),
        (["a", "--type", "zzzzzzzz"], 2, "there are execution.cancelled, "),
        (["a", "--after", "later"], 2, "--after 'later': expected now"),
        (["a", "--after", "-1"], 2, "after is -1"),
        (["a", "--after", "500"], 2, "after is 500, expected a position that was given out: 0 to "),
        (["a", "--limit", "0"], 2, "--limit is 0"),
        (["a/b"], 2, "subscription 'a/b': expected"),
        (["a", "--db", "nowhere.db"], 4, "there is no log"),
        (["a", "--db", "old.flowarchive"], 2, "old.flowarchive is an archive"),
    ],
)
def test_what_cannot_be_followed_is_a_sentence(flowsm, log, argv, code, said) -> None:
    """An argument that cannot be used is refused at once."""
    assert flowsm("cancel", "x0").code == 0
    assert flowsm("archive", "old.flowarchive", "--older-than", "0s").code == 0
    ran = flowsm("follow", *argv)
    assert (ran.code, said in ran.err) == (code, True), ran.err
