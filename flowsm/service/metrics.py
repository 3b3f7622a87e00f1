"""What a Prometheus server is told: families made of what is measured when it asks, with labels bounded in number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from flowsm.limits import METRICS_ROWS_MAX
from flowsm.measuring import Measures
from flowsm.projections.measures import End

__all__ = ["METRICS_MEDIA", "OTHERS", "metrics_text"]

METRICS_MEDIA: Final = CONTENT_TYPE_LATEST
OTHERS: Final = "(others)"
"""The label of what comes after the first so many."""


def metrics_text(measures: Measures, streams: int) -> bytes:
    """The measures in Prometheus' text format; `streams` of events are open."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Measured(measures, streams))
    return generate_latest(registry)


class _Measured(Collector):
    """Gives what was measured, as families."""

    def __init__(self, measures: Measures, streams: int) -> None:
        self._measures = measures
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        """All families."""
        yield from _of_executions(self._measures)
        yield from _of_work(self._measures)
        yield from _of_writing(self._measures)
        yield GaugeMetricFamily("flowsm_streams", "Streams of events that are open.", self._streams)


def _of_executions(measures: Measures) -> Iterator[Metric]:
    live = GaugeMetricFamily(
        "flowsm_executions", "Executions that have not ended, by flow and status.", labels=("flow", "status")
    )
    counted: dict[tuple[str, ...], float] = {}
    for flow, status, count in measures.log.live:
        key = (flow if len(counted) < METRICS_ROWS_MAX else OTHERS, status)
        counted[key] = counted.get(key, 0) + count
    for labels, value in counted.items():
        live.add_metric(labels, value)
    yield live
    ended = SummaryMetricFamily(
        "flowsm_execution_duration_seconds",
        "Executions that have ended, from their start to their end, by flow and status.",
        labels=("flow", "status"),
    )
    yield _summed(ended, measures.log.flows, with_task=False)
    attempts = SummaryMetricFamily(
        "flowsm_attempt_duration_seconds",
        "Attempts of tasks that have ended, by flow, task and outcome.",
        labels=("flow", "task", "outcome"),
    )
    yield _summed(attempts, measures.log.tasks, with_task=True)


def _summed(family: SummaryMetricFamily, ends: Iterable[End], *, with_task: bool) -> SummaryMetricFamily:
    """The family with these; what comes after the first so many is one."""
    sums: dict[tuple[str, ...], tuple[int, float]] = {}
    for end in ends:
        labels: tuple[str, ...] = (end.flow_id, end.task, end.outcome) if with_task else (end.flow_id, end.outcome)
        if len(sums) >= METRICS_ROWS_MAX:
            labels = tuple(OTHERS for _ in labels)
        count, seconds = sums.get(labels, (0, 0.0))
        sums[labels] = (count + end.count, seconds + end.seconds)
    for labels, (count, seconds) in sums.items():
        family.add_metric(labels, count_value=count, sum_value=seconds)
    return family


def _of_work(measures: Measures) -> Iterator[Metric]:
    log = measures.log
    queue = GaugeMetricFamily("flowsm_queue", "Executions by what they wait for.", labels=("waiting_for",))
    for label, count in (
        ("room", measures.waiting),
        ("limit", log.held),
        ("worker", log.due),
        ("moment", log.sleeping),
    ):
        queue.add_metric((label,), count)
    yield queue
    yield GaugeMetricFamily("flowsm_running", "Executions that are being advanced by this process.", measures.running)
    yield GaugeMetricFamily(
        "flowsm_recovery_lag_seconds", "For how long an execution has been due that nobody took up.", log.lag_seconds
    )
    yield GaugeMetricFamily("flowsm_workers", "Workers that are alive, in all processes.", log.workers)


def _of_writing(measures: Measures) -> Iterator[Metric]:
    yield CounterMetricFamily("flowsm_events", "Events that were recorded in the log.", measures.log.position)
    yield HistogramMetricFamily(
        "flowsm_append_duration_seconds",
        "Write transactions of this process, from the first request to the answer after the commit.",
        buckets=_buckets(measures.latencies),
        sum_value=measures.transaction_seconds,
    )
    yield HistogramMetricFamily(
        "flowsm_group_commit_size",
        "How many requests shared a write transaction of this process.",
        buckets=_buckets(measures.sizes),
        sum_value=measures.requests,
    )
    yield GaugeMetricFamily("flowsm_database_bytes", "The size of the log's file.", measures.database_bytes)
    yield GaugeMetricFamily("flowsm_wal_bytes", "The size of its write-ahead log.", measures.wal_bytes)


def _buckets(counts: Iterable[tuple[float, int]]) -> list[tuple[str, float]]:
    return [("+Inf" if bound == float("inf") else str(float(bound)), count) for bound, count in counts]
