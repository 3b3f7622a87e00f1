"""What a person sees while an execution runs: a live table on a terminal, a line per event elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from flowsm.cli.output import console_for, safe, seconds_text, status_text
from flowsm.cli.table import fitted
from flowsm.events import facts as f
from flowsm.events.envelope import Recorded
from flowsm.wording.facts import describe

__all__ = ["Follower", "LiveTable", "progress_on"]

_HEADERS: Final = ("task", "attempt", "status", "time", "message")
_OTHER_LINES = 5
"""Lines of the terminal that are not rows: the table's head, the prompt before it, some air."""


class Follower(Protocol):
    """Who is told of events."""

    def see(self, event: Recorded) -> None:
        """Take notice of an event that was just recorded."""
        ...

    def catch_up(self, event: Recorded) -> None:
        """Take notice of an event from before this command."""
        ...


class Unseen:
    """Nothing."""

    def see(self, event: Recorded) -> None:
        """Say nothing."""

    def catch_up(self, event: Recorded) -> None:
        """Say nothing."""


class LineByLine:
    """One line per event."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def see(self, event: Recorded) -> None:
        """Print it."""
        line = safe(f"{event.at[11:23]} {event.type:<20} {describe(event.fact)}")
        print(line.rstrip(), file=self._stream, flush=True)

    def catch_up(self, event: Recorded) -> None:
        """Say nothing."""


class _Row:
    """One attempt, as the table shows it."""

    def __init__(self, task: str, attempt: int, status: str, at: str) -> None:
        self.task, self.attempt, self.status = task, attempt, status
        self.since = datetime.fromisoformat(at)
        self.seconds: float | None = None
        self.message = ""


class LiveTable:
    """A row per attempt, renewed while it runs.

    Args:
        console: whose height says how many rows are shown: the latest.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[_Row] = []
        self.warnings: list[str] = []

    def catch_up(self, event: Recorded) -> None:
        """The same as `see`: the table shows the whole execution."""
        self.see(event)

    def see(self, event: Recorded) -> None:
        """Bring the rows up to date."""
        match event.fact:
            case f.TaskStarted(task=task, attempt=attempt):
                if self._rows and self._rows[-1].status == "waiting":
                    self._rows.pop()
                self._rows.append(_Row(task, attempt, "running", event.at))
            case f.TaskCompleted(status=status, duration_us=duration_us, message=message, error=error):
                said = error.message if error else message
                self._end(status, duration_us / 1_000_000, said or "")
                self.warnings += [safe(f"warning: {event.fact.task}: {warning}") for warning in event.fact.warnings]
            case f.TaskTimedOut(duration_us=duration_us, error=error):
                self._end("timed_out", duration_us / 1_000_000, error.message)
            case f.TaskInterrupted(reason=reason):
                self._end("interrupted", None, reason)
            case f.TaskSkipped(task=task):
                self._rows.append(_Row(task, 0, "skipped", event.at))
                self._end("skipped", None, "")
            case f.RetryScheduled(task=task, attempt=attempt, due=due):
                self._rows.append(_Row(task, attempt, "waiting", due))
            case _:
                pass

    def __rich__(self) -> Table:
        """The table as it is now."""
        now = datetime.now(UTC)
        table = Table(box=None, pad_edge=False)
        for header in _HEADERS:
            table.add_column(header, no_wrap=True, overflow="ellipsis", style="dim" if header == "message" else "")
        room = max(1, self._console.height - _OTHER_LINES)
        hidden = len(self._rows) - room
        if hidden > 0:
            table.add_row(Text(f"… {hidden} more above", style="dim"))
        rows = [
            [
                Text(safe(row.task)),
                Text(str(row.attempt or "")),
                status_text(row.status),
                Text(_time_of(row, now)),
                Text(safe(row.message)),
            ]
            for row in self._rows[-room:]
        ]
        for cells in fitted(_HEADERS, rows, self._console.width) or rows:
            table.add_row(*cells)
        return table

    def _end(self, status: str, seconds: float | None, message: str) -> None:
        if not self._rows:
            return
        row = self._rows[-1]
        row.status, row.seconds, row.message = status, seconds, message


def _time_of(row: _Row, now: datetime) -> str:
    if row.status == "running":
        return seconds_text(max(0.0, (now - row.since).total_seconds()))
    if row.status == "waiting":
        return f"in {seconds_text(max(0.0, (row.since - now).total_seconds()))}"
    return seconds_text(row.seconds)


@contextmanager
def progress_on(stream: TextIO | None) -> Iterator[Follower]:
    """Show progress on a stream, in the way that suits it; on None show none: the log tells."""
    if stream is None:
        yield Unseen()
        return
    console = console_for(stream)
    if not console.is_terminal or console.is_dumb_terminal:
        yield LineByLine(stream)
        return
    table = LiveTable(console)
    with Live(table, console=console, refresh_per_second=8):
        yield table
    for warning in table.warnings:
        console.print(Text(warning), soft_wrap=True)
