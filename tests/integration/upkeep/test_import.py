"""An archive comes back as it went: the same streams, digests, rows and statistics; what contradicts it is named."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest

from flowsm import FlowManager
from flowsm.errors import ArchiveBroken, Conflict, ImportConflict
from flowsm.ids import SYSTEM_STREAM

NOW = timedelta(0)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "old.flowarchive"


@pytest.fixture
async def done(manager, flows, clock):
    """Two executions of each flow, ended."""
    for name in flows:
        for number in range(2):
            await manager.run(flows[name], {"number": number}, execution_id=f"{name}-{number}")
    clock.advance(1)


async def everything(manager, flows):
    return {
        f"{name}-{number}": (
            [(e.seq, e.at, e.fact, e.digest) for e in await manager.events(f"{name}-{number}")],
            await manager.get_flow_status(f"{name}-{number}"),
        )
        for name in flows
        for number in range(2)
    }


async def test_back_as_it_went(manager, flows, done, out, rows):
    """Purged and imported: events, results and all rows are what they were, and stay so when they are derived anew."""
    before, told = rows(), await everything(manager, flows)
    await manager.archive(out, older_than=NOW)
    report = await manager.import_archive(out, reason="asked for", actor="ada")
    assert (report.imported, report.present) == (10, 0)
    assert rows() == before
    assert await everything(manager, flows) == told
    assert (await manager.verify()).ok
    await manager.rebuild()
    assert rows() == before
    last = (await manager.events(SYSTEM_STREAM))[-1]
    assert (last.type, last.fact.actor, last.fact.reason) == ("log.imported", "ada", "asked for")
    await manager.archive(out.with_suffix(".2"), older_than=NOW)  # and again
    assert rows()["statistics"] == before["statistics"]
    await manager.import_archive(out.with_suffix(".2"))
    assert rows() == before
    assert (await manager.verify()).ok
    await manager.rebuild()
    assert rows() == before


async def test_into_another_log(manager, flows, done, out, tasks, tmp_path, rows):
    """Into an empty log, or one with executions of its own: there their share is new."""
    before, told = rows(), await everything(manager, flows)
    await manager.archive(out, older_than=NOW)
    async with FlowManager(tmp_path / "other.db", tasks=tasks) as other:
        await other.import_archive(out)
        assert rows(tmp_path / "other.db") == before
        assert await everything(other, flows) == told
        assert (await other.verify()).ok
        await other.run(flows["plain"])
        await other.rebuild()
        assert (await other.verify()).ok


async def test_idempotency_keys_come_along(manager, flows, done, out, tasks, tmp_path, sql):
    """Who starts again with the key of an execution that was imported gets that one, large inputs included."""
    first = await (await manager.start(flows["plain"], {"text": "x" * 100_000}, idempotency_key="k1"))
    await (await manager.start(flows["plain"], 2, idempotency_key="k2"))
    manager._clock.advance(1)
    keys = sql("SELECT * FROM starts")
    await manager.archive(out, older_than=NOW)
    assert sql("SELECT * FROM starts") == keys  # a key outlives its execution
    async with FlowManager(tmp_path / "other.db", tasks=tasks) as other:
        mine = await (await other.start(flows["plain"], 3, idempotency_key="k2"))
        await other.import_archive(out)
        again = await other.start(flows["plain"], {"text": "x" * 100_000}, idempotency_key="k1")
        assert again.execution_id == first.execution_id
        kept = await other.start(flows["plain"], 3, idempotency_key="k2")
        assert kept.execution_id == mine.execution_id


async def test_a_second_time_changes_nothing(manager, flows, done, out, rows, sql):
    """What is there with the same head is left alone, also when it went on since."""
    await manager.archive(out, older_than=NOW)
    await manager.import_archive(out)
    await manager.remove_flow("plain-0")
    before, events = rows(), sql("SELECT * FROM events")
    report = await manager.import_archive(out)
    assert (report.imported, report.present) == (0, 10)
    assert (rows(), sql("SELECT * FROM events")) == (before, events)


async def test_part_of_it_is_there(manager, flows, done, out, rows, sql, monkeypatch):
    """An import that was cut short goes on: what came in is left alone, the rest follows, large values included."""
    monkeypatch.setattr("flowsm.upkeep.archived.ARCHIVE_BATCH_EVENTS", 20)
    before = rows()
    await manager.archive(out, older_than=NOW)
    real, calls = manager._log.restore, []

    async def failing(request):
        calls.append(request)
        if len(calls) == 3:
            raise OSError("the power went")
        return await real(request)

    monkeypatch.setattr(manager._log, "restore", failing)
    with pytest.raises(OSError, match="power"):
        await manager.import_archive(out)
    assert (await manager.verify()).ok
    report = await manager.import_archive(out)
    assert report.present > 0
    assert report.imported + report.present == 10
    assert rows() == before
    assert (await manager.verify()).ok


async def test_what_contradicts_is_named(manager, flows, done, out, tasks, tmp_path, sql):
    """An execution with the same id and another history: nothing is imported, and each is named."""
    await manager.archive(out, older_than=NOW)
    async with FlowManager(tmp_path / "other.db", tasks=tasks) as other:
        await other.run(flows["plain"], execution_id="plain-0")
        await other.run(flows["plain"], execution_id="failing-1")
        with pytest.raises(ImportConflict) as caught:
            await other.import_archive(out)
        assert {text.split()[0] for text in caught.value.conflicts} == {"plain-0", "failing-1"}
        assert len((await other.executions()).items) == 2


async def test_an_older_archive_of_what_was_purged_later(manager, flows, done, out, tmp_path, monkeypatch):
    """Only the archive to which an execution went brings it back; the error names it."""

    async def nothing(*arguments):
        return None

    monkeypatch.setattr("flowsm.upkeep.archive.purge_archived", nothing)  # as if the process had died
    await manager.archive(tmp_path / "first", older_than=NOW)
    monkeypatch.undo()
    await manager.remove_flow("plain-0")
    await manager.archive(out, older_than=NOW)
    with pytest.raises(ImportConflict, match=f"import {out.name}"):
        await manager.import_archive(tmp_path / "first")
    assert (await manager.import_archive(out)).imported == 10


async def test_others_purge_and_import_meanwhile(manager, flows, done, out, rows, monkeypatch, tmp_path):
    """Where the log's own stream went on, or a stream came in, the import looks again; nothing is counted twice."""
    monkeypatch.setattr("flowsm.upkeep.archived.ARCHIVE_BATCH_EVENTS", 20)
    before = rows()
    await manager.archive(out, older_than=NOW)
    real, calls = manager._log.restore, []

    async def crowded(request):
        calls.append(request)
        if len(calls) == 2:
            await manager.import_archive(out)
        return await real(request)

    monkeypatch.setattr(manager._log, "restore", crowded)
    report = await manager.import_archive(out)
    assert report.imported < 10
    assert report.imported + report.present == 10
    assert rows() == before
    assert (await manager.verify()).ok


async def test_it_does_not_try_for_ever(manager, flows, done, out, monkeypatch):
    """A log that goes on faster than it can be imported into is told."""
    await manager.archive(out, older_than=NOW)

    async def never(request):
        raise Conflict("plain-0", 0, 1)

    monkeypatch.setattr(manager._log, "restore", never)
    with pytest.raises(Exception, match="too fast"):
        await manager.import_archive(out)


async def test_payloads_that_nobody_needs_are_not_kept(manager, flows, done, out, tasks, tmp_path, monkeypatch, sql):
    """A payload that came before an import failed goes with the next one, unless a stream uses it."""
    await manager.archive(out, older_than=NOW)
    await manager.import_archive(out)
    assert sql("SELECT count(*) FROM payloads") == [(2,)]
    await manager._log.store_documents([("ab" * 32, b'"unused"')], [], "2026")
    await manager._log.drop_unused(["ab" * 32])
    assert sql("SELECT count(*) FROM payloads") == [(2,)]


def rewritten(path, change):
    with gzip.open(path, "rt") as file:
        text = file.read()
    with gzip.open(path, "wt") as file:
        file.write(change(text))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.split("\n", 1)[1],
        lambda text: text.replace('"format":1', '"format":2', 1),
        lambda text: text[: len(text) // 2],
        lambda text: "\n".join(text.split("\n")[:-2]) + "\n",
        lambda text: text + "more\n",
        lambda text: text.replace('"kind":"flow"', '"kind":"other"', 1),
        lambda text: text.replace("t0", "t9", 1),
        lambda text: text.replace("xxxx", "xxxy", 1),
        lambda text: text.replace("it is bad", "it is good", 1),
        lambda text: text.replace('"stream":"plain-0"', '"stream":"$log"', 1),
        lambda text: text.replace('"stream":"plain-0"', '"stream":"plain-9"', 1),
        lambda text: text.replace('"made_at":"2', '"made_at":"3', 1),
        lambda text: "\n".join(line for line in text.split("\n") if '"kind":"flow"' not in line),
        lambda text: "\n".join(line for line in text.split("\n") if '"kind":"payload"' not in line),
        lambda text: "\n".join(line for line in text.split("\n") if '"seq":4,' not in line),
        lambda text: text.replace("\n", '\n{"kind":"event","seq":1,"type":"","version":1,"at":"","data":"","digest":""}\n', 1),
    ],
    ids=[
        "empty", "no head", "newer", "cut", "no end", "more", "kind", "flow", "payload", "data", "system", "id", "head",
        "no flow", "no payload", "a hole", "stray event",
    ],
)  # fmt: skip
async def test_what_is_not_what_was_written(manager, flows, done, out, sql, change):
    """Whatever is changed in an archive, even where gzip is content, is noticed before anything is imported."""
    await manager.archive(out, older_than=NOW)
    rewritten(out, change)
    before = sql("SELECT count(*) FROM events")
    with pytest.raises(ArchiveBroken):
        await manager.import_archive(out)
    assert sql("SELECT count(*) FROM events") == before


async def test_a_stream_may_be_in_it_once(manager, flows, done, out):
    """Twice the same stream is no archive of ours."""
    await manager.archive(out, older_than=NOW)

    def twice(text):
        head, *rest = text.split("\n")
        begin = next(place for place, line in enumerate(rest) if '"kind":"stream"' in line)
        stop = next(place for place, line in enumerate(rest[begin + 1 :], begin + 1) if '"kind":"event"' not in line)
        return "\n".join([head, *rest[:stop], *rest[begin:]])

    rewritten(out, twice)
    with pytest.raises(ArchiveBroken, match="twice"):
        await manager.import_archive(out)


async def test_another_file(manager, tmp_path, out):
    """What is no gzip, a cut gzip, and what is not there are told alike."""
    with pytest.raises(ArchiveBroken, match="cannot be read"):
        await manager.import_archive(tmp_path / "none")
    out.write_text("text")
    with pytest.raises(ArchiveBroken, match="line 1: expected an archive, or an export"):
        await manager.import_archive(out)
