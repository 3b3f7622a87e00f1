"""What is printed is safe, whole and on its own line."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest

from flowsm.cli.ls import moment_of
from flowsm.cli.output import print_json, safe, seconds_text, short
from flowsm.errors import UsageError


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    """Control characters, line breaks and reordering marks are written as escapes."""
    assert safe("a\x1b[31m\nb\u202e\x9b") == "a\\x1b[31m\\nb\\u202e\\x9b"
    assert short({"k": "x" * 50}, 20) == '{"k": "xxxxxxxxxxxx…'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.0123, "12 ms"), (2.04, "2.0 s"), (75, "1 min 15 s"), (3700, "1 h 01 min")],
)
def test_durations_are_said_in_fitting_units(seconds: float | None, text: str) -> None:
    """Milliseconds below a second, then seconds, minutes, hours."""
    assert seconds_text(seconds) == text


def test_json_is_utf8_whatever_the_stream_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream's own encoding does not reach JSON; a stream of text alone gets text."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    print_json(["é", 1])
    assert raw.getvalue() == '[\n"é",\n1\n]\n'.encode()
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    print_json({"a": "é"})
    assert text.getvalue() == '{"a":"é"}\n'


def test_since_is_a_span_or_a_moment() -> None:
    """Spans count back from now; a time without a zone is local; anything else is a usage error."""
    now = datetime(2026, 1, 10, tzinfo=UTC)
    assert moment_of("36h", now) == datetime(2026, 1, 8, 12, tzinfo=UTC)
    assert moment_of("2026-01-01T00:00:00+00:00", now) == datetime(2026, 1, 1, tzinfo=UTC)
    assert moment_of("2026-01-01", now).tzinfo is not None
    for bad in ("", "1y", "999999w", "tomorrow"):
        with pytest.raises(UsageError, match="--since"):
            moment_of(bad, now)
