"""An OpenTelemetry SDK that keeps its spans in memory, and managers that give theirs to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flowsm import FlowManager, TaskFactory
from flowsm.testing.clock import ManualClock
from flowsm.tracing import Tracing


class Spans:
    """What was exported so far."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def all(self) -> tuple[ReadableSpan, ...]:
        """Them all, in the order in which they ended."""
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Those with a name."""
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """The only one with a name."""
        (span,) = self.named(name)
        return span


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    yield spans
    spans.provider.shutdown()


@pytest.fixture
def tasks() -> TaskFactory:
    return TaskFactory()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def traced(tmp_path: Any, tasks: TaskFactory, spans: Spans) -> Callable[..., FlowManager]:
    """Makes managers on one file whose spans are kept."""

    def make(**options: Any) -> FlowManager:
        return FlowManager(tmp_path / "flowsm.db", tasks=tasks, tracing=Tracing(spans.provider), **options)

    return make
