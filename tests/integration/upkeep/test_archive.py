"""What ended long ago goes to a file and leaves the log; nothing is lost, and the statistics stay as they were."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest

from flowsm.errors import (
    ArchiveBroken,
    ExecutionNotFound,
    FileExists,
    LogUnavailable,
    RebuildSuperseded,
    StartConflict,
    UsageError,
)
from flowsm.ids import SYSTEM_STREAM
from flowsm.testing.log_contract import started, to_append

DAY = 24 * 3600
MONTH = timedelta(days=30)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "old.flowarchive"


@pytest.fixture
async def old(manager, flows, clock):
    """One execution of each flow that ended long ago, and one that was created then and runs still."""
    for name in flows:
        await manager.run(flows[name], {"from": name}, execution_id=f"old-{name}")
    await manager.remove_flow("old-plain", reason="seen")
    manager.create_flow_execution(flows["plain"], execution_id="waiting")
    clock.advance(40 * DAY)
    await manager.run(flows["large"], execution_id="new-large")
    await manager.run(flows["failing"], execution_id="new-failing")
    return {f"old-{name}" for name in flows}


def lines(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


async def test_what_leaves_and_what_stays(manager, old, rows, out, sql):
    """Ended long ago: to the file, byte for byte; the rest stays, and so do all statistics, before and after a rebuild."""
    before = rows()
    stored = sql("SELECT seq, type, version, at, data, digest FROM events WHERE stream = 'old-retrying' ORDER BY seq")
    report = await manager.archive(out, older_than=MONTH, reason="room", actor="ada")
    assert (report.executions, report.purged, report.kept) == (len(old), len(old), {})
    assert report.statuses == {"completed": 4, "failed": 1}
    after = rows()
    assert after["statistics"] == before["statistics"]
    assert {row[0] for row in after["executions"]} == {"waiting", "new-large", "new-failing"}
    assert {row[0] for row in after["attempts"]} == {"new-large", "new-failing"}
    assert sql("SELECT count(*) FROM events WHERE stream GLOB 'old-*'") == [(0,)]
    assert sql("SELECT count(*) FROM purging") == [(0,)]
    found = lines(out)
    assert found[0]["kind"] == "archive"
    assert found[-1] | {"digest": "", "made_at": ""} == {
        "kind": "end", "flows": 5, "payloads": 2, "streams": 5, "events": report.events, "digest": "", "made_at": ""
    }  # fmt: skip
    begin = next(place for place, line in enumerate(found) if line.get("stream") == "old-retrying")
    events = found[begin + 1 : begin + 1 + found[begin]["seq"]]
    assert [(e["seq"], e["type"], e["version"], e["at"], e["data"], e["digest"]) for e in events] == stored
    assert (await manager.verify()).ok
    await manager.rebuild()
    assert rows() == after
    assert (await manager.doctor()).ok is False  # the one that waits has waited for long
    with pytest.raises(ExecutionNotFound):
        await manager.get_flow_status("old-plain")
    with pytest.raises(ExecutionNotFound):
        await manager.events("old-plain")


async def test_the_log_says_who_when_and_why(manager, old, out, clock, sql):
    """The log's own stream names the streams, their heads, their share, the archive, and who asked for it, with a chain."""
    heads = dict(sql("SELECT stream, digest FROM streams"))
    report = await manager.archive(out, older_than=MONTH, reason="room", actor="ada")
    (event,) = await manager.events(SYSTEM_STREAM)
    data = event.as_dict()["data"]
    assert (event.type, event.seq) == ("log.purged", 1)
    assert (data["reason"], data["actor"]) == ("room", "ada")
    assert (data["archive"], data["archive_digest"]) == (out.name, report.digest)
    assert {stream: digest for stream, _, digest in data["streams"]} == {name: heads[name] for name in old}
    assert ["plain", "t0", "success", 1] in [share[:4] for share in data["statistics"]]
    page = await manager.executions()
    assert SYSTEM_STREAM not in {row.execution_id for row in page.items}
    with pytest.raises(ExecutionNotFound):
        await manager.get_flow_status(SYSTEM_STREAM)


async def test_positions_are_never_used_again(manager, old, out, sql, flows):
    """What is recorded after a purge comes after all that ever was."""
    ((last,),) = sql("SELECT max(position) FROM events")
    await manager.archive(out, older_than=timedelta(0))
    assert sql("SELECT position FROM events WHERE stream = ?", SYSTEM_STREAM) == [(last + 1,)]
    execution = await manager.run(flows["plain"])
    assert (await manager.events(execution.execution_id))[0].position == last + 2


async def test_payloads_that_others_use_stay(manager, old, out, sql, clock):
    """A large value goes with the last stream that holds it, and not before."""
    assert sql("SELECT count(*) FROM payloads") == [(2,)]
    await manager.archive(out, older_than=MONTH)
    assert sql("SELECT count(*) FROM payloads") == [(1,)]  # that of new-large
    assert (await manager.get_flow_status("new-large")).task_results["t0"].data == "x" * 100_000
    clock.advance(1)
    await manager.archive(out.with_suffix(".2"), older_than=timedelta(0))
    assert sql("SELECT count(*) FROM payloads") == [(0,)]
    assert sql("SELECT count(*) FROM payload_uses") == [(0,)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"flow": "plain"}, {"old-plain"}),
        ({"flow": "The failing"}, {"old-failing"}),
        ({"status": "failed"}, {"old-failing"}),
        ({"status": "cancelled"}, set()),
    ],
)
async def test_filters(manager, old, out, sql, filters, expected):
    """By flow, id or name, and by status; without anything to archive no file is made. A dry run only counts."""
    told = await manager.archive(out, older_than=MONTH, dry_run=True, **filters)
    assert (told.executions, told.purged, told.dry_run, out.exists()) == (len(expected), 0, True, False)
    report = await manager.archive(out, older_than=MONTH, **filters)
    assert (report.executions, report.events, report.statuses) == (told.executions, told.events, told.statuses)
    assert old - {stream for (stream,) in sql("SELECT stream FROM streams")} == expected
    assert out.exists() == bool(expected)


async def test_what_is_refused(manager, old, out, tmp_path):
    """A file that is there, a folder that is not, and a status that never ends."""
    out.write_text("mine")
    for dry_run in (True, False):
        with pytest.raises(FileExists):
            await manager.archive(out, older_than=MONTH, dry_run=dry_run)
    assert out.read_text() == "mine"
    with pytest.raises(LogUnavailable, match="cannot be written"):
        await manager.archive(tmp_path / "no" / "x", older_than=MONTH)
    with pytest.raises(UsageError, match="cancelled, completed, failed"):
        await manager.archive(tmp_path / "x", older_than=MONTH, status="running")


async def test_a_broken_execution_stays(manager, old, out, sql):
    """What cannot be read is left where it is, and named; the others go."""
    sql("UPDATE events SET data = '{}' WHERE stream = 'old-plain' AND seq = 3", force=True)
    sql("DELETE FROM definitions WHERE flow_id = 'failing'", force=True)
    sql("UPDATE events SET type = 'x' WHERE stream = 'old-other' AND seq = 1", force=True)
    report = await manager.archive(out, older_than=MONTH)
    assert report.kept.keys() == {"old-plain", "old-failing", "old-other"}
    assert "seq 3" in report.kept["old-plain"]
    assert (report.executions, report.purged) == (2, 2)


async def test_a_row_that_lies_takes_nothing_away(manager, old, out, sql):
    """A row that says ended is not believed: what leaves the log ended by its events."""
    sql("UPDATE executions_1 SET status = 'completed', ended_at = created_at WHERE execution_id = 'waiting'")
    report = await manager.archive(out, older_than=MONTH)
    assert report.kept == {"waiting": "it is created, not ended"}
    assert (await manager.get_flow_status("waiting")).status == "created"


async def test_rows_without_a_history(manager, old, out, sql):
    """A row without events, and events that do not begin an execution, are named, and take nothing along."""
    for name in ("none", "odd"):
        names = [column for _, column, *_ in sql("PRAGMA table_info(executions_1)")][1:]
        columns = ", ".join(names)
        sql(
            f"INSERT INTO executions_1 (execution_id, {columns}) "
            f"SELECT ?, {columns} FROM executions_1 WHERE execution_id = 'old-plain'",
            name,
        )
    await manager._log.append(to_append("odd", 0, started()))
    report = await manager.archive(out, older_than=MONTH)
    assert report.kept.keys() == {"none", "odd"}
    assert "no events" in report.kept["none"]
    assert "not with execution.created" in report.kept["odd"]
    assert report.purged == len(old)


async def test_what_went_on_since_stays(manager, old, out, monkeypatch):
    """An execution that gets another event between the file and the purge is not purged; nobody's event is lost."""
    from flowsm.upkeep import archive as module  # noqa: PLC0415

    real = module.verify_archive

    async def slow(path):
        found = await real(path)
        if (await manager.get_flow_status("old-large")) and not (await manager._loader.load("old-large"))[0].removed:
            await manager.remove_flow("old-large")
        return found

    monkeypatch.setattr(module, "verify_archive", slow)
    report = await manager.archive(out, older_than=MONTH)
    assert report.kept.keys() == {"old-large"}
    assert (report.executions, report.purged) == (5, 4)
    assert (await manager.verify()).ok
    assert (await manager.events("old-large"))[-1].type == "execution.removed"


async def test_nothing_goes_unless_the_file_was_read_back(manager, old, out, monkeypatch, sql):
    """If what is read back is not what was written, all is still in the log."""
    from flowsm.upkeep import archive as module  # noqa: PLC0415

    def damage(folder):
        data = bytearray(out.read_bytes())
        data[len(data) // 2] ^= 255
        out.write_bytes(data)

    monkeypatch.setattr(module, "sync_folder", damage)
    before = sql("SELECT * FROM events")
    with pytest.raises(ArchiveBroken):
        await manager.archive(out, older_than=MONTH)
    assert sql("SELECT * FROM events") == before


async def test_a_rebuild_under_way_gives_way(manager, old, out, monkeypatch, rows):
    """A purge in the midst of a rebuild stops that: what it counted would be counted twice."""
    from flowsm.projections import rebuild as module  # noqa: PLC0415

    real = module._Rebuild.catch_up
    before = rows()

    async def interrupted(self):
        await manager.archive(out, older_than=MONTH)
        await real(self)

    monkeypatch.setattr(module._Rebuild, "catch_up", interrupted)
    with pytest.raises(RebuildSuperseded, match="purge"):
        await manager.rebuild()
    monkeypatch.undo()
    await manager.rebuild()
    assert rows()["statistics"] == before["statistics"]
    assert (await manager.verify()).ok


async def test_a_purge_during_verify_is_no_problem(manager, old, out, monkeypatch):
    """What goes while verify reads is not missed; the sums are then not compared, which the report says."""
    from flowsm.projections import verify as module  # noqa: PLC0415

    real = module._Check._check_statistics

    async def interrupted(self, base):
        await manager.archive(out, older_than=MONTH)
        await real(self, base)

    monkeypatch.setattr(module._Check, "_check_statistics", interrupted)
    report = await manager.verify()
    assert (report.ok, report.statistics_checked) == (True, False)
    monkeypatch.undo()
    assert (await manager.verify()).statistics_checked


async def test_long_executions_and_small_batches(manager, flows, clock, out, monkeypatch, rows):
    """An execution longer than a page, and batches of a few events, make no difference."""
    monkeypatch.setattr("flowsm.upkeep.log_writer.READ_PAGE_EVENTS", 3)
    monkeypatch.setattr("flowsm.upkeep.archived.ARCHIVE_BATCH_EVENTS", 20)
    monkeypatch.setattr("flowsm.upkeep.paging.REFOLD_PAGE_STREAMS", 2)
    for name in (*flows, *flows):
        await manager.run(flows[name])
    before = rows()
    clock.advance(1)
    report = await manager.archive(out, older_than=timedelta(0))
    assert report.purged == 2 * len(flows)
    assert len(await manager.events(SYSTEM_STREAM)) > 2
    assert rows() == {"executions": [], "attempts": [], "statistics": before["statistics"]}
    await manager.rebuild()
    assert rows()["statistics"] == before["statistics"]
    assert (await manager.verify()).ok


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ("ended_at = NULL", "", 0),
        ("ended_at = '9999'", "", 0),
        ("", "ended_at = NULL", 0),
        ("", "", 2),
    ],
    ids=["runs", "ended lately", "child runs", "both ended"],
)
async def test_parents_and_children_go_together(manager, flows, clock, out, sql, parent, child, expected):
    """A child stays while its parent may ask for it, a parent while a child of it runs."""
    for name in ("parent", "child"):
        await manager.run(flows["plain"], execution_id=name)
    clock.advance(1)
    sql("UPDATE executions_1 SET parent_id = 'parent' WHERE execution_id = 'child'")
    for name, change in (("parent", parent), ("child", child)):
        if change:
            sql(f"UPDATE executions_1 SET {change} WHERE execution_id = ?", name)
    report = await manager.archive(out, older_than=timedelta(0), dry_run=True)
    assert report.executions == expected


async def test_an_anchor_knows_of_purges(manager, old, out, tmp_path):
    """What was purged since the anchor was made is accounted for by the log's own stream."""
    await manager.anchor(tmp_path / "anchor")
    await manager.archive(out, older_than=MONTH)
    found = (await manager.doctor(anchor=tmp_path / "anchor")).troubles
    assert [trouble for trouble in found if trouble.kind == "anchor"] == []


async def test_the_key_of_what_was_archived_stays_taken(manager, flows, out, clock):
    """Starting once more is no second execution: whoever does is told where the first one is, and may import it."""
    first = await manager.run(flows["plain"], 1, idempotency_key="pay-1")
    clock.advance(40 * DAY)
    await manager.archive(out, older_than=MONTH)
    for start in (manager.run, manager.start):
        with pytest.raises(StartConflict, match="left the log for an archive: look for it there"):
            await start(flows["plain"], 1, idempotency_key="pay-1")
    with pytest.raises(StartConflict, match="left the log for an archive"):
        manager.create_flow_execution(flows["plain"], 1, idempotency_key="pay-1")
    await manager.import_archive(out)
    assert (await manager.run(flows["plain"], 1, idempotency_key="pay-1")).execution_id == first.execution_id
