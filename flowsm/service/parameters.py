"""The parameters of paths and queries, described once: a name means the same everywhere."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["PATH_PARAMETERS", "QUERY_TEXTS"]


def _in_path(name: str, description: str, schema: dict[str, Any], example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"} | schema,
        "example": example,
    }


PATH_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "execution_id": _in_path(
        "execution_id",
        "The execution's id.",
        {"pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"},
        "orders-4711",
    ),
    "task": _in_path("task", "The task's name.", {"minLength": 1}, "fetch"),
    "digest": _in_path("digest", "The flow's digest.", {"pattern": "^[0-9a-f]{64}$"}, "0" * 64),
    "file": _in_path("file", "The file's path.", {"minLength": 1}, "index.html"),
}

QUERY_TEXTS: Final[dict[str, str]] = {
    "actor": "Who asks for it: recorded.",
    "after": "Only what comes after it: a seq in an execution, a position in the log.",
    "at": "After the event with this seq, by default the last; 0 is before the first. The answer never changes.",
    "cursor": "Go on after an earlier page, with the cursor that came with it.",
    "first": "The seq of the earlier event.",
    "flow": "A flow's id or name.",
    "format": "The form of the picture.",
    "limit": "How many at most.",
    "other": "Another execution of the flow, to be compared with.",
    "patch": "As a JSON Patch (RFC 6902).",
    "reason": "Why: recorded.",
    "redact": "A JSON pointer to what the file must not hold: `/input…`, `/results/TASK/…`, `/signals/NAME…`.",
    "second": "The seq of the later event, by default the last.",
    "seq": "After the event with this seq, by default the last.",
    "since": "Created since then: `30m`, `2h`, `7d`, or an ISO 8601 time.",
    "status": "Only those with this status.",
    "types": "Only events of this type; may be given many times.",
    "unfinished": "Executions that have not ended, too: they are driven on here.",
    "until_ended": "End the stream when the execution ends.",
    "with_children": "With the executions that its sub-flows started.",
}
