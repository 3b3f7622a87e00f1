"""An export says of an execution what its log says, comes into another log as it was, and shows where it was changed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random

import pytest
from random_flows import HurriedClock, Script, random_flow

from flowsm import FlowManager, TaskFactory
from flowsm.errors import (
    ArchiveBroken,
    ExecutionNotFound,
    FileExists,
    ImportConflict,
    ImportRefused,
    LogBroken,
    LogUnavailable,
    UsageError,
)
from flowsm.upkeep.archive_file import is_archive

EXECUTIONS = int(os.environ.get("FLOWSM_EXPORTED", "40"))
SUBFLOW = {
    "id": "child",
    "name": "Child",
    "start_task": "asks",
    "tasks": [{"name": "asks", "task_type": "wait_for_signal", "parameters": {"name": "go"}}],
}
PARENT = {
    "id": "parent",
    "name": "Parent",
    "start_task": "below",
    "tasks": [{"name": "below", "task_type": "subflow", "parameters": {"flow": SUBFLOW}}],
}


class Raises(TaskFactory):
    """A registry that must not be asked for code."""

    def info(self, name):
        raise AssertionError(f"the code of {name} was asked for")

    def create(self, *args, **kwargs):
        raise AssertionError("the code of a task was asked for")


async def said(manager, name):
    """All that the reading verbs say of an execution but its places in the log."""
    found = [
        (await manager.get_flow_status(name)),
        [event.as_dict() | {"position": 0} for event in await manager.events(name)],
        await manager.history(name),
        await manager.timeline(name),
        await manager.explain(name),
        await manager.verify(name),
        (await manager.machine_of(name)).diagram("text"),
    ]
    last = found[0].seq
    found += [await manager.state_at(name, seq) for seq in range(last + 1)]
    found.append(await manager.diff(name, last // 2, last))
    return found


async def random_runs(path, count):
    """Make a log with executions of random flows."""
    clock = HurriedClock()
    scripts = {}
    tasks = TaskFactory()

    async def play(context, x=None):
        return await scripts[context.execution_id]._play(context, x)

    tasks.register_task("scripted", play)
    async with FlowManager(path, tasks=tasks, clock=clock, durability="normal") as manager:
        for seed in range(count):
            flow = random_flow(f"export {seed}")
            scripts[f"x{seed}"] = Script(seed, flow, clock)
            await manager.run(flow, {"x": 1}, execution_id=f"x{seed}")


async def test_random_executions_in_a_file_and_in_another_log(tmp_path):
    """Every reading verb says the same of the file as of the log; imported, they have the digests that they had."""
    await random_runs(tmp_path / "log.db", EXECUTIONS)
    async with (
        FlowManager(tmp_path / "log.db", tasks=Raises(), durability="normal") as manager,
        FlowManager(tmp_path / "other.db", tasks=Raises(), durability="normal") as other,
    ):
        for seed in range(EXECUTIONS):
            name, path = f"x{seed}", tmp_path / f"x{seed}.flowrun"
            report = await manager.export(name, path)
            events = await manager.events(name)
            assert (report.executions, report.events, report.redacted) == (1, len(events), ())
            before = path.read_bytes()
            async with FlowManager(":memory:", tasks=Raises(), durability="normal") as reader:
                opened = await reader.open_file(path)
                assert (opened.roots, opened.executions, opened.redacted) == ((name,), 1, None)
                assert await said(reader, name) == await said(manager, name)
            assert path.read_bytes() == before
            imported = await other.import_archive(path)
            assert (imported.imported, imported.events) == (1, len(events))
            assert [event.digest for event in await other.events(name)] == [event.digest for event in events]
        assert (await other.verify()).ok
        again = await other.import_archive(tmp_path / "x0.flowrun")
        assert (again.imported, again.present) == (0, 1)


async def test_what_stands_in_it(manager, flows, tmp_path):
    """One JSON object a line: the archive's own, with the flow, the large values, the events and the digests."""
    await manager.run(flows["large"], execution_id="one")
    path = tmp_path / "one.flowrun"
    report = await manager.export("one", path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    events = await manager.events("one")
    kinds = [line["kind"] for line in lines]
    assert kinds == ["archive", "payload", "flow", "stream", *["event"] * len(events), "end"]
    assert lines[0].keys() == {"kind", "format", "made_at"}
    assert lines[3]["digest"] == events[-1].digest
    assert lines[-1]["digest"] == report.digest
    assert is_archive(path)
    with pytest.raises(FileExists):
        await manager.export("one", path)
    with pytest.raises(ExecutionNotFound):
        await manager.export("two", tmp_path / "two.flowrun")
    with pytest.raises(LogUnavailable, match="cannot be written"):
        await manager.export("one", tmp_path / "no" / "one.flowrun")
    assert [file.name for file in tmp_path.iterdir() if "flowrun" in file.name] == ["one.flowrun"]


async def test_an_open_file_stays_open(manager, flows):
    """To a file that is open the same is written, and it is left to its owner."""
    await manager.run(flows["plain"], execution_id="one")
    target = io.BytesIO()
    report = await manager.export("one", target)
    assert json.loads(target.getvalue().splitlines()[-1])["digest"] == report.digest


async def test_nothing_broken_is_exported(manager, flows, sql, tmp_path):
    """What cannot be read is named, and no file is left."""
    await manager.run(flows["plain"], execution_id="one")
    sql("UPDATE events SET data = '{}' WHERE seq = 3", force=True)
    with pytest.raises(LogBroken, match="seq 3"):
        await manager.export("one", tmp_path / "one.flowrun")
    assert not list(tmp_path.glob("*one*"))


# -- what was done to a file ---------------------------------------------------------------


@pytest.fixture
async def lines(manager, flows, tmp_path):
    """The lines of an export with a large value and a failure."""
    await manager.run(flows["large"], execution_id="one")
    await manager.export("one", tmp_path / "one.flowrun")
    return (tmp_path / "one.flowrun").read_bytes().splitlines(keepends=True)


async def broken(tmp_path, lines):
    path = tmp_path / "changed.flowrun"
    path.write_bytes(b"".join(lines))
    async with FlowManager(":memory:", durability="normal") as reader:
        with pytest.raises(ArchiveBroken) as caught:
            await reader.open_file(path)
        assert (await reader.executions()).items == []
    assert str(path) in str(caught.value)
    return caught.value.line


@pytest.mark.parametrize("seed", range(40))
async def test_a_changed_byte_is_found(lines, tmp_path, seed):
    """Wherever it is: in a flow, a value or an event that very line is named, elsewhere a later one at the latest."""
    rng = random.Random(seed)
    number = rng.randrange(len(lines))
    line = lines[number]
    place = rng.randrange(len(line) - 1)
    lines[number] = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
    found = await broken(tmp_path, lines)
    exact = json.loads(line)["kind"] in {"flow", "payload", "event"}
    assert found == number + 1 if exact else number + 1 <= found <= len(lines)


@pytest.mark.parametrize("seed", range(10))
async def test_a_missing_added_or_moved_line_is_found(lines, tmp_path, seed):
    """Also where every line is as it was written: the first line that does not belong where it is, is named."""
    number = random.Random(seed).randrange(4, len(lines) - 2)
    assert await broken(tmp_path, lines[:number] + lines[number + 1 :]) == number + 1
    assert await broken(tmp_path, lines[:number] + lines[number - 1 :]) == number + 1
    swapped = [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]
    assert await broken(tmp_path, swapped) == number + 1


async def test_a_cut_or_foreign_file(lines, tmp_path):
    """Cut after any line, or within one; empty; followed by something; something else altogether."""
    for number in range(len(lines)):
        assert await broken(tmp_path, lines[:number]) == number + 1
        assert await broken(tmp_path, [*lines[:number], lines[number][:9]]) == number + 1
    assert await broken(tmp_path, [*lines, b"\n"]) == len(lines)
    for text in (b'{"kind": "cat"}\n', b"SQLite format 3\0", b"\0", b'{"kind":"archive","format":9,"made_at":""}\n'):
        assert await broken(tmp_path, [text]) == 1


# -- what has not ended --------------------------------------------------------------------


async def waiting(manager):
    """An execution whose sub-flow waits for a signal."""
    await manager.start(PARENT, execution_id="one")
    async with asyncio.timeout(20):
        while not await stands(manager, "one:below:1"):
            pass


async def stands(manager, name):
    """Whether it is there, and waits; all else goes on meanwhile."""
    await asyncio.sleep(0)
    try:
        return (await manager.events(name))[-1].type == "wait.started"
    except ExecutionNotFound:
        return False


async def test_one_that_waits_is_read_and_goes_on_elsewhere_only_when_told(manager, tasks, clock, tmp_path):
    """A file may hold what has not ended, its sub-flows' too; imported only with `unfinished`, for it goes on then."""
    await waiting(manager)
    alone, whole = tmp_path / "alone.flowrun", tmp_path / "whole.flowrun"
    assert (await manager.export("one", alone)).executions == 1
    assert (await manager.export("one", whole, with_children=True)).executions == 2
    async with FlowManager(":memory:", tasks=Raises()) as reader:
        opened = await reader.open_file(whole)
        assert (opened.roots, opened.executions) == (("one",), 2)
        assert await reader.owners(["one"]) == []
        explained = await reader.explain("one:below:1")
        assert "waits for signal 'go'" in explained.waits_for[0]
        assert await reader.get_flow_status("one") == await manager.get_flow_status("one")
    async with FlowManager(tmp_path / "other.db", tasks=tasks, clock=clock) as other:
        with pytest.raises(ImportRefused, match="one is waiting"):
            await other.import_archive(whole)
        assert (await other.executions()).items == []
        assert (await other.import_archive(whole, unfinished=True)).imported == 2
        await other.signal("one:below:1", "go")
        assert (await other.execute_flow("one")).status == "completed"
        assert (await other.verify()).ok


async def test_only_a_private_log_is_read_into(manager, flows, tmp_path):
    """A file is never opened beside a log of one's own; two files that contradict each other are told."""
    await waiting(manager)
    early, late = tmp_path / "early.flowrun", tmp_path / "late.flowrun"
    await manager.export("one", early)
    await manager.signal("one:below:1", "go")
    await manager.execute_flow("one")
    await manager.export("one", late)
    with pytest.raises(UsageError, match=":memory:"):
        await manager.open_file(early)
    async with FlowManager(":memory:") as reader:
        await reader.open_file(early)
        with pytest.raises(ImportConflict):
            await reader.open_file(late)
