"""An anchor kept elsewhere shows what the log alone cannot: that it was cut, or written anew."""

from __future__ import annotations

import json

import pytest

from flowsm.errors import FileExists, LogUnavailable, UsageError


async def test_a_log_that_goes_on_fits_its_anchor(manager, flows, tmp_path):
    """Streams that grew, and new ones, are no trouble."""
    first = await manager.run(flows["plain"])
    report = await manager.anchor(tmp_path / "anchor")
    lines = [json.loads(line) for line in (tmp_path / "anchor").read_text().splitlines()]
    events = await manager.events(first.execution_id)
    assert lines == [
        {"flowsm_anchor": 1, "made_at": report.made_at, "position": events[-1].position},
        [first.execution_id, events[-1].seq, events[-1].digest],
        {"streams": 1},
    ]
    assert (report.streams, report.position) == (1, events[-1].position)
    await manager.remove_flow(first.execution_id)
    await manager.run(flows["failing"])
    found = await manager.doctor(anchor=tmp_path / "anchor")
    assert (found.troubles, found.anchor) == ([], report)


async def test_every_stream_is_in_it(manager, flows, tmp_path, monkeypatch):
    """However many pages they take."""
    monkeypatch.setattr("flowsm.upkeep.paging.REFOLD_PAGE_STREAMS", 3)
    monkeypatch.setattr("flowsm.upkeep.anchor.REFOLD_PAGE_STREAMS", 2)
    for _ in range(7):
        await manager.run(flows["plain"])
    assert (await manager.anchor(tmp_path / "anchor")).streams == 7
    assert (await manager.doctor(anchor=tmp_path / "anchor")).ok


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (("DELETE FROM events WHERE stream = 'b'", "DELETE FROM streams WHERE stream = 'b'"), "is missing"),
        (
            (
                "DELETE FROM events WHERE stream = 'b' AND seq > 2",
                "UPDATE streams SET seq = e.seq, digest = e.digest FROM events AS e WHERE streams.number = 2 AND e.position = 11",
            ),
            "is shorter",
        ),
        (
            (
                "UPDATE events SET digest = '00' WHERE stream = 'b' AND seq = (SELECT seq FROM streams WHERE stream = 'b')",
            ),
            "another digest at seq",
        ),
        (("UPDATE log_head SET position = 3",), "events at its end are gone"),
    ],
    ids=["missing", "shorter", "forged", "cut"],
)
async def test_what_an_anchor_shows(manager, flows, sql, tmp_path, statements, message):
    """A stream that is gone, one that was cut, one that was forged, and a log whose end is missing."""
    for name in "abc":
        await manager.run(flows["plain"], execution_id=name)
    await manager.anchor(tmp_path / "anchor")
    for statement in statements:
        sql(statement, force=True)
    found = [
        trouble for trouble in (await manager.doctor(anchor=tmp_path / "anchor")).troubles if trouble.kind == "anchor"
    ]
    assert len(found) == 1
    assert message in found[0].message
    assert found[0].place == ("the log" if "end" in message else "stream b")
    assert found[0].value
    assert "backup" in found[0].way_out


async def test_a_file_that_is_there_is_kept(manager, flows, tmp_path):
    """An anchor is not overwritten unless that is said."""
    await manager.run(flows["plain"])
    (tmp_path / "anchor").write_text("mine")
    with pytest.raises(FileExists):
        await manager.anchor(tmp_path / "anchor")
    assert (await manager.anchor(tmp_path / "anchor", force=True)).streams == 1
    with pytest.raises(LogUnavailable, match="cannot be written"):
        await manager.anchor(tmp_path / "no" / "anchor")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "", "expected an anchor"),
        (lambda text: "[1]\n" + text, "expected an anchor"),
        (lambda text: text.replace('"flowsm_anchor":1', '"flowsm_anchor":2'), "upgrade"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "expected an anchor"),
        (lambda text: "".join(text.splitlines(keepends=True)[::2]), "it was cut"),
        (lambda text: text.replace("[", "{", 1), "expected an anchor"),
    ],
    ids=["empty", "other", "newer", "without end", "with a hole", "damaged"],
)
async def test_what_is_no_anchor(manager, flows, tmp_path, change, said):
    """Another file, a newer one, and one that was cut are refused, never taken for a good one."""
    await manager.run(flows["plain"])
    await manager.anchor(tmp_path / "anchor")
    (tmp_path / "anchor").write_text(change((tmp_path / "anchor").read_text()))
    with pytest.raises(UsageError, match=said):
        await manager.doctor(anchor=tmp_path / "anchor")
    with pytest.raises(UsageError, match="cannot be read"):
        await manager.doctor(anchor=tmp_path / "none")
