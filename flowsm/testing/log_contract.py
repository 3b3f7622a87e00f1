"""The contract of an event log, as tests: subclass `EventLogContract`, give it a `log`, and let pytest run it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from flowsm.clock import SystemClock
from flowsm.errors import (
    Conflict,
    DefinitionNotFound,
    ExecutionNotFound,
    Fenced,
    LogUnavailable,
    OriginNotFound,
    StartConflict,
    StartedBefore,
    UsageError,
)
from flowsm.events.fact import CREATED_PAUSED
from flowsm.events.facts import (
    ExecutionCreated,
    ExecutionPaused,
    ExecutionStarted,
    Fact,
    TaskCompleted,
    Unknown,
)
from flowsm.limits import APPEND_MAX_EVENTS, PAYLOAD_INLINE_MAX_BYTES
from flowsm.log.chain import GENESIS, event_digest
from flowsm.log.port import Append, EventLog, Origin, Snapshot, Worker

__all__ = ["AT", "EventLogContract", "created", "started", "to_append", "worker_row"]

AT = "2026-01-31T12:00:00.000000Z"


def created(**fields: Any) -> ExecutionCreated:
    """A fact that begins a stream."""
    return ExecutionCreated(**{"flow_id": "f", "flow_name": "Flow", "digest": "d" * 64} | fields)


def started(worker: str = "w-1") -> ExecutionStarted:
    """A small fact."""
    return ExecutionStarted(worker=worker)


def to_append(stream: str, expected_seq: int, *facts: Fact, **fields: Any) -> Append:
    """A batch."""
    return Append(stream=stream, expected_seq=expected_seq, at=AT, facts=facts, **fields)


def worker_row(worker: str, **fields: Any) -> Worker:
    """A worker that was seen just now, and has a minute."""
    clock = SystemClock()
    row = Worker(
        worker=worker,
        host="here",
        pid=7,
        pid_space="",
        boot_id=clock.boot_id(),
        started_at=AT,
        lease_ms=60_000,
        seen_ms=clock.boot_ms(),
        seen_at=AT,
    )
    return msgspec.structs.replace(row, **fields)


class EventLogContract:
    """What every implementation of `EventLog` keeps to."""

    @pytest.fixture
    async def log(self) -> EventLog:
        """The log under test, empty; to be overridden by a fixture that yields it, and closes it."""
        raise NotImplementedError("give a fixture `log` that yields an empty event log, and closes it")

    async def test_an_append_is_read_back_in_order(self, log: EventLog) -> None:
        """What was appended is read back: same facts, seq from 1, the time that was given."""
        facts = (created(input={"a": [1, None, "ü\u0000"]}), started(), started("w-2"))
        appended = await log.append(to_append("a", 0, *facts))
        events = await log.read("a")
        assert [event.fact for event in events] == list(facts)
        assert [event.seq for event in events] == [1, 2, 3]
        assert {event.at for event in events} == {AT}
        assert (appended.seq, appended.position, appended.epoch) == (3, events[-1].position, 0)
        assert appended.digest == events[-1].digest

    async def test_a_stale_expected_seq_is_a_conflict(self, log: EventLog) -> None:
        """An append that expects another seq records nothing and says where the stream is."""
        await log.append(to_append("a", 0, created()))
        for expected in (0, 2, 7):
            with pytest.raises(Conflict) as caught:
                await log.append(to_append("a", expected, started()))
            assert (caught.value.stream, caught.value.actual_seq) == ("a", 1)
        assert len(await log.read("a")) == 1

    async def test_of_two_appends_with_one_expected_seq_exactly_one_wins(self, log: EventLog) -> None:
        """Of many appends at once with the same expected seq one is recorded, the others are conflicts."""
        await log.append(to_append("a", 0, created()))
        appends = [log.append(to_append("a", 1, started(f"w-{n}"))) for n in range(20)]
        results = await asyncio.gather(*appends, return_exceptions=True)
        assert sum(not isinstance(result, BaseException) for result in results) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 19
        assert [event.seq for event in await log.read("a")] == [1, 2]

    async def test_two_appends_in_a_row_share_a_group(self, log: EventLog) -> None:
        """The second of two appends to one stream, submitted at once, is checked against the first's result."""
        results = await asyncio.gather(
            log.append(to_append("a", 0, created())), log.append(to_append("a", 1, started()))
        )
        assert [result.seq for result in results] == [1, 2]

    async def test_a_stale_batch_leaves_its_neighbours_whole(self, log: EventLog) -> None:
        """In a group of appends the stale ones write nothing, and the others are whole."""
        await log.append(to_append("stale", 0, created(), started()))
        batches = [to_append("stale" if n % 3 == 0 else f"s{n}", 0, created(), started()) for n in range(12)]
        results = await asyncio.gather(*map(log.append, batches), return_exceptions=True)
        for n, result in enumerate(results):
            assert isinstance(result, Conflict) == (n % 3 == 0)
            assert len(await log.read("stale" if n % 3 == 0 else f"s{n}")) == 2
        positions = [event.position async for _, event in log.read_all()]
        assert positions == sorted(set(positions))
        assert len(positions) == 2 + 8 * 2

    async def test_a_fork_shares_the_events_before_it(self, log: EventLog) -> None:
        """A stream with an origin is read from its first event on, wherever that lies; its own go on with the next seq."""
        await log.append(to_append("a", 0, created(), started("w-1"), started("w-2")))
        before = await log.read("a")
        origin = Origin("a", 2, before[1].digest)
        appended = await log.append(msgspec.structs.replace(to_append("b", 0, started("w-3")), origin=origin))
        await log.append(to_append("a", 3, started("w-4")))
        await log.append(to_append("b", 3, started("w-5")))
        events = await log.read("b")
        assert appended.seq == 3
        assert events[:2] == before[:2]
        assert [(event.stream, event.seq) for event in events] == [("a", 1), ("a", 2), ("b", 3), ("b", 4)]
        assert [event.fact for event in events[2:]] == [started("w-3"), started("w-5")]
        for after in range(6):
            for limit in (None, 1, 2, 3):
                expected = events[after:] if limit is None else events[after : after + limit]
                assert await log.read("b", after=after, limit=limit) == expected
        assert len({event.digest for event in [*events, *before]}) == 5
        own = [event async for _, event in log.read_all() if event.stream == "b"]
        assert own == events[2:]

    async def test_a_fork_of_a_fork_shares_the_events_of_both(self, log: EventLog) -> None:
        """What a fork shares may be what it shares itself; from an event that is not there nothing is forked."""
        await log.append(to_append("a", 0, created(), started("w-1"), started("w-2")))
        for parent, seq, stream in (("a", 2, "b"), ("b", 3, "c"), ("c", 1, "d")):
            digest = (await log.read(parent))[seq - 1].digest
            fork = to_append(stream, 0, started(f"w-{stream}"))
            await log.append(msgspec.structs.replace(fork, origin=Origin(parent, seq, digest)))
        assert [event.stream for event in await log.read("c")] == ["a", "a", "b", "c"]
        assert [event.stream for event in await log.read("d")] == ["a", "d"]
        assert [event.stream for event in await log.read("c", after=2)] == ["b", "c"]
        for origin in (Origin("x", 1, "0" * 64), Origin("a", 9, "0" * 64), Origin("a", 2, "0" * 64)):
            with pytest.raises(OriginNotFound):
                await log.append(msgspec.structs.replace(to_append("e", 0, started()), origin=origin))
        origin = Origin("a", 1, (await log.read("a"))[0].digest)
        with pytest.raises(Conflict):
            await log.append(msgspec.structs.replace(to_append("b", 0, started()), origin=origin))
        assert await log.head("e") is None

    async def test_a_claim_fences_the_owner_before(self, log: EventLog) -> None:
        """After a claim the earlier epoch's appends are fenced, and the new one's go on."""
        await log.append(to_append("a", 0, created()))
        first = await log.append(to_append("a", 0, claim=True, worker="w-1"))
        second = await log.append(to_append("a", 0, claim=True, worker="w-2"))
        assert (first.epoch, second.epoch, second.seq, second.position) == (1, 2, 1, 0)
        with pytest.raises(Fenced) as caught:
            await log.append(to_append("a", 1, started(), epoch=1))
        assert (caught.value.epoch, caught.value.actual_epoch) == (1, 2)
        assert (await log.append(to_append("a", 1, started(), epoch=2))).seq == 2
        head = await log.head("a")
        assert head is not None
        assert (head.seq, head.epoch, head.worker) == (2, 2, "w-2")

    async def test_a_claim_with_facts_checks_the_seq(self, log: EventLog) -> None:
        """A claim that records something takes part in the check of expected seq; it may begin a stream."""
        appended = await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        assert (appended.seq, appended.epoch) == (1, 1)
        with pytest.raises(Conflict):
            await log.append(to_append("a", 0, started(), claim=True, worker="w-2"))
        assert (await log.append(to_append("a", 1, started(), claim=True, worker="w-2"))).epoch == 2

    async def test_an_idempotency_key_creates_one_execution(self, log: EventLog) -> None:
        """Of creations with one key and the same content one is recorded; the others are told which; others' go on."""
        creations = [to_append(f"s{n}", 0, created(idempotency_key="k", input={"a": 1})) for n in range(5)]
        creations.append(to_append("other", 0, created(idempotency_key="k2", input={"a": 1})))
        results = await asyncio.gather(*map(log.append, creations), return_exceptions=True)
        told = [result.execution_id for result in results if isinstance(result, StartedBefore)]
        assert told == ["s0"] * 4
        assert [await log.head(f"s{n}") is not None for n in range(5)] == [True] + [False] * 4
        assert await log.head("other") is not None
        with pytest.raises(StartedBefore):
            await log.append(to_append("s0", 0, created(idempotency_key="k", input={"a": 1.0})))

    async def test_an_idempotency_key_with_other_content_is_a_conflict(self, log: EventLog) -> None:
        """Another input or flow under a key that is taken is refused, and nothing is recorded."""
        await log.append(to_append("a", 0, created(idempotency_key="k", input={"a": 1})))
        for fields, words in (
            ({"input": {"a": 2}}, "differs from the one given at /a"),
            ({"digest": "e" * 64}, "flow"),
        ):
            with pytest.raises(StartConflict, match=words):
                await log.append(to_append("b", 0, created(**{"idempotency_key": "k", "input": {"a": 1}} | fields)))
        assert await log.head("b") is None

    async def test_an_idempotency_key_with_another_beginning_is_a_conflict(self, log: EventLog) -> None:
        """Paused, or at another moment, under a key that is taken is refused: of one group of appends, too."""
        first, paused = created(idempotency_key="k"), ExecutionPaused(reason=CREATED_PAUSED)
        later = created(idempotency_key="k", start_at="9999-01-01T00:00:00.000000Z")
        for _ in range(2):
            appends = [to_append("a", 0, first), to_append("b", 0, first, paused), to_append("c", 0, later)]
            results = await asyncio.gather(*map(log.append, appends), return_exceptions=True)
            told = [str(result) for result in results if isinstance(result, StartConflict)]
            assert ["paused" in told[0], "start_at" in told[1]] == [True, True]
        assert [event.fact for event in await log.read("a")] == [first]
        assert [await log.head(stream) for stream in ("b", "c")] == [None, None]

    async def test_a_key_whose_creation_was_refused_is_free(self, log: EventLog) -> None:
        """A taken id is a conflict, and leaves its key to another."""
        await log.append(to_append("a", 0, created()))
        with pytest.raises(Conflict):
            await log.append(to_append("a", 0, created(idempotency_key="k")))
        assert (await log.append(to_append("b", 0, created(idempotency_key="k")))).seq == 1

    async def test_a_claim_of_nothing_is_refused(self, log: EventLog) -> None:
        """A claim without facts cannot begin a stream."""
        with pytest.raises(ExecutionNotFound):
            await log.append(to_append("nobody", 0, claim=True, worker="w-1"))
        assert await log.head("nobody") is None

    async def test_fenced_comes_before_conflict(self, log: EventLog) -> None:
        """A stale owner that is behind as well is told to stop, not to read on."""
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        await log.append(to_append("a", 0, claim=True, worker="w-2"))
        with pytest.raises(Fenced):
            await log.append(to_append("a", 0, started(), epoch=1))

    async def test_a_command_needs_no_epoch(self, log: EventLog) -> None:
        """An append without epoch is only checked for its seq, and leaves the owner's epoch alone."""
        await log.append(to_append("a", 0, created(), claim=True, worker="w-1"))
        assert (await log.append(to_append("a", 1, started()))).epoch == 1

    async def test_reading_a_part(self, log: EventLog) -> None:
        """`after` and `limit` cut the stream; beyond its end, and of no stream, there is nothing."""
        await log.append(to_append("a", 0, *[started(str(n)) for n in range(1, 11)]))
        assert [event.seq for event in await log.read("a", after=3, limit=4)] == [4, 5, 6, 7]
        assert [event.seq for event in await log.read("a", limit=2)] == [1, 2]
        assert [event.seq for event in await log.read("a", after=9)] == [10]
        assert await log.read("a", after=10) == []
        assert await log.read("a", after=99) == []
        assert await log.read("a", limit=0) == []
        assert await log.read("nobody") == []

    async def test_the_chain_binds_each_event_to_all_before(self, log: EventLog) -> None:
        """Each digest is made of its predecessor's and of the stored bytes, and the head carries the last one."""
        await log.append(to_append("a", 0, started("w-1")))
        await log.append(to_append("a", 1, started("w-2"), started("w-3")))
        digest = GENESIS
        for seq, event in enumerate(await log.read("a"), 1):
            data = msgspec.json.encode(event.fact)
            digest = event_digest(digest, "a", seq, AT, ("execution.started", 1, data))
            assert event.digest == digest
        head = await log.head("a")
        assert head is not None
        assert head.digest == digest

    async def test_large_values_are_inflated_on_demand(self, log: EventLog) -> None:
        """A large value is read back in place if asked for, and as digest and size if not."""
        data = ["x" * 50] * (PAYLOAD_INLINE_MAX_BYTES // 25)
        fact = TaskCompleted(task="t", visit=1, attempt=1, status="success", outcome="success", data=data)
        await log.append(to_append("a", 0, fact, started()))
        await log.append(to_append("b", 0, fact))
        (slim, _), (whole, small) = await log.read("a"), await log.read("a", inflated=True)
        assert isinstance(slim.fact, TaskCompleted)
        assert slim.fact.data is None
        assert slim.fact.stored["data"].size == len(msgspec.json.encode(data))
        assert whole.fact == fact
        assert whole.digest == slim.digest
        assert small.fact == started()
        assert (await log.read("b", inflated=True))[0].fact == fact

    async def test_unknown_facts_are_kept_as_they_are(self, log: EventLog) -> None:
        """An event of an unknown type, or version, is stored and read back byte for byte."""
        raw = msgspec.Raw(b'{"b":1,  "a":[2]}')
        facts = (Unknown(type="other.thing", version=3, data=raw), Unknown(type="task.started", version=99, data=raw))
        await log.append(to_append("a", 0, *facts))
        events = await log.read("a")
        assert [(event.type, event.version) for event in events] == [("other.thing", 3), ("task.started", 99)]
        assert [bytes(event.fact.data) for event in events if isinstance(event.fact, Unknown)] == [bytes(raw)] * 2

    async def test_the_whole_log_is_read_from_a_cursor(self, log: EventLog) -> None:
        """`read_all` gives every event once, in order, and goes on from any cursor, also after later appends."""
        for n in range(5):
            await log.append(to_append(f"s{n}", 0, created(), started()))
        everything = [pair async for pair in log.read_all()]
        assert [event.stream for _, event in everything] == [f"s{n}" for n in range(5) for _ in range(2)]
        first = [pair async for pair in log.read_all(limit=3)]
        rest = [pair async for pair in log.read_all(after=first[-1][0])]
        assert first + rest == everything
        await log.append(to_append("s0", 2, started("late")))
        news = [event async for _, event in log.read_all(after=everything[-1][0])]
        assert [event.fact for event in news] == [started("late")]
        assert [pair async for pair in log.read_all(limit=0)] == []

    async def test_a_foreign_cursor_is_refused(self, log: EventLog) -> None:
        """A cursor that the log did not give out is an error, not the beginning."""
        with pytest.raises(UsageError, match="cursor"):
            [pair async for pair in log.read_all(after="yesterday")]

    async def test_definitions_are_kept_once(self, log: EventLog) -> None:
        """A flow is stored with the first append that brings it, and never changes."""
        document = b'{"id":"f","name":"Flow"}'
        await log.append(to_append("a", 0, created(), definition=("d1", document)))
        await log.append(to_append("b", 0, created(), definition=("d1", b'{"id":"other"}')))
        assert await log.definition("d1") == document
        with pytest.raises(DefinitionNotFound):
            await log.definition("d2")

    async def test_a_later_append_brings_a_definition_too(self, log: EventLog) -> None:
        """An execution may go on with another flow: that is stored with the event that says so, or not at all."""
        await log.append(to_append("a", 0, created(), definition=("d1", b"{}")))
        with pytest.raises(Conflict):
            await log.append(to_append("a", 0, started(), definition=("d2", b"{}")))
        with pytest.raises(DefinitionNotFound):
            await log.definition("d2")
        await log.append(to_append("a", 1, started(), definition=("d2", b"{}")))
        assert await log.definition("d2") == b"{}"

    async def test_a_refused_batch_brings_no_definition(self, log: EventLog) -> None:
        """What comes with a refused batch is not stored either."""
        with pytest.raises(Conflict):
            await log.append(to_append("a", 5, created(), definition=("d1", b"{}")))
        with pytest.raises(DefinitionNotFound):
            await log.definition("d1")

    async def test_snapshots_are_kept_by_fold_version(self, log: EventLog) -> None:
        """The latest snapshot of a stream is given back to the fold that made it, and to no other."""
        snapshot = Snapshot(stream="a", seq=10, digest="x", fold_version=1, state=b"\x00state")
        older = msgspec.structs.replace(snapshot, seq=5)
        newer = msgspec.structs.replace(snapshot, seq=20, state=b"later")
        other = msgspec.structs.replace(snapshot, seq=3, fold_version=2)
        assert await log.snapshot("a", 1) is None
        await log.save_snapshot(snapshot)
        await log.save_snapshot(older)
        assert await log.snapshot("a", 1) == snapshot
        await log.save_snapshot(newer)
        assert await log.snapshot("a", 1) == newer
        await log.save_snapshot(other)
        assert await log.snapshot("a", 1) is None
        assert await log.snapshot("a", 2) == other

    async def test_too_many_facts_are_refused(self, log: EventLog) -> None:
        """The limit of one append is checked before anything is written."""
        with pytest.raises(UsageError, match=str(APPEND_MAX_EVENTS)):
            await log.append(to_append("a", 0, *[started()] * (APPEND_MAX_EVENTS + 1)))
        assert await log.head("a") is None

    async def test_close_answers_what_is_under_way(self, log: EventLog) -> None:
        """Appends that were submitted before `close` are recorded and answered; later ones are refused."""
        tasks = [asyncio.ensure_future(log.append(to_append(f"s{n}", 0, created()))) for n in range(50)]
        await asyncio.sleep(0)
        await log.close()
        assert [appended.seq for appended in await asyncio.gather(*tasks)] == [1] * 50
        with pytest.raises(LogUnavailable, match="closed"):
            await log.append(to_append("late", 0, created()))

    async def test_close_twice(self, log: EventLog) -> None:
        """A second `close` does nothing."""
        await log.close()
        await log.close()

    async def test_who_stops_waiting_harms_nobody(self, log: EventLog) -> None:
        """A cancelled append is recorded or not, as its stream's seq tells; its neighbours are recorded."""
        tasks = [asyncio.ensure_future(log.append(to_append(f"s{n}", 0, created()))) for n in range(10)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, BaseException) for result in results) <= 1
        head = await log.head("s3")
        seq = head.seq if head else 0
        assert (await log.append(to_append("s3", seq, created()))).seq == seq + 1
