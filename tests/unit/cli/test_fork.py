"""`flowsm fork` and `flowsm forks`: what they say before, and what they print."""

from __future__ import annotations

import shlex

import pytest
from small_flows import flow_of, task_of

from flowsm.sync import FlowManager

TWO = flow_of(
    task_of("a", "process_data", parameters={"records": [{"n": 1}]}),
    task_of("b", "process_data", parameters={"records": [{"n": 1}]}),
    to=(("a", "success", "b"),),
)


@pytest.fixture
def ran(flowsm, tmp_path) -> str:
    with FlowManager(tmp_path / "flowsm.db") as manager:
        return manager.run(TWO, execution_id="x").execution_id


def test_it_says_what_is_done_again_then_forks(flowsm, ran):
    """What is shared, what is begun again and under which keys comes first; the command that is shown goes on."""
    made = flowsm("fork", ran, "--at", "7", "--id", "y", "--reason", "why", "--actor", "ada")
    assert made.code == 0
    assert made.out == "y\n"
    first, second = made.err.splitlines()
    assert first == (
        "flowsm: it shares the results of a, up to seq 7 of x; attempt 1 of task 'b' (visit 1) was under way there and is "
        "begun again; what it runs has idempotency keys of its own: what a service has taken under the other's keys it "
        "takes once more"
    )
    command = shlex.split(second.partition("goes on by: ")[2])
    assert command == ["flowsm", "run", "y"]
    assert flowsm(*command[1:]).code == 0
    assert "forked    off x, after its seq 7" in flowsm("show", "y").out
    assert "forked off x after seq 7, where b was under way: begun again by ada: why" in flowsm("timeline", "y").out
    assert "off x, after its seq 7, by ada: why" in flowsm("events", "y").out


def test_what_would_be_shared_is_only_said(flowsm, ran):
    """With --dry-run nothing is recorded."""
    before = flowsm("fork", ran, "--at", "6", "--dry-run")
    assert (before.code, before.out) == (0, "")
    assert "and goes on with task 'b' (visit 1); what it runs has idempotency keys of its own" in before.err
    after = flowsm("fork", ran, "--at", "5", "--dry-run", "--set", "results.a.data.count=7").err
    assert "up to seq 5 of x, with results.a.data.count=7, and goes on after task 'a' (visit 1)" in after
    assert flowsm("fork", ran, "--at", "5", "--dry-run", "--set", "results.b.data=7").code == 5
    assert "shares no result, up to seq 2 of x, and goes on with the first task" in (
        flowsm("fork", ran, "--at", "2", "--dry-run").err
    )
    assert flowsm("fork", ran, "--at", "6", "--dry-run", "--json").json["done"] == ["a"]
    assert flowsm("forks", ran).out == "x  completed  ←\n"


def test_the_tree(flowsm, ran):
    """Each with its status, and after which event; as data too."""
    assert flowsm("fork", "x", "--at", "5", "--id", "y", "--json").json["execution_id"] == "y"
    paused = flowsm("fork", "y", "--at", "3", "--id", "z", "--paused").err
    assert paused.endswith("forked: z is paused; without a worker it goes on by: flowsm resume z\n")
    assert flowsm("forks", "y").out == ("x  completed\n├── z  paused, after seq 3\n└── y  running, after seq 5  ←\n")
    assert flowsm("forks", "z", "--json").json[2] == {
        "execution_id": "z", "forked_from": "x", "forked_at": 3, "status": "paused",
    }  # fmt: skip


def test_where_nothing_can_be_forked_off(flowsm, ran):
    """An end, and an event that is not there: the error says where it can be."""
    ended = flowsm("fork", ran, "--at", "10")
    assert ended.code == 5
    assert (
        "cannot fork x at seq 10: it had ended there; the last event before it where that can be is seq 8" in ended.err
    )
    assert "seq 11: expected 1 to 10" in flowsm("fork", ran, "--at", "11").err


def test_a_generated_test_of_a_fork_passes(flowsm, ran):
    """What a fork shares is the test's own; an attempt that was begun again is begun once."""
    flowsm("fork", ran, "--at", "7", "--id", "y")
    assert flowsm("run", "y").code == 0
    text = flowsm("testgen", "y").out
    assert "the events up to 7 are those of 'x'" in text
    scope: dict[str, object] = {}
    exec(compile(text, "test_y.py", "exec"), scope)
    (test,) = [thing for name, thing in scope.items() if name.startswith("test_")]
    test()
