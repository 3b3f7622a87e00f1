"""An explanation, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual.content import Content

from flowsm.replay.explain import Explanation
from flowsm.replay.timeline import Entry
from flowsm.tui.paint import STYLES, marked, plain
from flowsm.wording.text import MARKS, seconds_text

__all__ = ["explanation_lines"]

_MICROSECONDS: Final = 1_000_000
_ROUTE_MAX: Final = 500


def explanation_lines(found: Explanation) -> list[Content]:
    """The headline, the route with its reasons, the attempts that failed, what it waits for."""
    return list(_lines(found))


def _lines(found: Explanation) -> Iterator[Content]:
    at = f"after event {found.seq} of {found.last_seq}"
    yield plain(
        f"{MARKS.get(found.status, '·')} {at}: {found.headline}", f"bold {STYLES.get(found.status, '')}".strip()
    )
    if found.parent is not None:
        yield plain(f"a sub-flow of {found.parent}")
    for sentence in found.waits_for:
        yield plain(f"… {sentence}", STYLES["waiting"])
    if found.attempts:
        yield Content()
        yield plain(f"Attempts of {found.attempts[-1].task!r}", "bold")
        for entry in found.attempts:
            yield _attempt(entry)
    if found.decisions:
        yield Content()
        more = len(found.decisions) > _ROUTE_MAX
        yield plain(f"Route, the last {_ROUTE_MAX} transitions" if more else "Route", "bold")
        for decision in found.decisions[-_ROUTE_MAX:]:
            yield plain(f"{decision.seq:>6}  {decision.source} → {decision.target}")
            yield plain(f"        {decision.reason}", STYLES["skipped"])


def _attempt(entry: Entry) -> Content:
    took = "" if entry.duration_us is None else f", {seconds_text(entry.duration_us / _MICROSECONDS)}"
    error = f"{entry.error.type}: {entry.error.message}" if entry.error is not None else entry.message or ""
    return plain(f"{entry.attempt:>6}  ") + marked(entry.status or "") + plain(f"{took}  {error}")
