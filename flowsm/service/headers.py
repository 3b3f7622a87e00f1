"""The headers that mean something to the service, described once."""

from __future__ import annotations

import re
from typing import Any, Final

from flowsm.limits import IDEMPOTENCY_KEY_MAX_CHARS, WAIT_MAX_SECONDS

__all__ = ["ANSWER_HEADERS", "REQUEST_HEADERS", "is_sent_key"]

_SENT_KEY: Final = "^[!-~]([ -~]*[!-~])?$"
_SENT_KEY_RE: Final = re.compile(_SENT_KEY)


def is_sent_key(text: str) -> bool:
    """Whether a text can be an `Idempotency-Key`: of ASCII alone, for the bytes of other letters mean no one letter."""
    return len(text) <= IDEMPOTENCY_KEY_MAX_CHARS and _SENT_KEY_RE.fullmatch(text) is not None


def _request(name: str, description: str, schema: dict[str, Any], example: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema, "example": example}


REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Idempotency-Key": _request(
        "Idempotency-Key",
        "A second request with the same key and content changes nothing, and is answered like the first.",
        {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX_CHARS, "pattern": _SENT_KEY},
        "order-4711",
    ),
    "If-Match": _request(
        "If-Match",
        "Only if the execution still is where this ETag has it.",
        {"type": "string", "pattern": '^(\\*|"?[0-9]{1,18}"?)$'},
        '"7"',
    ),
    "If-None-Match": _request(
        "If-None-Match", "An ETag that is known: 304 where nothing has changed since.", {"type": "string"}, '"7"'
    ),
    "Last-Event-ID": _request(
        "Last-Event-ID",
        "Go on after this event, as browsers do by themselves.",
        {"type": "string", "pattern": "^[0-9]{1,18}$"},
        "7",
    ),
    "Prefer": _request(
        "Prefer",
        f"`wait=N`: answer once the execution has ended, after N seconds at the latest ({WAIT_MAX_SECONDS:g} at most).",
        {"type": "string"},
        "wait=1",
    ),
    "traceparent": _request(
        "traceparent",
        "The trace that a new execution is part of (W3C Trace Context): kept with it; one that is none is ignored.",
        {"type": "string"},
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
}

ANSWER_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "The seq of the execution's last event, or what else the answer is the version of.",
        "schema": {"type": "string"},
    },
    "Location": {"description": "Where the execution is looked at.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "string"}},
}
