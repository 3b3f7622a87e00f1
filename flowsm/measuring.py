"""The verb that measures, as `FlowManager` has it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from flowsm.clock import Clock
from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections.measures import LogMeasures, measure_log
from flowsm.runtime.supervisor import Supervisor

__all__ = ["Measures", "MeasuringVerbs"]


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """The log, and how this manager is doing on the running loop.

    `running` executions are advanced here, `waiting` ones wait until they can be. `transactions` of so many `requests`
    were made, which took so long in sum until they were answered; `latencies` and `sizes` count them within bounds (the
    first of each pair), the last within all. File sizes are in bytes.
    """

    log: LogMeasures
    running: int
    waiting: int
    transactions: int
    requests: int
    transaction_seconds: float
    latencies: list[tuple[float, int]]
    sizes: list[tuple[float, int]]
    database_bytes: int
    wal_bytes: int


class MeasuringVerbs:
    """What there is to be watched over."""

    _log: SqliteEventLog
    _clock: Clock

    def _bound(self, *, recover: bool = False) -> Supervisor:
        raise NotImplementedError

    async def measures(self) -> Measures:
        """How the log is, and how it is worked on here: read now, and cheap enough for every few seconds.

        Raises:
            LogUnavailable: the log cannot be read.
        """
        log = await measure_log(self._log, self._clock)
        running, waiting = self._bound().busy()
        meter = self._log.meter
        path = Path(self._log.path)
        return Measures(
            log=log,
            running=running,
            waiting=waiting,
            transactions=sum(meter.sizes),
            requests=meter.requests,
            transaction_seconds=meter.seconds,
            latencies=meter.latency_counts(),
            sizes=meter.size_counts(),
            database_bytes=_size(path),
            wal_bytes=_size(path.with_name(f"{path.name}-wal")),
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
