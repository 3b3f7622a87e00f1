"""Forks in archives and exports: what is shared goes with those that share it, and comes back so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_flows import flow_of, task_of, tasks_that_say

from flowsm import FlowManager
from flowsm.errors import ArchiveBroken, ImportConflict, OriginNotFound
from flowsm.testing.clock import ManualClock

FLOW = flow_of(
    task_of("a", parameters={"data": {"$from": "/input"}}),
    task_of("b", parameters={"data": {"$from": "/results/a/data"}}),
    to=(("a", "success", "b"),),
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def family(manager: FlowManager) -> list[str]:
    """x; y forked off x within b; z off y, within what y shares; v off y, after its own first event."""
    await manager.run(FLOW, {"secret": "open-sesame"}, execution_id="x")
    for origin, at, name in (("x", 7, "y"), ("y", 3, "z"), ("y", 9, "v")):
        await manager.execute_flow((await manager.fork(origin, at, fork_id=name)).execution_id)
    return ["x", "y", "z", "v"]


async def told(manager: FlowManager, names: list[str]) -> list[Any]:
    """All that a reader sees of these."""
    return [
        [event.as_dict() | {"position": 0} for event in await manager.events(name)]
        + [await manager.get_flow_status(name)]
        for name in names
    ]


async def test_an_archive_takes_the_family_and_gives_it_back(tmp_path: Path, clock: ManualClock) -> None:
    """All leave together; imported into that log, or into another one, each is what it was, forks as forks."""
    path = tmp_path / "old.flowarchive"
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as manager:
        names = await family(manager)
        before = await told(manager, names)
        tree = await manager.forks("x")
        clock.advance(100_000)
        report = await manager.archive(path, older_than=timedelta(seconds=1))
        assert (report.executions, report.purged, report.kept) == (4, 4, {})
        assert (await manager.executions()).items == []
        assert await manager._log.query("SELECT count(*) FROM forks") == [(0,)]
        await manager.import_archive(path)
        assert await told(manager, names) == before
        assert await manager.forks("v") == tree
        assert (await manager.verify()).problems == ()
    async with FlowManager(tmp_path / "b.db", tasks=tasks_that_say(), clock=clock) as other:
        assert (await other.import_archive(path)).imported == 4
        assert (await other.import_archive(path)).present == 4
        assert await told(other, names) == before
        live = await other._log.query("SELECT * FROM executions_{g} ORDER BY 1")
        await other.rebuild()
        assert await other._log.query("SELECT * FROM executions_{g} ORDER BY 1") == live
        assert (await other.verify()).problems == ()


async def test_what_a_younger_fork_shares_stays(tmp_path: Path, clock: ManualClock) -> None:
    """A fork that is not to leave keeps what it was forked off; an older fork may leave alone, and be read alone."""
    path = tmp_path / "old.flowarchive"
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as manager:
        await manager.run(FLOW, {"secret": "open-sesame"}, execution_id="x")
        await manager.execute_flow((await manager.fork("x", 7, fork_id="old")).execution_id)
        clock.advance(100_000)
        await manager.execute_flow((await manager.fork("x", 5, fork_id="young")).execution_id)
        whole = await told(manager, ["old"])
        report = await manager.archive(path, older_than=timedelta(seconds=1))
        assert report.executions == 1
        assert (report.purged, sorted(row.execution_id for row in (await manager.executions()).items)) == (
            1,
            ["x", "young"],
        )
        assert (await manager.verify()).problems == ()
    async with FlowManager(":memory:", clock=clock) as reader:
        opened = await reader.open_file(path)
        assert (opened.roots, opened.parts, opened.executions) == (("old",), ("x",), 1)
        assert await told(reader, ["old"]) == whole
        assert [row.execution_id for row in (await reader.executions()).items] == ["old"]
        assert (await reader.verify()).problems == ()
    async with FlowManager(tmp_path / "b.db", clock=clock) as other:
        for unfinished in (False, True):
            with pytest.raises(
                OriginNotFound, match=r"'old' begins with the events of 'x' up to seq 7, .* import that one first"
            ):
                await other.import_archive(path, unfinished=unfinished)
        assert (await other.executions()).items == []
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as manager:
        await manager.import_archive(path)
        assert await told(manager, ["old"]) == whole


@pytest.mark.parametrize("redact", [(), ("/input/secret", "/results/a/data/secret", "/results/b/data/secret")])
async def test_an_export_of_a_fork_is_read_anywhere(
    tmp_path: Path, clock: ManualClock, redact: tuple[str, ...]
) -> None:
    """It holds what it shares, and no more of the others; redacted in all of it."""
    path = tmp_path / "v.flowrun"
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as manager:
        names = await family(manager)
        before = await told(manager, names)
        await manager.export("v", path, redact=redact)
    text = path.read_text("utf-8")
    assert ("open-sesame" in text) == (not redact)
    async with FlowManager(":memory:", clock=clock) as reader:
        opened = await reader.open_file(path)
        assert opened.roots == ("v",)
        (seen,) = await told(reader, ["v"])
        kinds = [event["type"] for event in seen[:-1]]
        assert kinds == [event["type"] for event in before[3][:-1]]
        assert list(await reader.diff("v", 0, 5))
        assert (seen == before[3]) == (not redact)
        assert (await reader.replay("v")).state_at(9).status == "running"
    async with FlowManager(tmp_path / "a.db", clock=clock) as manager:
        if not redact:
            assert (await manager.import_archive(path)).imported == 0
    if redact:
        return
    async with FlowManager(tmp_path / "b.db", clock=clock) as other:
        with pytest.raises(OriginNotFound):
            await other.import_archive(path)


async def test_another_origin_is_a_conflict(tmp_path: Path, clock: ManualClock) -> None:
    """A fork whose origin is another execution there is not put upon it; a file without the origin is none."""
    path = tmp_path / "y.flowrun"
    async with FlowManager(tmp_path / "a.db", tasks=tasks_that_say(), clock=clock) as manager:
        await family(manager)
        await manager.export("y", path)
    async with FlowManager(tmp_path / "b.db", tasks=tasks_that_say(), clock=clock) as other:
        await other.run(FLOW, {"n": 1}, execution_id="x")
        with pytest.raises(ImportConflict, match="x has seq"):
            await other.import_archive(path)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if '"stream":"y"' in line)
    (tmp_path / "cut.flowrun").write_text("".join(lines[:1] + lines[at:]), "utf-8")
    async with FlowManager(":memory:") as reader:
        with pytest.raises(ArchiveBroken):
            await reader.open_file(tmp_path / "cut.flowrun")
