"""The agenda: which executions need work now or soon, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from flowsm.clock import Clock, timestamp
from flowsm.limits import RECONCILE_SECONDS
from flowsm.log.port import LogView
from flowsm.log.port_limits import Hold
from flowsm.projections.queries import Reader
from flowsm.storage.statements import load_statements

__all__ = ["Agenda", "Due", "Left", "Owner", "Waiter", "read_holds"]

_STATEMENTS: Final = load_statements("flowsm.projections", "sql", "agenda.sql")


class Due(msgspec.Struct, frozen=True):
    """An execution that needs work at `wake_at`, or at once (None), and how many workers could do it."""

    execution_id: str
    flow_digest: str
    wake_at: datetime | None
    workers: int


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """Where an execution's log ends, and who has it: `alive` tells whether `worker` ('' for nobody) still lives.

    `host`, `pid` and `seen_at`, when it was seen last, are None for a worker that nobody remembers.
    """

    execution_id: str
    seq: int
    epoch: int
    worker: str
    alive: bool
    host: str | None
    pid: int | None
    seen_at: datetime | None


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """How many executions are due and nobody's, and how many sleep until later."""

    due: int
    later: int


class Waiter(msgspec.Struct, frozen=True):
    """An execution in the queue of a limit."""

    execution_id: str
    flow_digest: str


class Agenda:
    """Asks one file for work.

    Args:
        reader: where the rows are.
        clock: wall time for what is due, boot time for who is alive.
        worker: who asks.
    """

    def __init__(self, reader: Reader, clock: Clock, worker: str) -> None:
        self._reader = reader
        self._clock = clock
        self._worker = worker

    async def due(
        self, limit: int, *, flows: Iterable[str] = (), aside: Iterable[str] = (), queues: Iterable[str] = ()
    ) -> list[Due]:
        """What is due and belongs to no worker that is alive, the longest due first.

        What this worker itself left waiting is seen a little before it is due.

        Args:
            limit: how many at the most.
            flows: digests of flows that are not asked for.
            aside: executions that are not asked for.
            queues: limits ("task TYPE", "flow ID", "rate TYPE") whose queues are not asked for: see `queue`.
        """
        return await self._found("due", limit, flows, aside, queues)

    async def parents(
        self, limit: int, *, flows: Iterable[str] = (), aside: Iterable[str] = (), queues: Iterable[str] = ()
    ) -> list[Due]:
        """Those whose child has ended, or was never made; arguments as of `due`.

        Whoever ends a child tells its parent: this finds those of whoever died in between. It costs some
        microseconds for each execution that waits for a child.
        """
        return await self._found("parents", limit, flows, aside, queues)

    async def _found(
        self, statement: str, limit: int, flows: Iterable[str], aside: Iterable[str], queues: Iterable[str]
    ) -> list[Due]:
        now = self._clock.now()
        parameters = {
            "now": timestamp(now),
            "horizon": timestamp(now + timedelta(seconds=2 * RECONCILE_SECONDS)),
            "me": self._worker,
            "flows": _json(flows),
            "aside": _json(aside),
            "queues": _json(queues),
            "limit": limit,
        }
        return [
            Due(name, digest, datetime.fromisoformat(wake_at) if wake_at else None, workers)
            for name, digest, wake_at, workers in await self._query(statement, parameters)
        ]

    async def queue(
        self,
        kind: str,
        name: str,
        limit: int,
        *,
        only: Iterable[str] | None = None,
        flows: Iterable[str] = (),
        aside: Iterable[str] = (),
    ) -> list[Waiter]:
        """The first of those whom a limit holds back: of `only` some, or of all but those of some flows, and set aside."""
        parameters = {
            "kind": kind,
            "name": name,
            "me": self._worker,
            "only": None if only is None else _json(only),
            "flows": _json(flows),
            "aside": _json(aside),
            "limit": limit,
        }
        return [Waiter(*row) for row in await self._query("queue", parameters)]

    async def in_use(self, kind: str, name: str) -> int:
        """How many places of a limit are taken by executions whose owners are alive."""
        ((count,),) = await self._query("in_use", {"kind": kind, "name": name})
        return int(count)

    async def arrival_us(self, name: str) -> int:
        """The theoretical arrival time of the next start of a task type with a rate; 0 before the first."""
        rows = await self._reader.query(_STATEMENTS["arrival"], {"name": name})
        return int(rows[0][0]) if rows else 0

    async def held(self, execution_ids: Iterable[str]) -> set[str]:
        """Which of these are held back."""
        return {hold.execution_id for hold in await self.holds(execution_ids)}

    async def holds(self, execution_ids: Iterable[str]) -> list[Hold]:
        """What holds these executions back; those that nothing does are left out."""
        return [_hold(row) for row in await self._query("holds", {"ids": _json(execution_ids)})]

    async def left(self) -> Left:
        """What there is to be done, at this moment."""
        ((due, later),) = await self._query("left", {"now": timestamp(self._clock.now())})
        return Left(due=due, later=later)

    async def owners(self, execution_ids: Iterable[str]) -> list[Owner]:
        """Who has these executions; those that do not exist are left out."""
        found = await self._query("owners", {"ids": _json(execution_ids)})
        return [
            Owner(
                execution_id=name,
                seq=seq,
                epoch=epoch,
                worker=worker,
                alive=bool(alive),
                host=host,
                pid=pid,
                seen_at=None if seen_at is None else datetime.fromisoformat(seen_at),
            )
            for name, seq, epoch, worker, alive, host, pid, seen_at in found
        ]

    async def _query(self, name: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        moment = {"boot_id": self._clock.boot_id(), "now_ms": self._clock.boot_ms()}
        return await self._reader.query(_STATEMENTS[name], parameters | moment)


def read_holds(view: LogView, clock: Clock, execution_ids: Iterable[str]) -> list[Hold]:
    """The same as `Agenda.holds`, within a read transaction."""
    moment = {"boot_id": clock.boot_id(), "now_ms": clock.boot_ms()}
    return [_hold(row) for row in view.execute(_STATEMENTS["holds"], {"ids": _json(execution_ids)} | moment)]


def _hold(row: Sequence[Any]) -> Hold:
    return Hold(**dict(zip(Hold.__struct_fields__, row, strict=True)))


def _json(values: Iterable[str]) -> str:
    return msgspec.json.encode(list(values)).decode()
