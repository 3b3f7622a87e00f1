"""Log records as lines."""

from __future__ import annotations

import contextvars
import json
import logging
import sys

import pytest

from flowsm.logs import FIELDS, JsonFormatter, TextFormatter
from flowsm.runtime.served import SERVED, Served
from flowsm.tasks.veil import Veil


def record(message, *args, level=logging.INFO, error=None, **extra):
    info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("a.logger", level, __file__, 1, message, args, info)
    made.__dict__.update(extra)
    return made


def raised():
    try:
        int("line\nline")
    except ValueError as error:
        return error
    return None


def test_a_record_is_one_line_of_json():
    """Time in UTC, level, logger, message and what it carries; what it does not carry is left out."""
    made = record("told %s", "you", execution_id="x", seq=3, duration_ms=1.5, other="left out")
    made.created = 1_000_000_000.25
    assert json.loads(JsonFormatter().format(made)) == {
        "time": "2001-09-09T01:46:40.250000Z",
        "level": "INFO",
        "logger": "a.logger",
        "message": "told you",
        "execution_id": "x",
        "seq": 3,
        "duration_ms": 1.5,
    }


def test_an_exception_is_a_part_of_its_record():
    """Its type, message and traceback are in the one line; where there is none, nothing is."""
    line = JsonFormatter().format(record("oops", error=raised()))
    assert len(line.splitlines()) == 1
    told = json.loads(line)["exception"]
    assert (told["type"], told["message"]) == ("ValueError", "invalid literal for int() with base 10: 'line\\nline'")
    assert told["traceback"].startswith("Traceback (most recent call last):\n")
    made = record("nothing", stack_info="Stack:\n  here")
    made.exc_info = (None, None, None)
    assert json.loads(JsonFormatter().format(made))["stack"] == "Stack:\n  here"


@pytest.mark.parametrize(
    "text",
    ['\n{"level": "CRITICAL"}', "\r\n", "\x85", "\u2028\u2029", "\x1b[2J", "\x9b2J", "\u202e", "\x00", '"', "\\", "é"],
)
def test_nothing_forges_a_line(text):
    """Whatever is in a message, or in a field, the line is one line, one JSON value, and says the same."""
    line = JsonFormatter().format(record("%s", f"a{text}b", task=f"c{text}d", error=ValueError(text)))
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    told = json.loads(line)
    assert (told["message"], told["task"]) == (f"a{text}b", f"c{text}d")
    assert told["level"] == "INFO"


def test_half_a_character_is_told_as_what_it_is():
    """What is no Unicode text is written as its code."""
    assert json.loads(JsonFormatter().format(record("\ud800 %s", "é")))["message"] == "\\ud800 é"


def test_arguments_that_do_not_fit_are_told():
    """A message whose arguments do not fit is no reason to say nothing."""
    told = json.loads(JsonFormatter().format(record("%d things", "many")))
    assert told["message"] == "'%d things', with arguments that do not fit it"


def test_a_field_is_plain_whatever_it_was():
    """A field that is no number or text is told as text."""
    told = json.loads(JsonFormatter().format(record("m", task=sys, attempt=True, **dict.fromkeys(FIELDS[-1:], 2**70))))
    assert told["task"].startswith("<module 'sys'")
    assert told["attempt"] is True


@pytest.mark.parametrize(
    ("logger", "is_of_a_task"),
    [
        ("users.own", True),
        ("root", True),
        ("flowsm.printed", True),
        ("flowsm.runtime", False),
        ("asyncio", False),
        ("uvicorn.error", False),
    ],
)
def test_what_a_task_logs_says_whose_it_is(logger, is_of_a_task):
    """What tasks' own code logs or prints names their execution; what the engine logs only what it is about."""

    def format_there():
        SERVED.set(Served(None, None, "x"))
        made = record("m")
        made.name = logger
        return json.loads(JsonFormatter().format(made)).get("execution_id")

    assert contextvars.copy_context().run(format_there) == ("x" if is_of_a_task else None)


def test_text_is_for_people():
    """The text has the same on a line, whose control characters are seen, and the traceback after it."""
    made = record("a\nb", level=logging.ERROR, error=raised(), execution_id="x", seq=3)
    made.created = 1_000_000_000.25
    first, *rest = TextFormatter().format(made).splitlines()
    assert first == "2001-09-09T01:46:40.250000Z ERROR a.logger a\\nb execution_id=x seq=3"
    assert rest[0] == "Traceback (most recent call last):"
    assert rest[-1].startswith("ValueError: invalid literal")
    assert TextFormatter().format(record("plain")).endswith(" INFO a.logger plain")


@pytest.mark.parametrize("logger", ["asyncio", "py.warnings"])
def test_what_is_said_of_what_tasks_left_behind_has_no_secrets(logger):
    """Where asyncio, or a warning, tells of what a task was given in secret, its value is in no line."""
    value = "given-to-a-task-which-told-it"
    Veil().hide("TOLD", value)
    made = record("%s, or %s…", value, value[:12], error=ValueError(value))
    made.name = logger
    told = json.loads(JsonFormatter().format(made))
    assert (told["message"], told["exception"]["message"]) == ("***TOLD***, or ***TOLD***…", "***TOLD***")
    for text in (json.dumps(told), TextFormatter().format(made)):
        assert value[:12] not in text
        assert "ValueError: ***TOLD***" in text
