"""Answers: JSON by msgspec, problems, and the headers that go with an execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from flowsm.service.problems import PROBLEM_MEDIA, Problem, Refusal, problem_of

__all__ = ["etag_of", "json_answer", "not_modified", "problem_answer", "text_answer"]

_ENCODE: Final = msgspec.json.Encoder().encode


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The value as JSON."""
    return Response(_ENCODE(value), status, headers, "application/json")


def text_answer(text: str | bytes, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """A text of its own media type."""
    return Response(text, 200, headers, media)


def problem_answer(refusal: Refusal, request: Request) -> Response:
    """What is said instead of an answer."""
    problem: Problem = problem_of(refusal, request.url.path)
    return Response(_ENCODE(problem), refusal.status, refusal.headers, PROBLEM_MEDIA)


def etag_of(seq: int) -> str:
    """The ETag of an execution whose last event has this seq."""
    return f'"{seq}"'


def not_modified(etag: str) -> Response:
    """304, for a caller that has it already."""
    return Response(None, 304, {"ETag": etag})
