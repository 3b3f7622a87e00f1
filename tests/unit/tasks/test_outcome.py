from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from enum import Enum

import msgspec
import pytest

from flowsm.errors import NotAllowed
from flowsm.limits import ERROR_MESSAGE_MAX_CHARS, NAME_MAX_CHARS, RESULT_MAX_WARNINGS, TRACEBACK_MAX_CHARS
from flowsm.status import TaskStatus
from flowsm.tasks.outcome import INVALID_RESULT, TASK_FAILED, error_info, failure, normalise
from flowsm.tasks.result import TaskResult


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", [], {"a": [1, None, {"b": "ü"}]}])
def test_json_is_success(value):
    """Any JSON value is a success with that data, without an error."""
    normalised = normalise(value, "t")
    assert normalised.error is None
    assert normalised.result == TaskResult(task_name="t", status=TaskStatus.SUCCESS, data=value, outcome="success")


def test_live_equals_replay():
    """The data is the JSON round trip of what was returned."""
    data = normalise({1: (datetime(2024, 1, 2, tzinfo=UTC), {"x"})}, "t").result.data
    assert data == {"1": ["2024-01-02T00:00:00Z", ["x"]]}
    assert msgspec.json.decode(msgspec.json.encode(data)) == data


@pytest.mark.parametrize("status", list(TaskStatus))
@pytest.mark.parametrize("as_text", [False, True])
def test_outcome_defaults_to_status(status, as_text):
    """The outcome is the status where none is given, and the status may be its text."""
    result = normalise(TaskResult(status=str(status) if as_text else status), "t").result
    assert result.status is status
    assert result.outcome == status.value


def test_result_is_kept():
    """Everything that a task says in its result is in the normalised one, under the task's own name."""
    given = TaskResult(
        task_name="another",
        status=TaskStatus.SUCCESS,
        message="m",
        data={"a": 1},
        error="e",
        outcome="approved",
        warnings=("w",),
        execution_time=1,
        timestamp=datetime(2024, 1, 2, tzinfo=UTC),
    )
    result = normalise(given, "t").result
    assert result == msgspec.structs.replace(given, task_name="t", warnings=["w"], execution_time=1.0)
    assert given.task_name == "another"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (TaskResult(status=TaskStatus.FAILURE, error="e", message="m"), "e"),
        (TaskResult(status=TaskStatus.FAILURE, message="m"), "m"),
        (TaskResult(status=TaskStatus.FAILURE), "the task reported a failure"),
    ],
)
def test_failure_has_an_error(given, message):
    """A result that says FAILURE has an error of the type TaskFailed, with the best text there is."""
    error = normalise(given, "t").error
    assert (error.type, error.message, error.types) == (TASK_FAILED, message, (TASK_FAILED,))


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        (float("nan"), "/:"),
        (TaskResult(status="success", data={"a": [float("inf")]}), "/data/a/0:"),
        (TaskResult(status="success", outcome="failure"), "/outcome:"),
        (TaskResult(status="failure", outcome="success"), "/outcome:"),
        (TaskResult(status="done"), "/status:"),
        (TaskResult(status=None), "/status:"),
        (TaskResult(status=Unshowable()), "/status:"),
        (TaskResult(status=["success"]), "/status:"),
        (TaskResult(status="success", outcome=""), "/outcome:"),
        (TaskResult(status="success", outcome="\ud800"), "/outcome:"),
        (TaskResult(status="success", outcome=3), "/outcome:"),
        (TaskResult(status="success", outcome="x" * (NAME_MAX_CHARS + 1)), "/outcome:"),
        (TaskResult(status="success", message=3), "/message:"),
        (TaskResult(status="failure", error=ValueError("x")), "/error:"),
        (TaskResult(status="success", warnings="w"), "/warnings:"),
        (TaskResult(status="success", warnings=["w", 2]), "/warnings/1:"),
        (TaskResult(status="success", execution_time="1"), "/execution_time:"),
        (TaskResult(status="success", execution_time=True), "/execution_time:"),
        (TaskResult(status="success", execution_time=float("nan")), "/execution_time:"),
        (TaskResult(status="success", timestamp="now"), "/timestamp:"),
    ],
)
def test_what_cannot_be_recorded_is_a_failure(given, pointer):
    """A result that cannot be recorded is a failure InvalidResult that names the task and the place."""
    normalised = normalise(given, "t")
    assert normalised.error.type == INVALID_RESULT
    assert normalised.error.types == (INVALID_RESULT,)
    assert normalised.result.status is TaskStatus.FAILURE
    assert normalised.result.outcome == "failure"
    assert normalised.result.data is None
    assert normalised.result.error == normalised.error.message
    assert normalised.error.message.startswith(f"the result of task 't' cannot be recorded: {pointer}")


def test_texts_are_bounded_and_clean():
    """Messages, errors and warnings are cut to their bound, and half characters are replaced."""
    long = "x" * (ERROR_MESSAGE_MAX_CHARS + 5)
    result = normalise(TaskResult(status="failure", message=long, error="a\ud800ü", warnings=[long]), "t").result
    assert len(result.message) == ERROR_MESSAGE_MAX_CHARS
    assert result.message.endswith("…")
    assert result.error == "a?ü"
    assert len(result.warnings[0]) == ERROR_MESSAGE_MAX_CHARS


def test_exception_as_data():
    """An exception becomes its type, its message, the names of its bases up to Exception, and its traceback."""
    with pytest.raises(NotAllowed) as caught:
        raise NotAllowed("path", "/x", "give it")
    error = error_info(caught.value)
    normalised = failure(caught.value, "t")
    assert error.type == "NotAllowed"
    assert error.types == ("NotAllowed", "FlowsmError", "Exception")
    assert error.message == "path '/x' is not allowed; give it"
    assert "test_exception_as_data" in error.traceback
    assert normalised.error.message == error.message
    assert (normalised.result.task_name, normalised.result.outcome, normalised.result.error) == (
        "t",
        "failure",
        error.message,
    )


def test_exception_without_a_message():
    """An exception that says nothing is told by its type, in the result and in the error."""
    assert failure(ValueError(), "t").result.error == "ValueError"
    assert failure(ValueError(), "t").error.message == "ValueError"


def test_exception_that_cannot_speak():
    """An exception whose `__str__` raises is recorded all the same."""
    error = error_info(Unspeakable())
    assert error.message == "(no message: Unspeakable.__str__ raised RuntimeError)"
    assert "Unspeakable" in error.traceback


def test_exception_whose_traceback_cannot_be_made(monkeypatch):
    """An exception of which Python cannot make a traceback is recorded without one."""

    def broken(*args, **kwargs):
        raise RuntimeError("no")

    monkeypatch.setattr("traceback.TracebackException.from_exception", broken)
    assert error_info(ValueError("x")).traceback == ""


def test_exception_is_bounded_and_clean():
    """A huge message is cut at its end, a huge traceback in its middle, and half characters are replaced."""
    error = error_info(ValueError("\ud800" + "x" * TRACEBACK_MAX_CHARS * 2 + "END"))
    assert len(error.message) == ERROR_MESSAGE_MAX_CHARS
    assert len(error.traceback) == TRACEBACK_MAX_CHARS
    assert error.message.startswith("?xx")
    assert error.traceback.startswith("ValueError: ?")
    assert error.traceback.endswith("END\n")
    assert "[…]" in error.traceback


def test_warnings_are_bounded():
    """Of very many warnings the first are kept, and the others are counted."""
    warnings = normalise(TaskResult(status="success", warnings=["w"] * 250), "t").result.warnings
    assert len(warnings) == RESULT_MAX_WARNINGS
    assert warnings[-1] == "151 more warnings were left out"


def test_outcome_of_an_enum():
    """An outcome may be a member of a str enum: its text counts."""

    class Word(str, Enum):  # noqa: UP042 - as older code has it
        YES = "yes"

    outcome = normalise(TaskResult(status="success", outcome=Word.YES), "t").result.outcome
    assert (outcome, type(outcome)) == ("yes", str)


def test_text_subclass():
    """A message of a subclass of str is recorded as the text that it is."""

    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            raise RuntimeError("no")

    assert normalise(TaskResult(status="success", message=Text("m")), "t").result.message == "m"


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        (KeyError("total"), "KeyError: 'total'"),
        (SystemExit(5), "SystemExit: 5"),
        (ValueError(" "), "ValueError"),
        (asyncio.CancelledError(), "CancelledError"),
        (ValueError("no disk"), "no disk"),
    ],
)
def test_a_message_says_something(exception, message):
    """A bare key, a number or nothing is told with the name of its class: "task failed: 'total'" helps nobody."""
    assert error_info(exception).message == message
