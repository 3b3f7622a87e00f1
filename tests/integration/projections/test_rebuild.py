"""rebuild: the same rows, byte for byte, from nothing but the log."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial

import pytest

from flowsm import FlowManager
from flowsm.errors import FlowsmError, LogUnavailable, RebuildSuperseded
from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections import rebuild as module
from flowsm.projections.rebuild import rebuild
from flowsm.projections.tables import PROJECTION_MIGRATIONS, ROW_STATEMENTS


async def run_mix(manager: FlowManager, flows: dict, times: int) -> list[str]:
    """Every flow so many times, with some executions that are only created, and some that are removed."""
    handles = [await manager.start(flow) for _ in range(times) for flow in flows.values()]
    ended = [await handle for handle in handles]
    for number, execution in enumerate(ended):
        if number % 7 == 0:
            await manager.remove_flow(execution.execution_id, reason="old")
    for _ in range(times):
        manager.create_flow_execution(flows["plain"])
    return [execution.execution_id for execution in ended]


def store(path) -> SqliteEventLog:
    """The file as another process has it."""
    return SqliteEventLog(path, row_statements=ROW_STATEMENTS, migrations=PROJECTION_MIGRATIONS)


def tables(path) -> set[str]:
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    connection.close()
    return {name for (name,) in names if name.startswith(("executions", "attempts", "statistics"))}


async def test_rebuilt_rows_equal_live_rows(manager, flows, rows):
    """After some hundred executions of every kind, a rebuild gives the very same rows in all three tables."""
    await run_mix(manager, flows, 40)
    live = rows()
    assert len(live["executions"]) == 360
    statuses = {row[5] for row in live["attempts"]}
    assert statuses == {"success", "failure", "skipped", "timed_out"}
    report = await manager.rebuild()
    assert rows() == live
    assert report.ok
    assert (report.generation, report.streams) == (2, 360)
    assert report.events == sum(row[21] for row in live["executions"])


async def test_a_rebuild_needs_nothing_of_the_old_rows(manager, flows, rows, sql):
    """Rows that were deleted, altered or added come back as the log has them."""
    await run_mix(manager, flows, 2)
    live = rows()
    sql(
        "DELETE FROM executions_1 WHERE status = 'failed'",
        "UPDATE attempts_1 SET status = 'success', message = 'lie'",
        "UPDATE statistics_1 SET count = count + 1",
        "INSERT INTO statistics_1 VALUES ('x', 'y', 'z', 1, 1)",
    )
    assert rows() != live
    await manager.rebuild()
    assert rows() == live


async def test_an_empty_log_is_rebuilt_to_empty_tables(manager, rows):
    """Nothing gives nothing."""
    report = await manager.rebuild()
    assert (report.streams, report.events, report.ok) == (0, 0, True)
    assert rows() == {"executions": [], "attempts": [], "statistics": []}


async def test_old_tables_are_gone_afterwards(manager, flows, path, monkeypatch):
    """One generation of tables is left, whatever it took to let go of the others."""
    monkeypatch.setattr(module, "REBUILD_DROP_ROWS", 3)
    await run_mix(manager, flows, 2)
    await manager.rebuild()
    await manager.rebuild()
    assert tables(path) == {"executions_3", "attempts_3", "statistics_3"}


async def test_work_goes_on_in_the_new_tables(manager, flows, rows):
    """What is recorded after a rebuild is added to the new rows; another rebuild agrees."""
    await run_mix(manager, flows, 1)
    await manager.rebuild()
    await run_mix(manager, {"plain": flows["plain"]}, 3)
    live = rows()
    await manager.rebuild()
    assert rows() == live


async def test_rebuilt_under_load(manager, flows, rows):
    """Rebuilds beside fifty executions: the rows agree with the log at any moment, and in the end."""
    some = [flow for flow in list(flows.values())[:5] for _ in range(10)]
    for generation in (2, 3, 4, 5):
        idle = before = await manager._log.look(lambda view: view.position())
        working = asyncio.gather(*(manager.run(flow) for flow in some))
        while before == idle:  # the first of them takes the lease before it begins
            before = await manager._log.look(lambda view: view.position())
        report = await manager.rebuild()
        assert await manager._log.look(lambda view: view.position()) > before
        assert (report.generation, report.ok) == (generation, True)
        checked = await manager.verify()
        assert checked.ok, checked.problems
        await working
    live = rows()
    assert len(live["executions"]) == 200
    await manager.rebuild()
    assert rows() == live


async def test_a_rebuild_outruns_the_appends(manager, flows, rows, monkeypatch):
    """With more appended between two of its pages than a page holds, little is left for the switch all the same."""
    monkeypatch.setattr(module, "REFOLD_PAGE_EVENTS", 10)
    await manager.run(flows["plain"])
    look, switch = manager._log.look, module._Rebuild._switch
    left: list[int] = []
    appended = 0

    async def look_and_work(function):
        nonlocal appended
        if appended < 100:
            await manager.run(flows["plain"])
            appended += 1
        return await look(function)

    def counted(self, view):
        left.append(view.position() - self._position)
        return switch(self, view)

    monkeypatch.setattr(manager._log, "look", look_and_work)
    monkeypatch.setattr(module._Rebuild, "_switch", counted)
    await manager.rebuild()
    monkeypatch.undo()
    assert left[0] <= 80
    assert appended < 100
    live = rows()
    await manager.rebuild()
    assert rows() == live


async def test_what_comes_between_any_two_pages_is_in_the_rows(manager, flows, rows, monkeypatch):
    """Appends before and after every page, of old streams and new ones, are neither lost nor counted twice."""
    monkeypatch.setattr(module, "REFOLD_PAGE_EVENTS", 5)
    await run_mix(manager, flows, 2)
    waiting = [manager.create_flow_execution(flows["looping"]) for _ in range(6)]
    look = manager._log.look

    async def look_and_work(function):
        found = await look(function)
        if waiting:
            await manager.execute_flow(waiting.pop())
            await manager.run(flows["failing"])
        return found

    monkeypatch.setattr(manager._log, "look", look_and_work)
    await manager.rebuild()
    monkeypatch.undo()
    assert waiting == []
    live = rows()
    await manager.rebuild()
    assert rows() == live
    assert (await manager.verify()).ok


async def test_states_may_be_forgotten_while_it_catches_up(manager, flows, rows, monkeypatch):
    """With room for one state only, streams are folded again from their beginning, and rows are given once."""
    monkeypatch.setattr(module, "Refold", partial(module.Refold, states_max=1, machines_max=1))
    monkeypatch.setattr(module, "REFOLD_PAGE_EVENTS", 4)
    await run_mix(manager, flows, 1)
    waiting = [manager.create_flow_execution(flow) for flow in flows.values()]

    async def work() -> None:
        await asyncio.gather(*(manager.execute_flow(execution_id) for execution_id in waiting))

    working = asyncio.create_task(work())
    await manager.rebuild()
    await working
    live = rows()
    await manager.rebuild()
    assert rows() == live


async def test_a_rebuild_that_died_leaves_the_rows_in_use(manager, flows, rows, path, monkeypatch):
    """Its tables lie about unseen until the next rebuild, which takes another number and clears them away."""
    await run_mix(manager, flows, 1)
    live = rows()

    async def die(self) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module._Rebuild, "finish", die)
    with pytest.raises(KeyboardInterrupt):
        await rebuild(manager._log)
    monkeypatch.undo()
    assert rows() == live
    assert "executions_2" in tables(path)
    assert await manager._log.generation() == 1
    report = await manager.rebuild()
    assert report.generation == 3
    assert tables(path) == {"executions_3", "attempts_3", "statistics_3"}
    assert rows() == live


async def test_a_switch_that_fails_changes_nothing(manager, flows, rows, monkeypatch):
    """The last transaction is all or nothing: rows, generation and views stay as they were."""
    await run_mix(manager, flows, 1)
    live = rows()
    monkeypatch.setattr(module, "VIEWS", module.VIEWS + "\nSELECT * FROM nowhere;\n")
    with pytest.raises(LogUnavailable, match="nowhere"):
        await manager.rebuild()
    assert rows() == live
    assert await manager._log.generation() == 1


async def test_tables_that_vanish_stop_the_rebuild(manager, flows, rows, monkeypatch):
    """Whatever becomes of the new tables, the rows in use stay, and the error says what is missing."""
    await run_mix(manager, flows, 1)
    live = rows()
    drop_tables = module._drop_tables

    async def drop_and_more(store, generation) -> None:
        await drop_tables(store, generation)
        await store.change(lambda view: view.execute("DROP TABLE attempts_{g}", generation=generation))

    monkeypatch.setattr(module, "_drop_tables", drop_and_more)
    with pytest.raises(LogUnavailable, match="no such table"):
        await manager.rebuild()
    monkeypatch.undo()
    assert rows() == live
    await manager.rebuild()
    assert rows() == live


async def test_of_two_rebuilds_the_later_one_goes_on(manager, flows, rows, path):
    """Also from two processes: one of them says that it was superseded, and the rows are right."""
    await run_mix(manager, flows, 3)
    live = rows()
    other = store(path)
    results = await asyncio.gather(manager.rebuild(), rebuild(other), return_exceptions=True)
    await other.close()
    stopped = [result for result in results if isinstance(result, FlowsmError)]
    reports = [result for result in results if isinstance(result, module.RebuildReport)]
    assert [type(error) for error in stopped] == [RebuildSuperseded]
    assert str(stopped[0]).startswith("the rebuild of generation 2 was stopped")
    assert [report.generation for report in reports] == [3]
    assert rows() == live
    assert tables(path) == {"executions_3", "attempts_3", "statistics_3"}


async def test_another_process_notices_the_switch(manager, flows, rows, path, registry):
    """A manager that was open before a rebuild elsewhere reads and writes the new tables."""
    first = await manager.run(flows["plain"])
    other = store(path)
    await rebuild(other)
    await other.close()
    second = await manager.run(flows["plain"])
    page = await manager.executions()
    assert {item.execution_id for item in page.items} == {first.execution_id, second.execution_id}
    assert len(rows()["executions"]) == 2
    assert (await manager.verify()).ok


async def test_a_broken_stream_is_set_aside(manager, flows, rows, sql):
    """Its rows show what came before the break, the report names it, and its neighbours are whole."""
    broken = await manager.run(flows["plain"])
    whole = await manager.run(flows["plain"])
    live = rows()
    sql(f"UPDATE events SET data = '{{}}' WHERE stream = '{broken.execution_id}' AND seq = 6")
    report = await manager.rebuild()
    assert [(problem.stream, problem.seq) for problem in report.problems] == [(broken.execution_id, 6)]
    assert not report.ok
    after = {row[0]: row for row in rows()["executions"]}
    assert after[broken.execution_id][21] == 5
    assert after[whole.execution_id] in live["executions"]


async def test_a_stream_without_its_flow_is_set_aside(manager, flows, rows, sql):
    """Without its flow nothing can be folded: no rows, and a sentence."""
    await manager.run(flows["plain"])
    sql("DELETE FROM definitions")
    report = await manager.rebuild()
    assert ["flow cannot be read" in problem.message for problem in report.problems] == [True]
    assert (report.streams, rows()["executions"]) == (0, [])
