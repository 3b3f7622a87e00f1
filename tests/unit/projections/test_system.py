"""The facts of the log itself: what a purge leaves in the statistics, and an import takes back."""

from __future__ import annotations

from flowsm.events.facts import ExecutionStarted
from flowsm.events.system import LogImported, LogPurged, Share
from flowsm.log.port import Increment
from flowsm.projections.system import rows_without, share_of, system_rows
from flowsm.projections.tables import ROW_STATEMENTS

ROWS = [
    Increment(statement="add_statistic", key=("f", "b", "success"), amounts=(1, 5)),
    Increment(statement="add_statistic", key=("f", "a", "success"), amounts=(1, 7)),
    Increment(statement="add_statistic", key=("f", "b", "success"), amounts=(2, 1)),
]
SHARE = (Share("f", "a", "success", 1, 7), Share("f", "b", "success", 3, 6))


def test_a_share_is_the_sum():
    """Summed by key, in the order of the keys: the same streams always have the same share."""
    assert share_of(ROWS) == SHARE
    assert share_of(list(reversed(ROWS))) == SHARE


def test_a_purge_leaves_what_an_import_takes_back():
    """The rows of both facts cancel each other out; other facts have none."""
    given = {"streams": (), "statistics": SHARE, "archive": "old", "archive_digest": "00"}
    left = system_rows(LogPurged(**given))
    back = system_rows(LogImported(**given, events=0))
    assert share_of(left) == SHARE
    assert {share[3:] for share in map(tuple_of, share_of([*left, *back]))} == {(0, 0)}
    assert system_rows(ExecutionStarted(worker="w")) == []


def tuple_of(share):
    return (share.flow_id, share.task, share.outcome, share.count, share.duration_us)


def test_rows_are_dropped_in_the_order_of_their_statements():
    """Every statement is declared, and they are given in that order, so that a batch writes each once."""
    names = [row.statement for row in rows_without("e")]
    assert sorted(names, key=list(ROW_STATEMENTS).index) == names == sorted(names)
