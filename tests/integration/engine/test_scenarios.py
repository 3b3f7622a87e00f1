"""The earlier manager's contract through the public API: routes, statuses and events."""

from __future__ import annotations

import asyncio
from datetime import UTC
from typing import Any

import pytest

from flowsm import BaseTask, FlowManager, FlowStatus, TaskFactory, TaskResult, TaskStatus
from flowsm.errors import InputInvalid, UsageError

START = ["execution.created", "execution.started", "transition.taken", "task.started"]
NEXT = ["task.completed", "transition.taken", "task.started"]
DONE = ["task.completed", "transition.taken", "execution.completed"]
FAILED = ["task.completed", "transition.taken", "execution.failed"]


async def types(manager: FlowManager, execution_id: str) -> list[str]:
    return [event.type for event in await manager.events(execution_id)]


def one(task: str, **fields: Any) -> dict[str, Any]:
    flow = {key: fields.pop(key) for key in ("timeout", "input_schema", "max_transitions") if key in fields}
    fields |= {"timeout": fields.pop("task_timeout")} if "task_timeout" in fields else {}
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task, **fields}]} | flow


def test_the_quickstart_as_written(monkeypatch: pytest.MonkeyPatch, tmp_path, sample) -> None:
    """The code block of the documentation works as it stands, in the working folder, with the default registry."""
    monkeypatch.chdir(tmp_path)

    class CustomTask(BaseTask):
        async def execute(self, context) -> TaskResult:
            assert self.validate_parameters()
            return TaskResult(
                task_name=self.name, status=TaskStatus.SUCCESS, message="ok", data={"d": self.description}
            )

    TaskFactory.register_task("custom_task", CustomTask, replace=True)
    config_dict = {"flow": sample["flow"] | {"conditions": [], "start_task": "My Task"}}
    config_dict["flow"]["tasks"] = [{"name": "My Task", "description": "Mine", "task_type": "custom_task"}]

    async def main() -> None:
        manager = FlowManager()
        flow_config = manager.load_flow_config(config_dict)
        execution_id = manager.create_flow_execution(flow_config)
        result = await manager.execute_flow(execution_id, flow_config)
        assert f"{result.status}" == "completed"
        assert result.status is FlowStatus.COMPLETED
        assert result.task_results["My Task"].data == {"d": "Mine"}

    asyncio.run(main())

    assert (tmp_path / "flowsm.db").exists()


async def test_the_three_task_sample(manager: FlowManager, sample, script) -> None:
    """Fetch → process → store: route, results and every event, in order."""
    result = await manager.run(sample, {"customer": 7})
    assert result.status is FlowStatus.COMPLETED
    assert result.path == result.completed_tasks == script.calls == ["fetch", "process", "store"]
    assert (result.flow_id, result.flow_name, result.input) == ("sample", "Sample", {"customer": 7})
    assert (result.current_task, result.error, result.skipped_tasks) == (None, None, [])
    stored = result.task_results["store"]
    assert (stored.task_name, stored.status, stored.message, stored.data) == ("store", "success", "store done", 6)
    assert stored.execution_time is not None
    assert stored.execution_time > 0
    assert stored.timestamp is not None
    assert stored.timestamp.tzinfo is UTC
    assert result.started_at is not None
    assert result.ended_at is not None
    assert result.started_at <= stored.timestamp <= result.ended_at
    assert await types(manager, result.execution_id) == [*START, *NEXT, *NEXT, *DONE]
    assert await manager.get_flow_status(result.execution_id) == result
    assert [row.status for row in await manager.history(result.execution_id)] == ["success"] * 3


async def test_the_one_condition_example(manager: FlowManager, sample) -> None:
    """Two tasks and one condition: success goes on, the second task ends the flow."""
    flow = sample["flow"]
    flow["tasks"], flow["conditions"] = flow["tasks"][:2], flow["conditions"][:1]
    result = await manager.run({"flow_config": sample})
    assert (result.status, result.path) == (FlowStatus.COMPLETED, ["fetch", "process"])
    assert await types(manager, result.execution_id) == [*START, *NEXT, *DONE]
    taken = [event.fact for event in await manager.events(result.execution_id) if event.type == "transition.taken"]
    assert [(fact.source, fact.target, fact.condition, fact.met) for fact in taken] == [
        ("created", "fetch", None, True),
        ("fetch", "process", "fetched", True),
        ("process", "completed", None, False),
    ]


@pytest.mark.parametrize(("failing", "route"), [("fetch", ["fetch"]), ("process", ["fetch", "process"])])
async def test_a_failing_task_ends_the_sample(manager: FlowManager, sample, script, failing, route) -> None:
    """fetch, or process, fails: its `target_task_failure` ends the flow as failed, the rest is skipped."""
    script.failing[failing] = 1
    result = await manager.run(sample)
    assert (result.status, result.path, script.calls) == (FlowStatus.FAILED, route, route)
    assert result.error == f"task '{failing}' failed: {failing} is down"
    assert result.completed_tasks == route[:-1]
    assert result.skipped_tasks == ["fetch", "process", "store"][len(route) :]
    assert result.task_results[failing].error == f"{failing} is down"
    assert await types(manager, result.execution_id) == [*START, *(NEXT * (len(route) - 1)), *FAILED]


async def test_an_error_is_routed_to_a_handler(manager: FlowManager, tasks, sample, script) -> None:
    """A condition on failure sends the flow to a handler, which sees the error, and the flow completes."""

    async def handle(context):
        return context["previous_results"]["process"].error

    tasks.register_task("handle", handle)
    sample["flow"]["tasks"].append({"name": "handle"})
    sample["flow"]["conditions"][1]["target_task_failure"] = "handle"
    script.failing["process"] = 1
    result = await manager.run(sample)
    assert (result.status, result.path) == (FlowStatus.COMPLETED, ["fetch", "process", "handle"])
    assert result.completed_tasks == ["fetch", "handle"]
    assert result.skipped_tasks == ["store"]
    assert result.task_results["handle"].data == "process is down"
    assert result.error is None
    assert await types(manager, result.execution_id) == [*START, *NEXT, *NEXT, *DONE]


async def test_a_retry_then_success(timed: FlowManager, clock, sample, script) -> None:
    """Two failures, two waits of the backoff, a third attempt that succeeds: every attempt is kept."""
    retry = {"max_attempts": 3, "initial_interval": 10, "backoff_coefficient": 3, "jitter": 0}
    sample["flow"]["tasks"][1]["retry"] = retry
    script.failing["process"] = 2
    handle = await timed.start(sample)
    for seconds in (10, 30):
        await clock.sleepers()
        waiting = await timed.get_flow_status(handle.execution_id)
        assert (waiting.status, waiting.current_task) == (FlowStatus.RUNNING, "process")
        clock.advance(seconds)
    result = await handle
    assert (result.status, result.path) == (FlowStatus.COMPLETED, ["fetch", "process", "store"])
    again = ["task.completed", "retry.scheduled", "task.started"]
    assert await types(timed, result.execution_id) == [*START, *NEXT, *again, *again, *NEXT, *DONE]
    rows = await timed.history(result.execution_id)
    assert [(row.task, row.attempt, row.status) for row in rows] == [
        ("fetch", 1, "success"),
        ("process", 1, "failure"),
        ("process", 2, "failure"),
        ("process", 3, "success"),
        ("store", 1, "success"),
    ]
    assert (result.ended_at - result.started_at).total_seconds() == 40


async def test_retries_as_the_earlier_manager_writes_them(manager: FlowManager, sample, script) -> None:
    """`parameters.retry_count` counts the retries after the first attempt."""
    sample["flow"]["tasks"][0] |= {"retry": {"max_attempts": 2, "initial_interval": 0}}
    script.failing["fetch"] = 2
    result = await manager.run(sample)
    assert (result.status, script.calls) == (FlowStatus.FAILED, ["fetch", "fetch"])
    sample["flow"]["tasks"][0] = {"name": "fetch", "parameters": {"retry_count": 1}}
    machine = await manager.machine_of(manager.create_flow_execution(sample))
    assert machine.retries["fetch"].max_attempts == 2


async def test_when_clauses_pick_the_way(manager: FlowManager, tasks, sample) -> None:
    """A `when` looks at recorded values; the operands that it saw are in the transition."""
    clause = {"path": "/results/process/data/total", "op": "gt", "value": 5}
    sample["flow"]["conditions"][1] |= {"when": [clause], "target_task_failure": "end_failure"}
    result = await manager.run(sample)
    assert result.path == ["fetch", "process", "store"]
    taken = [event.fact for event in await manager.events(result.execution_id) if event.type == "transition.taken"][2]
    assert [(operand.seen, operand.wanted, operand.held) for operand in taken.operands] == [(6, 5, True)]


async def test_outcomes_and_skips(manager: FlowManager, tasks) -> None:
    """A task's own outcome picks its condition; `skip_when` and a check that says so skip a task."""

    async def review(context):
        return TaskResult(status=TaskStatus.SUCCESS, outcome=context.input["word"])

    class Checked(BaseTask):
        async def check(self, context):
            return TaskResult(status=TaskStatus.SKIPPED, message="nothing to do")

        async def execute(self, context):
            raise AssertionError("a skipped task was executed")

    tasks.register_task("review", review)
    tasks.register_task("checked", Checked)
    flow = {
        "id": "r",
        "name": "R",
        "start_task": "review",
        "tasks": [
            {"name": "review"},
            {"name": "checked"},
            {"name": "quiet", "task_type": "review", "skip_when": [{"path": "/input/word", "op": "exists"}]},
        ],
        "conditions": [
            {"source_task": "review", "outcome": "approved", "target_task_success": "checked"},
            {"source_task": "review", "outcome": "rejected", "target_task_success": "quiet"},
        ],
    }
    approved = await manager.run(flow, {"word": "approved"})
    assert (approved.status, approved.path) == (FlowStatus.COMPLETED, ["review", "checked"])
    assert approved.task_results["checked"].status is TaskStatus.SKIPPED
    assert approved.task_results["checked"].message == "nothing to do"
    rejected = await manager.run(flow, {"word": "rejected"})
    assert (rejected.path, rejected.completed_tasks) == (["review", "quiet"], ["review"])
    assert (await types(manager, rejected.execution_id))[-3] == "task.skipped"
    row = (await manager.history(rejected.execution_id))[-1]
    assert (row.task, row.attempt, row.status) == ("quiet", 0, "skipped")


async def test_a_loop_ends_within_its_bound(manager: FlowManager, tasks) -> None:
    """A loop runs until `max_transitions` are used up, then the execution has failed, and says why."""
    tasks.register_task("again", lambda: None)
    flow = one("again", max_transitions=4)
    flow["conditions"] = [
        {"source_task": "again", "target_task_success": "again"},
        {"source_task": "again", "outcome": "enough", "target_task_success": "end"},
    ]
    result = await manager.run(flow)
    assert (result.status, result.path) == (FlowStatus.FAILED, ["again"] * 5)
    assert result.error == "the flow's max_transitions of 4 are used up"


async def test_schemas_are_asked(manager: FlowManager, tasks) -> None:
    """An input that misses the schema is refused before anything is recorded; a result that does is a failure."""
    tasks.register_task("answer", lambda context: context.input)
    flow = one("answer", input_schema={"type": "integer"}, result_schema={"type": "integer", "minimum": 3})
    with pytest.raises(InputInvalid, match="is not of type 'integer'"):
        await manager.run(flow, "seven")
    assert (await manager.executions()).items == []
    assert (await manager.run(flow, 7)).status is FlowStatus.COMPLETED
    missed = await manager.run(flow, 2)
    assert missed.status is FlowStatus.FAILED
    assert "at the whole result: 2 is less than the minimum of 3" in (missed.error or "")
    row = (await manager.history(missed.execution_id))[0]
    assert (row.status, row.error_type) == ("failure", "ResultSchemaMissed")


async def test_references_reach_tasks_resolved(manager: FlowManager, tasks) -> None:
    """`$from` is resolved when the task starts; a miss takes the default, or is the task's failure."""
    tasks.register_task("echo", lambda value: value)
    found = await manager.run(one("echo", parameters={"value": {"$from": "/input/customer"}}), {"customer": 7})
    assert found.task_results["echo"].data == 7
    default = {"value": {"$from": "/input/customer", "default": [0]}}
    assert (await manager.run(one("echo", parameters=default), {})).task_results["echo"].data == [0]
    missed = await manager.run(one("echo", parameters={"value": {"$from": "/input/customer"}}), {})
    assert missed.status is FlowStatus.FAILED
    assert "nothing is at '/input/customer'" in (missed.error or "")
    assert await types(manager, missed.execution_id) == [*START, *FAILED]
    assert (await manager.history(missed.execution_id))[0].error_type == "UnresolvedReference"


async def test_what_a_task_is_told(manager: FlowManager, sample, script) -> None:
    """The context has the input, the results so far in order, ids, attempt, visit, key, deadline and a logger."""
    result = await manager.run(sample, {"customer": 7})
    first, _, last = script.contexts
    assert set(first.keys()) == {
        "execution_id",
        "flow_id",
        "flow_name",
        "task_name",
        "input",
        "previous_results",
        "attempt",
        "visit",
        "idempotency_key",
        "deadline",
        "logger",
        "permissions",
        "seq",
        "traceparent",
    }
    assert (last["execution_id"], last["flow_id"], last["flow_name"]) == (result.execution_id, "sample", "Sample")
    assert (last["input"], last["attempt"], last["visit"], last["deadline"]) == ({"customer": 7}, 1, 1, None)
    assert last["idempotency_key"] == f"{result.execution_id}:store:1"
    place = {"task": "store", "visit": 1, "attempt": 1, "seq": last["seq"]}
    assert last["logger"].extra == {"execution_id": result.execution_id, **place}
    assert (await manager.events(result.execution_id))[last["seq"] - 1].type == "task.started"
    assert list(first["previous_results"]) == []
    assert list(last["previous_results"]) == ["fetch", "process"]
    assert last["previous_results"]["process"].data == {"total": 6}


async def test_results_are_the_only_channel(manager: FlowManager, tasks) -> None:
    """What a task does to its parameters, the input or earlier results changes nothing for anybody else."""

    async def spoil(context):
        context.input.append("spoilt")
        return [1]

    class Spoiler(BaseTask):
        async def execute(self, context):
            self.parameters["list"].append("spoilt")
            context["previous_results"]["spoil"].data.append("spoilt")
            return [list(self.parameters["list"]), context.input, context["previous_results"]["spoil"].data]

    tasks.register_task("spoil", spoil)
    tasks.register_task("spoiler", Spoiler)
    flow = one("spoil")
    flow["tasks"].append({"name": "spoiler", "parameters": {"list": []}})
    flow["conditions"] = [{"source_task": "spoil", "target_task_success": "spoiler"}]
    config = manager.load_flow_config(flow)
    for _ in range(2):
        result = await manager.run(config, [])
        assert result.task_results["spoiler"].data == [["spoilt"], [], [1, "spoilt"]]
        assert (result.input, result.task_results["spoil"].data) == ([], [1])
        result.task_results["spoil"].data.append("spoilt")
        assert (await manager.get_flow_status(result.execution_id)).task_results["spoil"].data == [1]


async def test_arguments_that_cannot_be_used(manager: FlowManager, tasks) -> None:
    """A concurrency of nothing and ids that are none are refused in words."""
    with pytest.raises(UsageError, match="expected 1 or more"):
        FlowManager(":memory:", concurrency=0)
    with pytest.raises(UsageError, match="expected a letter or digit"):
        manager.create_flow_execution(one("fetch"), execution_id="-x")
    with pytest.raises(UsageError, match="not usable"):
        await manager.start(one("fetch"), execution_id="x" * 101)
