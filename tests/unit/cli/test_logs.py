"""`--log-format`: what is set up, and that it can be taken back."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import threading

import pytest

from flowsm.cli.logs import set_up_logs
from flowsm.limits import PRINTED_LINE_MAX_CHARS


class Closed(io.StringIO):
    """Nobody reads it any more."""

    def write(self, text):
        raise BrokenPipeError


@contextlib.contextmanager
def logs(form="json", stream=None):
    """Logging is set up meanwhile; gives what stands for stderr."""
    real = stream or io.StringIO()
    with contextlib.redirect_stderr(real):
        undo = set_up_logs(form)
        try:
            yield real
        finally:
            undo()
            assert sys.stderr is real


def messages(stream):
    return [json.loads(line)["message"] for line in stream.getvalue().splitlines()]


def test_nothing_is_set_up_unless_asked():
    """Without a form `logging` is left alone, and so is stderr."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    with logs(None) as stderr:
        assert (logging.getLogger().handlers, logging.getLogger().level) == before
        assert sys.stderr is stderr


def test_it_is_taken_back():
    """What was set up is taken back: handlers, levels, and stderr."""
    root, httpx = logging.getLogger(), logging.getLogger("httpx")
    before = root.handlers[:], root.level, httpx.level
    with logs() as stderr:
        assert (root.level, httpx.level) == (logging.INFO, logging.WARNING)
        assert sys.stderr is not stderr
    assert (root.handlers, root.level, httpx.level) == before
    assert logging.getLogger("flowsm.printed").handlers == []


def test_what_is_printed_becomes_records():
    """A record per line that is printed to stderr, blank ones left out; what has no end yet waits for it."""
    with logs() as stderr:
        print("one\ntwo\r\n\n", file=sys.stderr)
        print("three", end=" ", file=sys.stderr)
        sys.stderr.flush()
        assert messages(stderr) == ["one", "two"]
        print("four", file=sys.stderr)
        assert messages(stderr) == ["one", "two", "three four"]
        assert not sys.stderr.isatty()
        assert sys.stderr.writable()
        with pytest.raises(OSError, match="fileno"):
            sys.stderr.fileno()


def test_bytes_are_printed_too():
    """What task code writes to `sys.stderr.buffer` is text as far as it is one."""
    with logs() as stderr:
        assert sys.stderr.buffer.write(b"caf\xc3\xa9 \xff\n") == 8
        sys.stderr.buffer.flush()
        assert messages(stderr) == ["café \\xff"]


def test_threads_do_not_mix_their_lines():
    """What one thread has begun is not ended by another's line."""
    with logs() as stderr:
        sys.stderr.write("mine, ")
        thread = threading.Thread(target=print, args=("the other's",), kwargs={"file": sys.stderr})
        thread.start()
        thread.join()
        sys.stderr.write("too\n")
        assert messages(stderr) == ["the other's", "mine, too"]


def test_a_line_has_a_most():
    """A line that does not end is told in parts."""
    with logs() as stderr:
        sys.stderr.write("x" * (2 * PRINTED_LINE_MAX_CHARS + 1))
        assert [len(message) for message in messages(stderr)] == [PRINTED_LINE_MAX_CHARS] * 2
    assert messages(stderr)[2:] == ["x"]


def test_another_handler_on_stderr_is_no_loop():
    """A handler that a task adds writes to stderr as it is then: its lines are records, once."""
    with logs() as stderr:
        other = logging.StreamHandler()
        logging.getLogger().addHandler(other)
        try:
            logging.getLogger("mine").warning("told")
        finally:
            logging.getLogger().removeHandler(other)
        assert messages(stderr) == ["told", "told"]


def test_where_nobody_reads_nothing_is_said():
    """A closed stderr hinders nobody, and is not complained of."""
    with logs(stream=Closed()):
        logging.getLogger("mine").warning("lost")
        print("lost", file=sys.stderr)


def test_text_leaves_stderr_alone():
    """In text, records are lines among those that are printed."""
    with logs("text") as stderr:
        print("printed", file=sys.stderr)
        logging.getLogger("mine").info("logged")
    first, second = stderr.getvalue().splitlines()
    assert first == "printed"
    assert second.endswith(" INFO mine logged")
