"""The operators' verbs on the command line."""

from __future__ import annotations

import shlex

import pytest
from small_flows import flow_of, task_of, tasks_that_say

from flowsm import FlowManager
from flowsm.sync import FlowManager as SyncFlowManager

WAITS = {
    "id": "refund",
    "name": "Refund",
    "start_task": "approve",
    "tasks": [{"name": "approve", "task_type": "wait_for_signal"}],
}


@pytest.fixture
def waiting(flowsm, tmp_path) -> str:
    """An execution that was created paused, and waits for a signal once it is driven."""
    return FlowManager(tmp_path / "flowsm.db").create_flow_execution(WAITS)


def test_verbs_say_what_became_of_the_execution_and_how_it_goes_on(flowsm, waiting):
    """The command that is shown is one that works."""
    assert f"pause: {waiting} is paused" in flowsm("pause", waiting, "--reason", "lunch").err
    resumed = flowsm("resume", waiting).err
    assert f"resume: {waiting} is created" in resumed
    told = flowsm("signal", waiting, "approve", "--data", '{"by": "Ada"}', "--outcome", "approved").err
    command = shlex.split(told.partition("goes on by: ")[2])
    assert command == ["flowsm", "run", waiting]
    went_on = flowsm(*command[1:])
    assert went_on.code == 0
    shown = flowsm("show", waiting, "--json").json
    assert (shown["status"], shown["task_results"]["approve"]["data"]) == ("completed", {"by": "Ada"})


def test_what_is_not_possible_now_is_a_sentence(flowsm, waiting):
    """It names the state, and what may be asked instead."""
    for verb in (["resume"], ["retry"], ["resolve", "--as", "success"]):
        refused = flowsm(verb[0], waiting, *verb[1:])
        assert refused.code != 0
        assert "it is created; possible now: run, signal, cancel, pause" in refused.err
    assert f"cancel: {waiting} is cancelled\n" in flowsm("cancel", waiting).err


@pytest.mark.parametrize(
    ("data", "words"),
    [("{", "found '{'; a text is '\"text\"', for a file write --data @FILE"), ("@none", "--data @none: ")],
)
def test_data_that_is_none_is_refused(flowsm, waiting, data, words):
    """Nothing is recorded of a signal whose payload cannot be read."""
    refused = flowsm("signal", waiting, "approve", "--data", data)
    assert refused.code != 0
    assert words in refused.err
    assert "signal" not in flowsm("events", waiting).out


def test_a_signal_after_the_end_is_recorded_and_said_to_be_of_no_use(flowsm, waiting):
    """Exit code 5, for what was asked contradicts what is recorded; so for the same signal, sent again."""
    assert flowsm("cancel", waiting).code == 0
    for words in ("recorded", "was recorded before"):
        told = flowsm("signal", waiting, "approve", "--key", "k")
        assert (told.code, told.out) == (5, "")
        assert f"signal 'approve' {words}: {waiting} is cancelled\n" in told.err
        assert f"warning: signal 'approve' came after the end of execution '{waiting}', and is of no use" in told.err
    assert flowsm("events", waiting).out.count("signal.received") == 1


def test_a_signal_that_no_task_waits_for_is_recorded_with_a_warning(flowsm, waiting):
    """With the name that was probably meant; one without a name is refused."""
    told = flowsm("signal", waiting, "aprove")
    assert told.code == 0
    assert "warning: no task of flow 'Refund' waits for signal 'aprove' (did you mean 'approve'?)" in told.err
    assert "warning" not in flowsm("signal", waiting, "approve").err
    refused = flowsm("signal", waiting, "")
    assert refused.code == 2
    assert "name is '', expected a text of 1 to 200 characters" in refused.err


def test_a_retry_from_a_task_that_was_never_come_to_names_it_and_those_that_were(flowsm, waiting):
    """The task is the trouble, not the execution's status; an execution that has not failed is refused as ever."""
    assert "it is created; possible now: run" in flowsm("retry", waiting, "--task", "nope").err
    assert flowsm("signal", waiting, "approve", "--outcome", "failure").code == 0
    assert flowsm("run", waiting).code == 1
    refused = flowsm("retry", waiting, "--task", "nope")
    assert refused.code == 5
    assert (
        f"cannot retry execution '{waiting}' from task 'nope', to which it never came: expected one of 'approve'"
        in (refused.err)
    )
    assert flowsm("retry", waiting, "--task", "approve").code == 0


def test_a_resolution_that_contradicts_itself_is_refused(flowsm, waiting):
    """A success whose outcome is failure is a wrong use, whatever the execution is at."""
    refused = flowsm("resolve", waiting, "--as", "success", "--outcome", "failure")
    assert (refused.code, "contradicts the resolution 'success': leave the outcome out" in refused.err) == (2, True)
    refused = flowsm("resolve", waiting, "--as", "retry", "--data", "3")
    assert (refused.code, "data is 3, but an attempt that is made again has data of its own" in refused.err) == (
        2,
        True,
    )


def test_what_a_living_process_has_is_not_told_to_be_run(flowsm, tmp_path):
    """Its worker is named; whoever has none is told the command."""
    with SyncFlowManager(tmp_path / "flowsm.db", tasks=tasks_that_say(), durability="normal") as manager:
        execution_id = manager.start(flow_of(task_of("h", "hang"))).execution_id
        (owner,) = manager.owners([execution_id])
        for ran in (flowsm("signal", execution_id, "any"), flowsm("cancel", execution_id)):
            assert f"{execution_id} is running; worker {owner.worker}, which has it, sees to that\n" in ran.err
            assert "flowsm run" not in ran.err
