"""doctor names what is wrong with a log: the place, the value, and the way out."""

from __future__ import annotations

import asyncio

import pytest

from flowsm import FlowManager, TaskFactory

HOUR = 3600


async def test_a_log_that_is_well(manager, flows, path):
    """It says what the file is, and that nothing is wrong."""
    for name in flows:
        await manager.run(flows[name])
    report = await manager.doctor()
    assert report.ok
    assert report.troubles == []
    assert (report.path, report.format, report.created_by) == (str(path), report.writer_format, "flowsm 0.1")
    assert report.sqlite_version.startswith("3.")
    assert (report.streams, report.events) == (len(flows), report.position)
    assert report.file_bytes + report.wal_bytes > 10_000


async def test_rows_that_do_not_follow(manager, flows, sql):
    """A row that was changed is named, and that a rebuild cures it."""
    await manager.run(flows["plain"], execution_id="a")
    sql("UPDATE executions SET status = 'failed'".replace("executions", "executions_1"))
    report = await manager.doctor()
    (trouble,) = report.troubles
    assert (trouble.kind, trouble.place, report.ok) == ("verify", "stream a", False)
    assert "status" in trouble.message
    assert "flowsm rebuild" in trouble.way_out
    await manager.rebuild()
    assert (await manager.doctor()).ok


async def test_a_broken_stream(manager, flows, sql):
    """An event that is not what was recorded is named with its seq; there a backup helps."""
    await manager.run(flows["plain"], execution_id="a")
    sql("UPDATE events SET data = '{}' WHERE seq = 3", force=True)
    trouble = (await manager.doctor()).troubles[0]
    assert (trouble.kind, trouble.place, trouble.value) == ("verify", "stream a", "seq 3")
    assert "backup" in trouble.way_out


async def test_a_damaged_file(manager, flows, path, tasks):
    """A page that was overwritten is found by SQLite's own check, or keeps the file from being read; both are told."""
    for _ in range(20):
        await manager.run(flows["plain"])
    await manager.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * 4096)
        file.write(b"\xff" * 4096)
    async with FlowManager(path, tasks=tasks) as other:
        report = await other.doctor()
    assert not report.ok
    assert {"integrity", "file"} & {trouble.kind for trouble in report.troubles}


async def test_another_file(tmp_path):
    """What is no database is told as a trouble of the file."""
    (tmp_path / "other.db").write_text("no database at all")
    async with FlowManager(tmp_path / "other.db") as manager:
        (trouble,) = (await manager.doctor()).troubles
    assert (trouble.kind, trouble.place) == ("file", str(tmp_path / "other.db"))


async def test_a_large_wal(manager, flows, monkeypatch):
    """A write-ahead log past its bound is told."""
    await manager.run(flows["plain"])
    monkeypatch.setattr("flowsm.upkeep.doctor.DOCTOR_WAL_MAX_BYTES", 1)
    (trouble,) = (await manager.doctor()).troubles
    assert trouble.place.endswith("-wal")


async def test_more_troubles_than_are_shown(manager, flows, sql, monkeypatch):
    """The first are shown, all are counted."""
    monkeypatch.setattr("flowsm.upkeep.doctor.PROBLEMS_MAX", 2)
    for _ in range(5):
        await manager.run(flows["plain"])
    sql("UPDATE executions_1 SET status = 'failed'")
    report = await manager.doctor()
    assert (len(report.troubles), report.trouble_count) == (2, 5)


class Hanging:
    """A task that waits until it is let go."""

    def __init__(self, registry: TaskFactory) -> None:
        self.registry = registry
        self.running = asyncio.Event()
        registry.register_task("hang", self.hang)

    async def hang(self) -> None:
        self.running.set()
        await asyncio.Event().wait()


@pytest.fixture
def hanging():
    return Hanging(TaskFactory())


@pytest.fixture
async def left(path, hanging, clock):
    """An execution whose owner is gone in the midst of a task, one that was created only, one that waits for its retry."""
    registry = hanging.registry

    @registry.task("bad")
    async def bad() -> None:
        raise ValueError("not yet")

    retry = {"max_attempts": 2, "initial_interval": 2 * HOUR, "max_interval": 2 * HOUR, "jitter": 0}
    retrying = {"id": "r", "name": "R", "start_task": "bad", "tasks": [{"name": "bad", "retry": retry}]}
    hang = {"id": "h", "name": "H", "start_task": "hang", "tasks": [{"name": "hang"}]}
    async with FlowManager(path, tasks=registry, durability="normal", clock=clock) as owner:
        await owner.start(retrying, execution_id="waits")
        await owner.start(hang, execution_id="hangs")
        owner.create_flow_execution(hang, execution_id="created")
        await hanging.running.wait()
        await clock.sleepers()  # the retry
    hanging.running.clear()
    return registry


async def test_what_is_stuck_and_why(left, path, clock):
    """Without an owner at once, unbegun after an hour, or a minute past its due time, each is named with its reason."""
    async with FlowManager(path, tasks=left, clock=clock) as manager:
        assert [trouble.place for trouble in (await manager.doctor()).troubles] == ["execution hangs"]
        clock.advance(HOUR + 1)
        silent = (await manager.doctor()).troubles
        clock.advance(HOUR + 60)
        all_of_them = (await manager.doctor()).troubles
    why = {trouble.place: trouble for trouble in silent}
    assert why.keys() == {"execution created", "execution hangs"}
    assert "nobody has begun it" in why["execution created"].message
    assert "holds no lease" in why["execution hangs"].message
    assert why["execution hangs"].value == "running, task hang"
    assert why["execution hangs"].way_out == "go on with it: flowsm run hangs"
    why = {trouble.place: trouble for trouble in all_of_them}
    assert why.keys() == {"execution created", "execution hangs", "execution waits"}
    assert "was due at" in why["execution waits"].message


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("status = 'waiting', waiting_for = 'signal go'", ""),
        ("status = 'waiting', waiting_for = 'timer', due_at = '2000'", "was due at 2000"),
        ("status = 'waiting', waiting_for = 'child', child_id = 'created'", ""),
        ("status = 'waiting', waiting_for = 'child', child_id = 'nobody'", "which nobody has created"),
        ("status = 'waiting', waiting_for = 'child', child_id = 'ended'", "which ended at"),
        ("status = 'paused'", ""),
    ],
    ids=["signal", "timer", "child", "no child", "child ended", "paused"],
)
async def test_what_waits(left, path, clock, sql, changes, told):
    """What waits for a signal, a person or a child that runs is well; a timer that is overdue, or a child that is not, is not."""
    async with FlowManager(path, tasks=left, clock=clock) as manager:
        left.register_task("quick", lambda: None)
        flow = {"id": "q", "name": "Q", "start_task": "quick", "tasks": [{"name": "quick"}]}
        await manager.run(flow, execution_id="ended")
        clock.advance(HOUR + 1)
        sql(f"UPDATE executions_1 SET {changes} WHERE execution_id = 'hangs'")
        found = [t for t in (await manager.doctor()).troubles if (t.kind, t.place) == ("stuck", "execution hangs")]
    assert [told in trouble.message for trouble in found] == [True] * bool(told)


async def test_code_that_is_missing(left, path, clock):
    """Of a stuck execution whose task type nobody registered here, that is said too."""
    clock.advance(3 * HOUR)
    async with FlowManager(path, tasks=TaskFactory(), clock=clock) as manager:
        why = {trouble.place: trouble for trouble in (await manager.doctor()).troubles}
    for name, task_type in (("created", "hang"), ("hangs", "hang"), ("waits", "bad")):
        assert f"no code here for its task type '{task_type}'" in why[f"execution {name}"].message
        assert "--tasks" in why[f"execution {name}"].way_out


async def test_a_flow_that_is_not_there(left, path, clock, sql):
    """A stuck execution whose flow cannot be read is told all the same; what is wrong with its flow, verify says."""
    sql("DELETE FROM definitions", force=True)
    clock.advance(3 * HOUR)
    async with FlowManager(path, tasks=TaskFactory(), clock=clock) as manager:
        troubles = (await manager.doctor()).troubles
    assert {trouble.kind for trouble in troubles} == {"verify", "stuck"}
    assert not any("no code here" in trouble.message for trouble in troubles)


async def test_leases_tell(left, hanging, path, clock):
    """What a worker that is alive runs is well, however long it takes."""
    async with FlowManager(path, tasks=left, clock=clock) as owner:
        execution = asyncio.ensure_future(owner.finish("hangs"))
        await hanging.running.wait()
        async with FlowManager(path, tasks=left, clock=clock) as other:
            assert (await other.doctor()).troubles == []
        execution.cancel()
