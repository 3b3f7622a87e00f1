"""`context.transaction`: what a task's function writes, and its result, are recorded together or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from flowsm import BaseTask, FlowStatus, TaskResult, TaskStatus
from flowsm.errors import Conflict, Fenced, LeaseLost, LogUnavailable
from flowsm.log.port import Guarded, RowChange
from flowsm.log.sqlite import SqliteEventLog
from flowsm.log.transact import Transactor
from flowsm.storage.errors import CommitFailed
from flowsm.storage.transaction import Transactions
from flowsm.testing.log_contract import created, started, to_append

TABLE = "CREATE TABLE effects (execution_id PRIMARY KEY, attempt)"
INSERT = "INSERT INTO effects VALUES (?, ?)"


def one(task, **fields):
    return {"id": task, "name": task, "start_task": task, "tasks": [{"name": task, **fields}]}


def book(context, result=None):
    """A function that writes one row of the execution, then gives `result`, or raises it."""

    def function(connection):
        connection.execute(INSERT, (context.execution_id, context.attempt))
        if isinstance(result, BaseException):
            raise result
        return result(connection) if callable(result) else result

    return function


def effects(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT execution_id, attempt FROM effects").fetchall()


@pytest.fixture
async def manager(manager, path):
    await manager.summary()  # makes the file
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLE)
    return manager


async def test_the_result_is_what_the_function_returns(manager, tasks, path):
    """Async and plain functions, and classes: JSON values, or a TaskResult with an outcome of its own."""

    async def asynchronous(context):
        return await context.transaction(book(context, {"n": 1}))

    def plain(context):
        return context.transaction(book(context, [2]))  # on a thread, where nothing can be awaited

    class Long(BaseTask):
        async def execute(self, context):
            result = TaskResult(status=TaskStatus.SUCCESS, outcome="booked", data=3, warnings=["odd"])
            return await context.transaction(book(context, result), timeout=5)

    for number, (name, code) in enumerate({"asynchronous": asynchronous, "plain": plain, "long": Long}.items(), 1):
        tasks.register_task(name, code)
        execution = await manager.run(one(name))
        assert execution.status is FlowStatus.COMPLETED, execution.error
        assert (execution.execution_id, 1) in effects(path)
        assert len(effects(path)) == number
    assert execution.task_results["long"].outcome == "booked"
    assert execution.task_results["long"].warnings == ["odd"]
    assert execution.task_results["long"].execution_time > 0
    assert (await manager.verify()).ok


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (ValueError("no money"), "ValueError"),
        (SystemExit(3), "SystemExit"),
        (TaskResult(status=TaskStatus.FAILURE, error="no money"), "TaskFailed"),
        ("not what the schema says", "ResultSchemaMissed"),
        (object(), "InvalidResult"),
        (lambda connection: connection.execute("DELETE FROM events"), "TransactionRefused"),
        (lambda connection: connection.execute("CREATE TABLE executions_2 (a)"), "TransactionRefused"),
        (
            lambda connection: connection.execute("INSERT OR ROLLBACK INTO effects SELECT * FROM effects"),
            "IntegrityError",
        ),
        (lambda connection: connection.execute("nonsense"), "OperationalError"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_nothing_of_a_failure_stays(manager, tasks, path, given, error):
    """Whatever makes the attempt a failure undoes what the function wrote; the next attempt writes once."""

    async def pay(context):
        return await context.transaction(book(context, given if context.attempt == 1 else 42))

    tasks.register_task("pay", pay)
    flow = one("pay", retry={"max_attempts": 2, "initial_interval": 0}, result_schema={"type": "integer"})
    execution = await manager.run(flow)
    assert execution.status is FlowStatus.COMPLETED, execution.error
    assert [row.error_type for row in await manager.history(execution.execution_id)] == [error, None]
    assert effects(path) == [(execution.execution_id, 2)]
    assert (await manager.verify()).ok


async def test_a_function_that_takes_too_long_is_stopped(manager, tasks, path):
    """The time limit, or the attempt's own timeout where that is shorter, ends it, and nothing of it stays."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) INSERT INTO effects SELECT x, 0 FROM n"

    async def slow(context, limit: float):
        return await context.transaction(book(context, lambda lent: lent.execute(endless)), timeout=limit)

    tasks.register_task("slow", slow)
    limited = await manager.run(one("slow", parameters={"limit": 0.05}))
    assert "limit of 0.05 s" in limited.error
    late = await manager.run(one("slow", parameters={"limit": 8}, timeout=0.2))
    assert "its timeout of 0.2 s" in late.error
    assert "task.timed_out" in [event.type for event in await manager.events(late.execution_id)]
    assert effects(path) == []


async def test_only_what_is_returned_is_run(manager, tasks, path):
    """Returning something else, raising after asking, or asking twice, fails with a word; the function never runs."""

    async def forgets(context):
        await context.transaction(book(context))
        return "done"

    async def raises(context):
        await context.transaction(book(context))
        raise ValueError("after all")

    async def twice(context):
        await context.transaction(book(context))
        return await context.transaction(book(context))

    async def looks(context):
        return (await context.transaction(book(context)))["n"]

    words = {forgets: "returned something else", raises: "after all", twice: "asked for a transaction before"}
    for code, word in {**words, looks: "not known before the attempt has ended"}.items():
        tasks.register_task(code.__name__, code)
        execution = await manager.run(one(code.__name__))
        assert execution.status is FlowStatus.FAILED
        assert word in execution.error
    assert effects(path) == []


async def test_a_stale_owner_writes_nothing(manager, tasks, path):
    """An owner that was replaced before its transaction is fenced: its function never runs."""
    calls = []

    async def pay(context):
        with closing(sqlite3.connect(path)) as connection, connection:  # what another owner's claim does
            connection.execute(
                "UPDATE streams SET epoch = epoch + 1, worker = 'w' WHERE stream = ?", (context.execution_id,)
            )
        return await context.transaction(lambda connection: calls.append(1))

    tasks.register_task("pay", pay)
    with pytest.raises((Fenced, LeaseLost)):
        await manager.run(one("pay"))
    assert calls == []


@pytest.mark.parametrize("committed", [False, True])
async def test_when_the_commits_fate_is_unknown(manager, tasks, path, monkeypatch, committed):
    """The seq is read again: what was recorded is not run again, what was not is; there is one effect either way."""
    calls, run_function = [], Transactions.run_function

    async def pay(context):
        def function(connection):
            calls.append(1)
            return book(context)(connection)

        return await context.transaction(function)

    def fails_once(self, connection, function):
        if calls or not isinstance(getattr(function, "func", None), Transactor):
            return run_function(self, connection, function)
        if committed:
            run_function(self, connection, function)
        else:
            calls.append(0)
        return CommitFailed("the power went")

    monkeypatch.setattr(Transactions, "run_function", fails_once)
    tasks.register_task("pay", pay)
    execution = await manager.run(one("pay"))
    assert execution.status is FlowStatus.COMPLETED
    assert effects(path) == [(execution.execution_id, 1)]
    assert calls == ([1] if committed else [0, 1])


async def test_a_full_disk_is_no_failure_of_the_task(manager, tasks, path, monkeypatch):
    """What the file cannot do stops the execution with a clear error; it goes on, once, when there is room again."""
    full = [True]

    async def pay(context):
        def function(connection):
            book(context)(connection)
            if full[0]:
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorname = "SQLITE_FULL"
                raise error

        return await context.transaction(function)

    tasks.register_task("pay", pay)
    handle = await manager.start(one("pay"))
    with pytest.raises(LogUnavailable, match="the disk is full"):
        await handle
    assert effects(path) == []
    full[0] = False
    assert (await manager.execute_flow(handle.execution_id)).status is FlowStatus.COMPLETED
    assert effects(path) == [(handle.execution_id, 1)]


async def test_many_at_once_among_others(manager, tasks, path):
    """Transactions of many executions, among executions without any, are each recorded once."""

    async def pay(context):
        return await context.transaction(book(context))

    tasks.register_task("pay", pay)
    tasks.register_task("plain", lambda: 1)
    handles = [await manager.start(one("pay" if n % 2 else "plain")) for n in range(40)]
    executions = await asyncio.gather(*(handle.result() for handle in handles))
    assert {execution.status for execution in executions} == {FlowStatus.COMPLETED}
    assert len(effects(path)) == 20
    assert (await manager.verify()).ok


async def test_the_log_says_in_its_words_that_a_batch_cannot_be_written(tmp_path):
    """A batch whose rows cannot be written undoes the function's writes too; a stale gate runs no function."""
    log = SqliteEventLog(tmp_path / "log.db", durability="normal")
    await log.append(to_append("a", 0, created()))

    def make(connection):
        connection.execute("CREATE TABLE IF NOT EXISTS mine (a)")
        connection.execute("INSERT INTO mine VALUES (1)")

    async def after(batch, gate=None):
        guarded = Guarded(function=make, seconds=1.0, settle=lambda value, error: (error is None, batch))
        return await log.append_after(gate or to_append("a", 1), guarded)

    unknown_row = RowChange(statement="nothing", params=())
    with pytest.raises(LogUnavailable, match="nothing of this append was recorded"):
        await after(to_append("a", 1, started(), rows=[unknown_row]))
    with (
        closing(sqlite3.connect(log.path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="no such table"),
    ):
        connection.execute("SELECT * FROM mine")
    assert (await after(to_append("a", 1, started()))).seq == 2
    with closing(sqlite3.connect(log.path)) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == [(1,)]
    with pytest.raises(Conflict, match="is at seq 2, expected 1"):
        await after(to_append("a", 2, started()))
    await log.close()
