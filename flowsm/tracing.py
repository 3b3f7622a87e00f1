"""Spans of OpenTelemetry: of an execution's creation, of each time it is driven, and of each attempt.

Only the API is used, and nothing of it is loaded before somebody asks for spans: which SDK gets them, and what becomes
of them there, is their business. Parameters, inputs and results are never in a span.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from flowsm import __version__
from flowsm.errors import ExtraMissing, StartedBefore
from flowsm.events.commands import RecordResult
from flowsm.events.facts import ErrorInfo
from flowsm.machine.state import Attempt, ExecutionState
from flowsm.status import FlowStatus, TaskStatus

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanKind, TracerProvider

__all__ = ["AttemptSpan", "DriveSpan", "Tracing", "creating"]

_FAILURE: Final = TaskStatus.FAILURE.value


class DriveSpan:
    """The span of an execution that is driven."""

    __slots__ = ("_span", "_tracing")

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span

    def left(self, state: ExecutionState) -> None:
        """It waits, or has ended: how it stands then."""
        self._span.set_attribute("flowsm.outcome", state.status.value)
        self._span.set_attribute("flowsm.seq", state.seq)
        if state.status is FlowStatus.FAILED:
            self._tracing.fail(self._span, state.error)


class AttemptSpan:
    """The span of an attempt, which ends once: with what is recorded of it."""

    __slots__ = ("_span", "_tracing", "is_kept")

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span
        self.is_kept = False
        """Whether it goes on when the code has ended: what that comes to is known in a transaction."""

    def end(self, command: RecordResult | None, otherwise: str = "") -> None:
        """End with what is recorded, or, without that, otherwise."""
        if not self._span.is_recording():
            return
        self._span.set_attribute("flowsm.outcome", otherwise if command is None else command.outcome)
        if command is not None and command.status == _FAILURE:
            self._tracing.fail(self._span, command.error)
        self._span.end()


class Tracing:
    """Makes spans.

    Args:
        provider: gives the tracer; by default the one that the process has set, now or later.

    Raises:
        ExtraMissing: OpenTelemetry's API is not installed.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        try:
            from opentelemetry import context, trace  # noqa: PLC0415 - the extra `otel`, which only this needs
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "opentelemetry":
                raise
            raise ExtraMissing("tracing", "otel") from error
        self._context = context
        self._trace = trace
        self._tracer = trace.get_tracer("flowsm", __version__, tracer_provider=provider)

    @contextmanager
    def creating(self, name: str, execution_id: str, digest: str, traceparent: str | None) -> Iterator[str | None]:
        """Around the creation of an execution: gives what is to be kept with it as its traceparent.

        Its parent is the given one, unless the current span is part of the same trace and so stands closer.

        Args:
            name: the flow's.
            execution_id: the execution's.
            digest: the flow's.
            traceparent: who asks, as far as that was said.
        """
        given = self._remote(traceparent)
        current = self._trace.get_current_span().get_span_context()
        is_closer = given is None or (current.is_valid and current.trace_id == given.get_span_context().trace_id)
        parent = None if is_closer or given is None else self._trace.set_span_in_context(given)
        attributes = {"flowsm.execution.id": execution_id, "flowsm.flow.digest": digest}
        span = self._start(f"create {name}", self._trace.SpanKind.PRODUCER, attributes, parent)
        with self._made_current(span):
            try:
                yield self._traceparent_of(span) or traceparent
            except StartedBefore as earlier:
                span.set_attribute("flowsm.execution.id", earlier.execution_id)
                raise
            except Exception as error:
                self._fail_with(span, error)
                raise
            finally:
                span.end()

    @contextmanager
    def driving(self, state: ExecutionState) -> Iterator[DriveSpan]:
        """Around the time in which an execution is driven: in the trace that it is part of, whatever is current here."""
        given = self._remote(state.traceparent)
        nothing = self._context.Context()
        parent = nothing if given is None else self._trace.set_span_in_context(given, nothing)
        span = self._start(f"run {state.flow_name}", self._trace.SpanKind.CONSUMER, _of(state), parent)
        with self._made_current(span, parent):
            try:
                yield DriveSpan(self, span)
            except asyncio.CancelledError:
                span.set_attribute("flowsm.outcome", "stopped")
                raise
            except Exception as error:
                self._fail_with(span, error)
                raise
            finally:
                span.end()

    @contextmanager
    def attempting(self, state: ExecutionState, attempt: Attempt, name: str = "") -> Iterator[AttemptSpan]:
        """Around an attempt: current while the task's code runs; `name` is the task's, by default."""
        attributes = _of(state) | {
            "flowsm.task": state.node,
            "flowsm.visit": attempt.visit,
            "flowsm.attempt": attempt.attempt,
            "flowsm.seq": attempt.started_seq,
        }
        span = self._start(name or state.node, self._trace.SpanKind.INTERNAL, attributes)
        attempting = AttemptSpan(self, span)
        with self._made_current(span):
            try:
                yield attempting
            finally:
                if not attempting.is_kept:
                    attempting.end(None, "interrupted")

    def current(self) -> str | None:
        """The current span, as a traceparent; None where there is none."""
        return self._traceparent_of(self._trace.get_current_span())

    def fail(self, span: Span, error: ErrorInfo | None) -> None:
        """Mark a span as failed, with the error as it is recorded."""
        said = "" if error is None else error.type
        span.set_status(self._trace.StatusCode.ERROR, said)
        if error is not None:
            self._add_exception(span, error.type, error.message, error.traceback)

    def _fail_with(self, span: Span, error: Exception) -> None:
        """Mark a span as failed with an error of the engine's own."""
        span.set_status(self._trace.StatusCode.ERROR, type(error).__name__)
        self._add_exception(span, type(error).__name__, str(error), "")

    @staticmethod
    def _add_exception(span: Span, kind: str, message: str, trace: str) -> None:
        attributes = {"exception.type": kind, "exception.message": message}
        span.add_event("exception", attributes | ({"exception.stacktrace": trace} if trace else {}))

    def _start(self, name: str, kind: SpanKind, attributes: dict[str, Any], parent: Context | None = None) -> Span:
        return self._tracer.start_span(name, context=parent, kind=kind, attributes=attributes)

    @contextmanager
    def _made_current(self, span: Span, context: Context | None = None) -> Iterator[None]:
        token = self._context.attach(self._trace.set_span_in_context(span, context))
        try:
            yield
        except GeneratorExit:  # the coroutine is closed from elsewhere, where there is nothing to take back
            raise
        except BaseException:
            self._context.detach(token)
            raise
        self._context.detach(token)

    def _remote(self, traceparent: str | None) -> Span | None:
        """The span of another process, or of an earlier time, that a traceparent names."""
        if traceparent is None:
            return None
        _, trace, span, flags = traceparent.split("-")
        named = self._trace.SpanContext(
            int(trace, 16), int(span, 16), is_remote=True, trace_flags=self._trace.TraceFlags(int(flags, 16))
        )
        return self._trace.NonRecordingSpan(named)

    @staticmethod
    def _traceparent_of(span: Span) -> str | None:
        context = span.get_span_context()
        if not context.is_valid:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def creating(
    tracing: Tracing | None, name: str, execution_id: str, digest: str, traceparent: str | None
) -> AbstractContextManager[str | None]:
    """As `Tracing.creating`; without tracing the traceparent stays what it is."""
    if tracing is None:
        return nullcontext(traceparent)
    return tracing.creating(name, execution_id, digest, traceparent)


def _of(state: ExecutionState) -> dict[str, Any]:
    return {
        "flowsm.execution.id": state.stream,
        "flowsm.flow.id": state.flow_id,
        "flowsm.flow.digest": state.digest,
    }
