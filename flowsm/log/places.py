"""Limits over all processes: an append takes its places inside the write transaction, or is refused and queued there.

A place counts as long as its stream has the epoch that took it and an owner who is alive: so that of a process that
died, or of an execution that was purged, is free without anybody clearing it away.

Rates follow the Generic Cell Rate Algorithm in its form of virtual scheduling (ITU-T I.371, annex A): a start may come
when its theoretical arrival time, less the tolerance of a burst, is over, and moves that time on by one interval.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from flowsm.clock import Clock
from flowsm.errors import LimitReached
from flowsm.limits import PLACE_KEPT_MS
from flowsm.log.port import Worker
from flowsm.log.port_limits import Hold, LimitedAppend, Place
from flowsm.log.starts import Start
from flowsm.storage.statements import load_statements

__all__ = ["Claims", "Full", "PlaceDesk"]

_SQL: Final = load_statements("flowsm.log", "sql", "limits.sql")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = 2**62

_HeadOf = Callable[[sqlite3.Connection, str], tuple[int, str, int, str, int]]
_Living = Callable[[sqlite3.Connection, str], Worker | None]


class Claims(msgspec.Struct, frozen=True, gc=False):
    """What a limited batch claims besides its stream: places, and its key, if it creates an execution with one."""

    batch: LimitedAppend
    start: Start | None


class Full(msgspec.Struct, frozen=True):
    """The limit that leaves no room, and the error that says so."""

    place: Place
    error: LimitReached


class PlaceDesk:
    """Gives places out, within one write transaction.

    Args:
        connection: the transaction's.
        clock: wall time for rates, boot time for how long a place is kept for somebody.
        head_of: where a stream stands as of now, with what this very transaction appended.
        living: the row of a worker, if it is alive.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock, head_of: _HeadOf, living: _Living) -> None:
        self._connection = connection
        self._clock = clock
        self._head_of = head_of
        self._living = living

    def look(self, batch: LimitedAppend, epoch: int) -> Full | None:
        """The first limit that leaves no room for the batch of an owner with that epoch.

        An execution keeps its flow's place from step to step; that of a task it has to ask for each time, so that
        others get their turn.
        """
        stream = batch.stream
        own = {(kind, name) for kind, name, taken in self._run("own_slots", stream) if taken == epoch}
        asked = [place for place in batch.places if place.kind != "flow" or (place.kind, place.name) not in own]
        if not asked:
            return None
        ((number,),) = self._run("own_number", stream) or [(_LAST,)]
        asking = self._asking(batch)
        for place in asked:
            room = self._tokens(place) if place.kind == "rate" else place.most - self._in_use(place, batch)
            if room <= 0 or self._is_kept(place, number, room, asking):
                hold = Hold(
                    execution_id=stream,
                    kind=place.kind,
                    name=place.name,
                    most=place.most,
                    seconds=place.seconds,
                    in_use=place.most - max(0, room),
                    since=batch.at,
                )
                return Full(place, LimitReached(stream, place.kind, place.name, hold.words, place.seq))
        return None

    def take(self, batch: LimitedAppend, epoch: int) -> None:
        """Let the stream have the batch's places, and none besides; it leaves the queue if it asked for any."""
        stream = batch.stream
        wanted = {(place.kind, place.name) for place in batch.places if place.kind != "rate"}
        for kind, name, taken in self._run("own_slots", stream):
            if (kind, name) not in wanted:
                self._run("drop_slot", kind, name, stream)
            elif taken == epoch:
                wanted.discard((kind, name))
        for kind, name in sorted(wanted):
            self._run("put_slot", kind, name, stream, epoch)
        for place in batch.places:
            if place.kind == "rate":
                now_us = self._now_us()
                due_us = max(now_us, self._arrival_us(place, now_us)) + place.starts * _interval_us(place)
                self._run("put_rate", place.name, due_us)
        if batch.places:
            self._run("leave_queue", stream)

    def hold(self, batch: LimitedAppend, full: Full) -> None:
        """Have the execution wait in the queue; one that is there already keeps its place."""
        place = full.place
        values = {
            "stream": batch.stream,
            "kind": place.kind,
            "name": place.name,
            "seq": place.seq,
            "most": place.most,
            "seconds": place.seconds,
            "expires": batch.expires,
            "since": batch.at,
            "worker": self._asking(batch),
            "flow": batch.flow,
        }
        self._connection.execute(_SQL["hold"], values)

    def _in_use(self, place: Place, batch: LimitedAppend) -> int:
        """How many places other executions have; those of taken over ones are cleared away when there seems to be no room.

        Whoever asks is alive, however long its last heartbeat is ago, and runs what nobody has taken from it.
        """
        key = (place.kind, place.name, batch.stream)
        ((count,),) = self._run("count_slots", *key)
        if count < place.most:
            return int(count)
        alive = {self._asking(batch): True, "": False}
        in_use = 0
        for other, epoch in self._run("select_slots", *key):
            _, _, present, worker, _ = self._head_of(self._connection, other)
            if present != epoch:
                self._run("drop_slot", place.kind, place.name, other)
                continue
            if worker not in alive:
                alive[worker] = self._living(self._connection, worker) is not None
            in_use += alive[worker]
        return in_use

    def _asking(self, batch: LimitedAppend) -> str:
        return batch.worker if batch.claim else self._head_of(self._connection, batch.stream)[3]

    def _is_kept(self, place: Place, number: int, room: int, asking: str) -> bool:
        """Whether what room there is is kept for those who are first in the queue.

        It is kept for somebody who is alive to take it, and for a moment only, from when somebody else first had to make
        way. Whoever does not come, because his process has no time or no code for it, is passed by until he asks again,
        and so are those behind him who would be taken by the same.
        """
        now_ms = self._clock.boot_ms()
        takers = _Takers(asking, lambda worker: self._living(self._connection, worker) is not None, self._recovering)
        away: set[str] = set()
        offered: list[int] = []
        gone: list[int] = []
        ahead = self._connection.execute(_SQL["ahead"], (place.kind, place.name, number))
        for other, stream, seq, offered_ms, worker, flow in ahead:
            taker = takers.of(worker, flow)
            if taker is None or taker in away:
                continue
            if self._head_of(self._connection, stream)[0] > seq:  # it went on; one that is behind is being recorded
                gone.append(other)
            elif offered_ms and not now_ms - PLACE_KEPT_MS <= offered_ms <= now_ms:
                away.add(taker)
            else:
                room -= 1
                if not offered_ms:
                    offered.append(other)
                if not room:
                    break
        ahead.close()
        for other in gone:
            self._run("drop_number", other)
        if room:
            return False
        for other in offered:
            self._run("offer", now_ms, other)
        return True

    def _recovering(self) -> bool:
        """Whether anybody who is alive takes up what others have left."""
        return any(self._living(self._connection, worker) is not None for (worker,) in self._run("recovering"))

    def _tokens(self, place: Place) -> int:
        """How many starts there may be at once."""
        now_us, interval_us = self._now_us(), _interval_us(place)
        over_us = now_us + (place.burst - 1) * interval_us - self._arrival_us(place, now_us)
        return 0 if over_us < 0 else min(place.burst, over_us // interval_us + 1)

    def _arrival_us(self, place: Place, now_us: int) -> int:
        """The theoretical arrival time; one that is later than it could be by right, for the clock went back, is mended."""
        found = self._run("select_rate", place.name)
        latest_us = now_us + place.burst * _interval_us(place)
        if not found:
            return now_us
        if found[0][0] > latest_us:
            self._run("put_rate", place.name, latest_us)
        return min(int(found[0][0]), latest_us)

    def _now_us(self) -> int:
        return (self._clock.now() - _EPOCH) // timedelta(microseconds=1)

    def _run(self, name: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(_SQL[name], parameters).fetchall()


class _Takers:
    """Who would take a place that is offered to an execution in the queue, if anybody."""

    def __init__(self, asking: str, is_alive: Callable[[str], bool], recovering: Callable[[], bool]) -> None:
        self._alive = {asking: True, "": False}
        self._is_alive = is_alive
        self._recovering = recovering
        self._is_recovered: bool | None = None

    def of(self, worker: str, flow: str) -> str | None:
        """The worker who asked last; when he is dead, those who recover executions of that flow, or nobody."""
        if worker not in self._alive:
            self._alive[worker] = self._is_alive(worker)
        if self._alive[worker]:
            return worker
        if self._is_recovered is None:
            self._is_recovered = self._recovering()
        return f"flow {flow}" if self._is_recovered else None


def _interval_us(place: Place) -> int:
    return max(1, round(place.seconds * 1_000_000 / place.most))
