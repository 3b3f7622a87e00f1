"""What a task gave back, or raised, as a checked result: pure."""

from __future__ import annotations

import math
import traceback
from datetime import datetime
from typing import Any, Final

import msgspec

from flowsm.limits import ERROR_MESSAGE_MAX_CHARS, NAME_MAX_CHARS, RESULT_MAX_WARNINGS, TRACEBACK_MAX_CHARS
from flowsm.status import TaskStatus
from flowsm.tasks.jsonvalue import NotJson, json_form
from flowsm.tasks.result import TaskResult

__all__ = ["INVALID_RESULT", "TASK_FAILED", "Normalised", "TaskError", "error_info", "failure", "normalise"]

INVALID_RESULT: Final = "InvalidResult"
"""The error type of a result that cannot be recorded."""
TASK_FAILED: Final = "TaskFailed"
"""The error type of a result that says FAILURE."""

_STATUSES: Final = {str(status): status for status in TaskStatus}
_SUCCESS: Final = TaskStatus.SUCCESS
_FAILURE: Final = TaskStatus.FAILURE
_CONTRADICTIONS: Final = frozenset({(TaskStatus.SUCCESS, "failure"), (TaskStatus.FAILURE, "success")})


class TaskError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An error as data. `types` are the names of the exception's class and of its bases, up to `Exception`."""

    type: str
    message: str
    types: tuple[str, ...] = ()
    traceback: str = ""


class Normalised(msgspec.Struct, frozen=True):
    """A result that can be recorded, and the error if it is a failure."""

    result: TaskResult
    error: TaskError | None = None


class _Wrong(Exception):
    """What is wrong with a result."""


def normalise(result: object, task_name: str) -> Normalised:
    """The result as it will be recorded, whatever the task gave back.

    A JSON value is a success with that data. The data is what its JSON text reads back as, so
    that live equals replay: datetime, UUID, Decimal, Enum, dataclasses and msgspec structs are in their JSON form.
    The result belongs to the task that gave it, whatever `task_name` it carries. A result that cannot
    be recorded is a failure of the task, of the error type `InvalidResult`. Never raises.
    """
    try:
        if not isinstance(result, TaskResult):
            data = json_form(result)
            return Normalised(TaskResult(task_name=task_name, status=_SUCCESS, data=data, outcome="success"))
        checked = _checked(result, task_name)
    except (_Wrong, NotJson) as wrong:
        message = f"the result of task {task_name!r} cannot be recorded: {wrong}"
        return _failed(task_name, TaskError(type=INVALID_RESULT, message=_bounded(message), types=(INVALID_RESULT,)))
    if checked.status is not _FAILURE:
        return Normalised(checked)
    message = checked.error or checked.message or "the task reported a failure"
    return Normalised(checked, TaskError(type=TASK_FAILED, message=message, types=(TASK_FAILED,)))


def failure(exception: BaseException, task_name: str) -> Normalised:
    """The failure that an exception is, with its type, message and traceback."""
    return _failed(task_name, error_info(exception))


def error_info(exception: BaseException) -> TaskError:
    """An exception as data, bounded; an exception that cannot say what it is does not break it."""
    names = tuple(base.__name__ for base in type(exception).__mro__ if base not in (BaseException, object))
    try:
        message = str(exception)
    except Exception as error:  # noqa: BLE001 - any code may be behind __str__
        message = f"(no message: {type(exception).__name__}.__str__ raised {type(error).__name__})"
    try:
        text = "".join(traceback.TracebackException.from_exception(exception, compact=True).format())
    except Exception:  # noqa: BLE001 - likewise
        text = ""
    if not message.strip():
        message = type(exception).__name__
    elif isinstance(exception, KeyError) or message.isdecimal():  # a bare key, or an exit code
        message = f"{type(exception).__name__}: {message}"
    return TaskError(
        type=type(exception).__name__, message=_bounded(message), types=names, traceback=_bounded_traceback(text)
    )


def _failed(task_name: str, error: TaskError) -> Normalised:
    text = error.message
    result = TaskResult(
        task_name=task_name, status=TaskStatus.FAILURE, message=text, error=text, outcome=TaskStatus.FAILURE.value
    )
    return Normalised(result, error)


def _checked(result: TaskResult, task_name: str) -> TaskResult:
    status = _status(result.status)
    return TaskResult(
        task_name=task_name,
        status=status,
        message=_text(result.message, "message") if result.message is not None else None,
        data=json_form(result.data, "/data"),
        error=_text(result.error, "error") if result.error is not None else None,
        outcome=_outcome(result.outcome, status),
        warnings=_warnings(result.warnings) if result.warnings else [],
        execution_time=_seconds(result.execution_time) if result.execution_time is not None else None,
        timestamp=_timestamp(result.timestamp) if result.timestamp is not None else None,
    )


def _status(status: object) -> TaskStatus:
    if type(status) is TaskStatus:
        return status
    known = _STATUSES.get(status) if isinstance(status, str) else None
    if known is None:
        raise _Wrong(f"/status: expected TaskStatus.SUCCESS, FAILURE or SKIPPED, found {_show(status)}")
    return known


def _outcome(outcome: object, status: TaskStatus) -> str:
    if outcome is None:
        return status._value_
    if not isinstance(outcome, str) or not 0 < len(outcome) <= NAME_MAX_CHARS or _clean(outcome) != outcome:
        raise _Wrong(f"/outcome: expected a word of 1 to {NAME_MAX_CHARS} characters, found {_show(outcome)}")
    if (status, outcome) in _CONTRADICTIONS:
        raise _Wrong(
            f"/outcome: status {status.value!r} with outcome {outcome!r} contradicts itself; "
            f"leave the outcome out, or give a word of your own"
        )
    return str.__str__(outcome)


def _text(text: object, field: str) -> str:
    if not isinstance(text, str):
        raise _Wrong(f"/{field}: expected a text or None, found {_show(text)}; use str()")
    return _bounded(text)


def _warnings(warnings: object) -> list[str]:
    if not isinstance(warnings, list | tuple):
        raise _Wrong(f"/warnings: expected a list of texts, found {_show(warnings)}")
    for index, warning in enumerate(warnings):
        if not isinstance(warning, str):
            raise _Wrong(f"/warnings/{index}: expected a text, found {_show(warning)}; use str()")
    kept = [_bounded(warning) for warning in warnings[:RESULT_MAX_WARNINGS]]
    if len(warnings) > RESULT_MAX_WARNINGS:
        kept[-1] = f"{len(warnings) - RESULT_MAX_WARNINGS + 1} more warnings were left out"
    return kept


def _seconds(seconds: Any) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise _Wrong(f"/execution_time: expected seconds or None, found {_show(seconds)}; leave it out")
    return float(seconds)


def _timestamp(timestamp: object) -> datetime:
    if not isinstance(timestamp, datetime):
        raise _Wrong(f"/timestamp: expected a datetime or None, found {_show(timestamp)}; leave it out")
    return timestamp


def _show(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - any code may be behind __repr__
        text = "a value that cannot be shown"
    kind = type(value).__name__
    return f"{text[:60]}{'…' * (len(text) > 60)} ({kind})"  # noqa: PLR2004 - a glance, not a bound


def _clean(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _bounded(text: str) -> str:
    text = str.__str__(text)
    if len(text) > ERROR_MESSAGE_MAX_CHARS:
        text = text[: ERROR_MESSAGE_MAX_CHARS - 1] + "…"
    return _clean(text)


def _bounded_traceback(text: str) -> str:
    """The beginning, and above all the end, where the error is."""
    if len(text) > TRACEBACK_MAX_CHARS:
        head = TRACEBACK_MAX_CHARS // 4
        cut = "\n[…]\n"
        text = text[:head] + cut + text[-(TRACEBACK_MAX_CHARS - head - len(cut)) :]
    return _clean(text)
