"""The file is damaged: a byte is another one, or its end is missing. What is read then is true, or it is an error.

`FLOWSM_FLIPS` says how many bytes are flipped (400 by default), `FLOWSM_FLIPS_SEED` from which seed on; a seed that
ever failed is kept in `KEPT`.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fast_folder import fast_folder

from flowsm import FlowManager, FlowStatus
from flowsm.errors import FlowsmError, LogBroken, LogUnavailable
from flowsm.runtime import advance, loading

FLIPS = int(os.environ.get("FLOWSM_FLIPS", "400"))
SEED = int(os.environ.get("FLOWSM_FLIPS_SEED", "1"))
KEPT = [111, 1123, 9170]
"""Seeds that failed once."""
EXECUTIONS = [f"x{number}" for number in range(12)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where copies of the file are damaged."""
    with fast_folder() as folder:
        yield folder


@pytest.fixture
async def whole(manager, desk, flow, path) -> bytes:
    """A log of some executions, one of them with large values, one of them unfinished."""
    for execution_id in EXECUTIONS[:-1]:
        desk.data = {"text": "large " * 12_000 if execution_id == "x3" else execution_id}
        await manager.run(flow, execution_id=execution_id)
    manager.create_flow_execution(flow, execution_id=EXECUTIONS[-1])
    await manager.close()
    return path.read_bytes()


async def told(manager: FlowManager) -> dict[str, Any]:
    """What the log says of each execution, or that it cannot."""
    found: dict[str, Any] = {}
    for execution_id in EXECUTIONS:
        try:
            status = await manager.get_flow_status(execution_id)
            found[execution_id] = (status, await manager.events(execution_id))
        except FlowsmError as error:
            found[execution_id] = error
    return found


async def ask_all(manager: FlowManager, flow: Any) -> bool:
    """Ask everything that can be asked, whatever comes of it; whether a verification finds nothing wrong."""
    sound = False
    try:
        sound = (await manager.verify()).ok
        await manager.executions()
        await manager.history("x3")
        await manager.summary()
        await manager.run(flow)
        manager.create_flow_execution(flow)
        await manager.execute_flow(EXECUTIONS[-1])
        await manager.rebuild()
    except FlowsmError:
        return False
    return sound


def contents(path: Path) -> tuple[bytes, bytes]:
    """The file, and its WAL."""
    return path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()


def flip(data: bytes, seed: int) -> bytes:
    """Another byte in one place: half of the time among the first pages, where the tables of tables are."""
    rng = random.Random(f"flip {seed}")
    place = rng.randrange(rng.choice([100, 8_192, len(data), len(data)]))
    changed = bytearray(data)
    changed[place] ^= rng.choice([1, 2, 4, 8, 16, 32, 64, 128, 255])
    return bytes(changed)


@pytest.mark.many
@pytest.mark.no_cover  # it would take three times as long
async def test_a_flipped_byte_is_never_read_as_truth(whole: bytes, desk, flow, folder: Path) -> None:
    """Whichever byte is another one: what is still told of an execution is true, all else is an error of flowsm's."""
    path = folder / "flowsm.db"
    path.write_bytes(whole)
    async with FlowManager(path, tasks=desk.tasks, durability="normal") as manager:
        truth = await told(manager)
    assert not any(isinstance(value, FlowsmError) for value in truth.values())
    noticed = 0
    for seed in [*KEPT, *range(SEED, SEED + FLIPS)]:
        path = folder / f"{seed}.db"
        path.write_bytes(flip(whole, seed))
        try:
            async with FlowManager(path, tasks=desk.tasks, durability="normal") as manager:
                found = await told(manager)
                for execution_id, value in found.items():
                    if isinstance(value, FlowsmError):
                        noticed += 1
                    else:
                        assert value == truth[execution_id]
                sound = await ask_all(manager, flow)
                assert not sound or not any(isinstance(value, FlowsmError) for value in found.values())
        except BaseException as error:
            error.add_note(f"seed {seed}: FLOWSM_FLIPS_SEED={seed} FLOWSM_FLIPS=1 tries it first")
            raise
        path.unlink()
    assert noticed > FLIPS / 4


def damaged(path: Path, sql: str) -> None:
    """Change rows as the log's triggers would not let anybody."""
    connection = sqlite3.connect(path, isolation_level=None)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("UPDATE events SET data = replace(data, 'Three', 'Trees') WHERE stream = 'x11'", "does not fit"),
        ("UPDATE events SET at = CAST(x'ff' AS TEXT) WHERE stream = 'x11'", "damaged"),
        ("UPDATE streams SET digest = 'x' WHERE stream = 'x11'", "head"),
        ("UPDATE streams SET seq = 7 WHERE stream = 'x11'", "missing"),
        ("UPDATE definitions SET document = replace(document, 'Three', 'Trees')", "its flow"),
        ("DELETE FROM definitions", "its flow"),
    ],
)
@pytest.mark.usefixtures("whole")
async def test_a_damaged_stream_is_set_aside_and_named(path: Path, desk, flow, sql: str, reason: str) -> None:
    """A stream whose events are not what was recorded is not driven, and named; the others go on."""
    damaged(path, sql)
    calls = len(desk.calls)
    async with FlowManager(path, tasks=desk.tasks, durability="normal") as manager:
        for asked in (manager.execute_flow("x11"), manager.get_flow_status("x11")):
            with pytest.raises(LogBroken, match=reason) as caught:
                await asked
            assert caught.value.stream == "x11"
        assert desk.calls[calls:] == []
        problems = (await manager.verify()).problems
        assert "x11" in {problem.stream for problem in problems}
        if "definitions" not in sql:
            assert {problem.stream for problem in problems} == {"x11"}
            assert (await manager.run(flow)).status is FlowStatus.COMPLETED
            assert (await manager.get_flow_status("x1")).status is FlowStatus.COMPLETED
            assert {problem.stream for problem in (await manager.rebuild()).problems} == {"x11"}


@pytest.mark.parametrize("cut", [100, 4_096, 20_000, 0.5, 0.9, 0.999])
async def test_a_truncated_file(whole: bytes, desk, flow, folder: Path, cut: float) -> None:
    """Where the end of the file is missing, what is told is true, and the rest, if not all, is an error."""
    path = folder / "flowsm.db"
    path.write_bytes(whole)
    async with FlowManager(path, tasks=desk.tasks, durability="normal") as manager:
        truth = await told(manager)
    path.write_bytes(whole[: int(cut if cut > 1 else cut * len(whole))])
    async with FlowManager(path, tasks=desk.tasks, durability="normal") as manager:
        found = await told(manager)
        for execution_id, value in found.items():
            assert isinstance(value, FlowsmError) or value == truth[execution_id]
        assert any(isinstance(value, FlowsmError) for value in found.values()) or not await ask_all(manager, flow)


async def test_a_file_that_is_emptied_under_a_manager(manager, flow, path: Path) -> None:
    """A log whose file is emptied while it is open is not taken for a new one; put back, it goes on."""
    await manager.run(flow)
    kept = contents(path)
    os.truncate(path, 0)
    with pytest.raises(LogUnavailable, match="the file was emptied while it was open"):
        await manager.run(flow)
    with path.open("r+b") as file:
        file.write(kept[0])
    assert contents(path)[1] == kept[1]
    assert (await manager.run(flow)).status is FlowStatus.COMPLETED
    assert (await manager.verify()).ok


async def test_a_cut_wal_leaves_an_intact_prefix(manager, desk, flow, path: Path, folder: Path) -> None:
    """However much of the end of the WAL is missing, or damaged: the log is what it was at an earlier commit."""
    for execution_id in EXECUTIONS[:4]:
        await manager.run(flow, execution_id=execution_id)
    everything = [event async for _, event in manager._log.read_all()]
    main, wal = contents(path)
    rng = random.Random("wal")
    lengths = set()
    for number in range(60):
        copy = folder / f"{number}.db"
        copy.write_bytes(main)
        place = rng.randrange(len(wal))
        flipped = wal[:place] + bytes([wal[place] ^ 1]) + wal[place + 1 :]
        copy.with_name(f"{copy.name}-wal").write_bytes(wal[:place] if number % 2 else flipped)
        async with FlowManager(copy, tasks=desk.tasks, durability="normal") as other:
            found = [event async for _, event in other._log.read_all()]
            assert found == everything[: len(found)]
            assert (await other.verify()).ok
            assert (await other.run(flow)).status is FlowStatus.COMPLETED
            lengths.add(len(found))
    assert len(lengths) > 5


async def test_a_damaged_snapshot_is_no_state(path: Path, desk, flow, monkeypatch) -> None:
    """A snapshot whose bytes are others, but still read as a state, is not used: the state comes from the events."""
    monkeypatch.setattr(advance, "SNAPSHOT_EVERY_EVENTS", 4)
    desk.data = "a secret"
    async with FlowManager(path, tasks=desk.tasks) as manager:
        truth = await manager.run(flow, execution_id="x")
    connection = sqlite3.connect(path)
    ((before,),) = connection.execute("SELECT state FROM snapshots").fetchall()
    assert b"a secret" in before
    with connection:
        connection.execute("UPDATE snapshots SET state = ?", (before.replace(b"a secret", b"a forgery"),))
    connection.close()
    decoded = []
    real = loading._state_in
    monkeypatch.setattr(loading, "_state_in", lambda snapshot: decoded.append(real(snapshot)) or decoded[-1])
    async with FlowManager(path, tasks=desk.tasks) as manager:
        assert await manager.get_flow_status("x") == truth
    assert decoded == [None]
