"""Findings: what is wrong, or odd, in a document; all of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of a document.

    `pointer` is the JSON Pointer (RFC 6901) of the place, counted from the root of the document as given
    (its wrapping included), `value` what was found there, as (shortened) JSON text, `hint` what to do about it.
    """

    code: str
    severity: Severity
    pointer: str
    message: str
    value: str = ""
    hint: str = ""

    def __str__(self) -> str:
        found = f", found {self.value}" if self.value else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.severity} {self.code} at {self.pointer or '/'}: {self.message}{found}{hint}"
