"""What is measured of the whole log: read when somebody asks, and kept nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from flowsm.clock import Clock, timestamp
from flowsm.projections.project import ENDED_TASK
from flowsm.projections.queries import Reader
from flowsm.storage.statements import load_statements

__all__ = ["End", "LogMeasures", "measure_log"]

_STATEMENTS: Final = load_statements("flowsm.projections", "sql", "measures.sql")


class End(msgspec.Struct, frozen=True):
    """How often executions of a flow, or attempts of a task, ended so, and how long they took in sum."""

    flow_id: str
    task: str
    outcome: str
    count: int
    seconds: float


class LogMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """The log at a moment.

    `live` counts executions that have not ended by flow and status, `flows` the ends of executions, `tasks` those of
    attempts. `due` executions are nobody's and wait for a worker, the longest since `lag_seconds`; `held` ones wait for
    room under a limit, `sleeping` ones for a moment.
    """

    live: list[tuple[str, str, int]]
    flows: list[End]
    tasks: list[End]
    position: int
    workers: int
    held: int
    due: int
    sleeping: int
    lag_seconds: float


async def measure_log(reader: Reader, clock: Clock) -> LogMeasures:
    """What the log of this reader is like now.

    Raises:
        LogUnavailable: it cannot be read.
    """
    now = clock.now()
    moment = {"boot_id": clock.boot_id(), "now_ms": clock.boot_ms(), "now": timestamp(now)}
    ends = [
        End(flow_id, task, outcome, count, duration_us / 1_000_000)
        for flow_id, task, outcome, count, duration_us in await reader.query(_STATEMENTS["ends"], {})
    ]
    live = [(row[0], row[1], row[2]) for row in await reader.query(_STATEMENTS["live"], {})]
    ((position, workers, held, due, sleeping, oldest),) = await reader.query(_STATEMENTS["work"], moment)
    lag = 0.0 if oldest is None else (now - datetime.fromisoformat(oldest)).total_seconds()
    return LogMeasures(
        live=live,
        flows=[end for end in ends if end.task == ENDED_TASK],
        tasks=[end for end in ends if end.task != ENDED_TASK],
        position=position,
        workers=workers,
        held=held,
        due=due,
        sleeping=sleeping,
        lag_seconds=max(0.0, lag),
    )
