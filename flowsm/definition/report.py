"""The report: findings as they are collected, bounded, with their places and the nearest names."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from flowsm.definition.pointer import MISSING, join_pointer
from flowsm.findings import Finding, Severity
from flowsm.limits import FINDING_VALUE_MAX_CHARS, FINDINGS_MAX, SUGGESTIONS_MAX

__all__ = ["Place", "Report", "pointer_of", "short_json"]

Place: TypeAlias = "tuple[Place, str | int] | None"
"""Where a value lies, as a chain to the root: made for every value, made into text for few."""

_NEAR_MAX_CHARS: Final = 64
_LAZY: Final = json.JSONEncoder(ensure_ascii=False, default=lambda value: f"<{type(value).__name__}>")


def pointer_of(place: Place) -> str:
    """The JSON Pointer of a place."""
    tokens: list[str | int] = []
    while place is not None:
        place, token = place
        tokens.append(token)
    return join_pointer(reversed(tokens))


def short_json(value: Any) -> str:
    """The beginning of a value's JSON text, safe to print whatever the value."""
    if isinstance(value, str):
        value = value[: FINDING_VALUE_MAX_CHARS + 1]
    text = ""
    try:
        for chunk in _LAZY.iterencode(value):
            text += chunk
            if len(text) > FINDING_VALUE_MAX_CHARS:
                break
    except (ValueError, TypeError):  # an int of more digits than Python writes, a circle, a key that is no text
        text = f"<{type(value).__name__}>"
    if len(text) > FINDING_VALUE_MAX_CHARS:
        text = text[: FINDING_VALUE_MAX_CHARS - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode()


class Report:
    """Findings in the order in which they were made, at most `FINDINGS_MAX`, and a note when there were more."""

    def __init__(self) -> None:
        self.errors = 0
        self.warnings = 0
        self._findings: list[Finding] = []
        self._dropped: Severity | None = None
        self._suggestions = 0

    def error(self, code: str, place: Place, message: str, value: Any = MISSING, hint: str = "") -> None:
        """Add something that can never work."""
        self.errors += 1
        self._add("error", code, place, message, value=value, hint=hint)

    def warning(self, code: str, place: Place, message: str, value: Any = MISSING, hint: str = "") -> None:
        """Add something that is odd, or dead."""
        self.warnings += 1
        self._add("warning", code, place, message, value=value, hint=hint)

    def nearest(self, name: str, names: Iterable[str]) -> str:
        """A hint with the name that was probably meant, or nothing."""
        if len(self._findings) >= FINDINGS_MAX or self._suggestions >= SUGGESTIONS_MAX:
            return ""
        self._suggestions += 1
        candidates = (other for other in names if len(other) <= _NEAR_MAX_CHARS)
        matches = difflib.get_close_matches(name[:_NEAR_MAX_CHARS], candidates, n=1)
        return f"did you mean {short_json(matches[0])}?" if matches else ""

    def findings(self) -> tuple[Finding, ...]:
        """All findings that were kept; last, if some were not, the note that says so."""
        if self._dropped is None:
            return tuple(self._findings)
        more = self.errors + self.warnings - len(self._findings)
        note = Finding(
            code="more_findings",
            severity=self._dropped,
            pointer="",
            message=f"{more} more findings are not shown",
            hint="mend the first ones, and look again",
        )
        return (*self._findings, note)

    def _add(self, severity: Severity, code: str, place: Place, message: str, *, value: Any, hint: str) -> None:
        if len(self._findings) >= FINDINGS_MAX:
            self._dropped = "error" if severity == "error" else self._dropped or severity
            return
        self._findings.append(
            Finding(
                code=code,
                severity=severity,
                pointer=pointer_of(place),
                message=message,
                value="" if value is MISSING else short_json(value),
                hint=hint,
            )
        )
