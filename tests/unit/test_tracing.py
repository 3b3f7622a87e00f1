"""Spans, where no execution is needed to see what they do."""

from __future__ import annotations

import contextvars
import logging
import types

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from flowsm.events.commands import Driver, RecordResult
from flowsm.machine.state import Attempt, new_state
from flowsm.tracing import Tracing, creating

ASKED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ATTEMPT = Attempt(visit=1, attempt=1)
FAILED = RecordResult(driver=Driver(worker="w"), visit=1, attempt=1, task="t", status="failure", outcome="refused")


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


@types.coroutine
def for_ever():
    yield


def test_a_coroutine_that_is_closed_elsewhere_ends_its_spans(tracing, exporter, caplog):
    """What is left behind and closed in another context ends its spans, and complains of nothing."""

    async def left():
        with tracing.driving(new_state("x")), tracing.attempting(new_state("x"), ATTEMPT):
            await for_ever()

    caplog.set_level(logging.DEBUG)
    coroutine = left()
    contextvars.copy_context().run(coroutine.send, None)
    coroutine.close()
    assert [span.attributes.get("flowsm.outcome") for span in exporter.get_finished_spans()] == ["interrupted", None]
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_what_cannot_be_driven_is_an_error_of_the_drive(tracing, exporter):
    """An error of the engine is the drive's, with its exception."""
    with pytest.raises(RuntimeError), tracing.driving(new_state("x")):
        raise RuntimeError("broken")
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "RuntimeError")
    assert dict(span.events[0].attributes) == {"exception.type": "RuntimeError", "exception.message": "broken"}
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_failure_without_an_error_is_one(tracing, exporter):
    """A result that is a failure, and says no more, is an ERROR without an exception; a span ends once."""
    with tracing.attempting(new_state("x"), ATTEMPT) as span:
        span.end(FAILED)
        span.end(None, "again")
    (ended,) = exporter.get_finished_spans()
    assert (ended.status.status_code, ended.events) == (StatusCode.ERROR, ())
    assert ended.attributes["flowsm.outcome"] == "refused"


def test_without_an_sdk_the_traceparent_stays():
    """Where no SDK makes spans, what is kept is what was given; nothing, where nothing was."""
    without = Tracing(trace.NoOpTracerProvider())
    for tracing in (without, None):
        for given in (ASKED, None):
            with creating(tracing, "F", "x", "d", given) as kept:
                assert kept == given
    assert without.current() is None
