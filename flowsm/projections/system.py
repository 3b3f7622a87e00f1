"""The rows that follow from the facts of the log itself."""

from __future__ import annotations

from typing import Final

from flowsm.events.fact import Fact
from flowsm.events.system import LogImported, LogPurged, Share
from flowsm.log.port import Increment, RowChange

__all__ = ["rows_without", "share_of", "system_rows"]

_OF_ONE: Final = ("drop_attempts", "drop_execution")
"""The statements that delete an execution's rows, one for each table that has some, in the order of `rows.sql`."""


def system_rows(fact: Fact) -> list[Increment]:
    """A purge leaves its streams' share of the statistics; an import that brings them back takes it away again."""
    if isinstance(fact, LogPurged):
        return [_increment(share, 1) for share in fact.statistics]
    if isinstance(fact, LogImported):
        return [_increment(share, -1) for share in fact.statistics]
    return []


def rows_without(stream: str) -> list[RowChange]:
    """What is left of the rows when an execution is purged: nothing but its share of the statistics."""
    return [RowChange(statement=name, params=(stream,)) for name in _OF_ONE]


def share_of(increments: list[Increment]) -> tuple[Share, ...]:
    """The sums of increments of the statistics, in the order of their keys."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in increments:
        flow_id, task, outcome = row.key
        count, duration_us = sums.get((flow_id, task, outcome), (0, 0))
        sums[flow_id, task, outcome] = (count + row.amounts[0], duration_us + row.amounts[1])
    return tuple(Share(*key, *amounts) for key, amounts in sorted(sums.items()))


def _increment(share: Share, sign: int) -> Increment:
    key = (share.flow_id, share.task, share.outcome)
    return Increment(statement="add_statistic", key=key, amounts=(sign * share.count, sign * share.duration_us))
