"""Operators' verbs for many executions, on the command line."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from flowsm import FlowManager
from flowsm.errors import LogUnavailable
from flowsm.runtime.bulk import Operated

WAITS = {
    "id": "refund",
    "name": "Refund",
    "start_task": "approve",
    "tasks": [{"name": "approve", "task_type": "wait_for_signal"}],
}


@pytest.fixture
def ids(flowsm, tmp_path) -> list[str]:
    """Four executions, one of which was cancelled; the newest first."""
    manager = FlowManager(tmp_path / "flowsm.db")
    made = [manager.create_flow_execution(WAITS, execution_id=f"x{number}") for number in range(4)]
    assert flowsm("cancel", "x1").code == 0
    return made[::-1]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(flowsm, ids) -> None:
    """Each execution is named, with its status, or why it would be refused."""
    ran = flowsm("cancel", "--flow", "refund", "--dry-run")
    assert ran.code == 5
    assert [line.split(":")[0] for line in ran.out.splitlines()] == [
        "x3 created",
        "x2 created",
        "x1 cancelled",
        "x0 created",
    ]
    assert "it is cancelled; possible now: remove" in ran.out
    assert "4 executions matched, 3 would be done, 1 refused" in ran.err
    assert flowsm("ls", "--status", "created", "--json").json["items"][0]["execution_id"] == "x3"


def test_each_is_an_event_of_its_own_with_actor_and_reason(flowsm, ids) -> None:
    """The filters are those of `ls`; without a refusal the exit code is 0."""
    ran = flowsm(
        "cancel", "--status", "created", "--flow", "Refund", "--since", "1h", "--reason", "why", "--actor", "ada"
    )
    assert ran.code == 0
    for name in ("x0", "x2", "x3"):
        events = flowsm("events", name, "--json").json
        (asked,) = [event["data"] for event in events if event["type"] == "execution.cancelling"]
        assert (asked["reason"], asked["actor"]) == ("why", "ada")


def test_json_is_one_document(flowsm, ids) -> None:
    """It holds each execution, and the figures; also when there are none."""
    document = flowsm("pause", "--flow", "refund", "--json", "--now").json
    assert {one["execution_id"]: one["refused"] is None for one in document["executions"]} == {
        "x0": True,
        "x1": False,
        "x2": True,
        "x3": True,
    }
    assert {name: document[name] for name in ("verb", "dry_run", "matched", "done", "refused")} == {
        "verb": "pause",
        "dry_run": False,
        "matched": 4,
        "done": 3,
        "refused": 1,
    }
    empty = flowsm("retry", "--status", "failed", "--json")
    assert (empty.code, empty.json["executions"], empty.json["matched"]) == (0, [], 0)


def test_other_verbs_take_filters_too(flowsm, ids) -> None:
    """`resume` and `remove` do, and every execution is meant by --all."""
    assert flowsm("pause", "--status", "created").code == 0
    assert flowsm("resume", "--status", "paused").code == 0
    assert flowsm("cancel", "--status", "created").code == 0
    assert flowsm("remove", "--all").code == 0
    assert flowsm("ls", "--json").json["items"] == []


def test_failed_ones_go_on(flowsm, folder) -> None:
    """`retry` in bulk takes the task to go on from, as by id."""
    flowsm("run", "bad.json", "--id", "a")
    ran = flowsm("retry", "--status", "failed", "--task", "nowhere")
    assert ran.code == 5
    assert "a failed: cannot retry" in ran.out
    assert flowsm("retry", "--status", "failed").code == 0
    assert flowsm("ls", "--json").json["items"][0]["status"] != "failed"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["cancel"], "expected an ID, or a filter"),
        (["remove", "--dry-run"], "expected an ID, or a filter"),
        (["cancel", "x1", "--status", "running"], "found both: 'x1' and options"),
        (["retry", "x1", "--all"], "found both"),
        (["pause", "--all", "--flow", "refund"], "give one of them"),
        (["pause", "--since", "yesterday"], "--since 'yesterday'"),
    ],
)
def test_what_nobody_can_mean_is_a_usage_error(flowsm, ids, argv, said) -> None:
    """No filter, or an id and a filter: nothing is done."""
    ran = flowsm(*argv)
    assert (ran.code, said in ran.err) == (2, True), ran.err
    assert flowsm("summary", "--json").json["status_counts"]["created"] == 3


def test_an_error_in_the_middle_says_how_many_were_done(flowsm, ids, monkeypatch) -> None:
    """What was answered before the log could not be written any more is counted; before the first there is no count."""
    answered = [Operated(execution_id="x3", status="cancelled")]

    async def in_bulk(*_: object, each, **__: object) -> None:
        for one in answered:
            each(one)
        raise LogUnavailable("flowsm.db", "the disk is full")

    monkeypatch.setattr(FlowManager, "in_bulk", in_bulk)
    ran = flowsm("cancel", "--all")
    assert (ran.code, ran.out) == (1, "x3 cancelled\n")
    assert ran.err == (
        "flowsm: cancel: interrupted; at least 1 done, 0 refused; the rest was not asked\n"
        "flowsm: flowsm.db: the disk is full\n"
    )
    answered.clear()
    assert flowsm("cancel", "--all").err == "flowsm: flowsm.db: the disk is full\n"


def test_a_second_signal_waits_for_nothing(flowsm, ids, monkeypatch) -> None:
    """Told twice to stop, it does not wait for those that have not answered yet."""

    async def in_bulk(*_: object, each, **__: object) -> None:
        each(Operated(execution_id="x3", status="cancelled", refused="no"))
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(FlowManager, "in_bulk", in_bulk)
    ran = flowsm("cancel", "--all")
    assert (ran.code, ran.out) == (143, "x3 cancelled: no\n")
    assert ran.err == "flowsm: cancel: interrupted; at least 0 done, 1 refused; the rest was not asked\n"
