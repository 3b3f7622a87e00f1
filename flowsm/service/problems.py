"""Problems: what a caller is told that did not get what it asked for (RFC 9457), and the one table of errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from flowsm.errors import (
    AppendUnknown,
    ArchiveBroken,
    ArchiveRedacted,
    Conflict,
    ConflictError,
    DocumentInvalid,
    FlowsmError,
    IllegalCommand,
    ImportConflict,
    ImportRefused,
    InputInvalid,
    LogTooNew,
    LogUnavailable,
    NotAllowed,
    NotFound,
    TaskTypeNotFound,
    UsageError,
)
from flowsm.findings import Finding
from flowsm.limits import RETRY_AFTER_SECONDS

__all__ = [
    "MALFORMED_CODES",
    "PROBLEM_MEDIA",
    "FindingView",
    "Problem",
    "Refusal",
    "finding_view",
    "problem_of",
    "refusal_of",
    "said_of",
]

PROBLEM_MEDIA: Final = "application/problem+json"
MALFORMED_CODES: Final = frozenset({"not_json", "not_utf8", "too_deep", "duplicate_key", "lone_surrogate"})
"""Findings of a body that is no JSON document that could be looked at."""

_BY_ERROR: Final[tuple[tuple[type[FlowsmError], HTTPStatus], ...]] = (
    (DocumentInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InputInvalid, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ArchiveBroken, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ArchiveRedacted, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TaskTypeNotFound, HTTPStatus.UNPROCESSABLE_ENTITY),
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.PRECONDITION_FAILED),
    (ConflictError, HTTPStatus.CONFLICT),
    (LogUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (AppendUnknown, HTTPStatus.SERVICE_UNAVAILABLE),
)
_FILES: Final[Mapping[type[FlowsmError], str]] = {
    ArchiveBroken: "the body",
    ArchiveRedacted: "the body",
    ImportConflict: "the body",
    ImportRefused: "the body",
    LogTooNew: "the log",
    LogUnavailable: "the log",
}
"""Errors whose sentence begins with the path of a file, which is the service's own affair: what it is to a caller."""
_INNER_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")


class FindingView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is wrong, or odd, in what was sent: `pointer` (RFC 6901) is its place in the body."""

    code: str
    severity: str
    pointer: str
    message: str
    value: str = ""
    hint: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request got nothing: `code` for programs, `detail` for people.

    `findings` are all that is wrong in what was sent. `state` is what the execution was at (its status and seq), and
    `possible` what can be asked of it then, where that is the reason. `execution_id` names an execution that goes on.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    findings: tuple[FindingView, ...] = ()
    possible: tuple[str, ...] = ()
    state: dict[str, Any] | None = None
    execution_id: str | None = None


class Refusal(Exception):
    """A request that is refused, with what is said about it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        findings: Sequence[Finding] = (),
        possible: Sequence[str] = (),
        state: dict[str, Any] | None = None,
        execution_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.findings, self.possible, self.state = tuple(findings), tuple(possible), state
        self.execution_id = execution_id
        self.headers = dict(headers or {})
        if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
            self.headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))


def refusal_of(error: FlowsmError) -> Refusal:
    """What is said of an error of flowsm; one that is nobody's fault but the service's is told in its words, too."""
    status = next((status for kind, status in _BY_ERROR if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    code = _code_of(error)
    findings: tuple[Finding, ...] = ()
    if isinstance(error, DocumentInvalid):
        findings = error.findings
        codes = {finding.code for finding in findings if finding.severity == "error"}
        if codes and codes <= MALFORMED_CODES:
            status = HTTPStatus.BAD_REQUEST
        elif "too_large" in codes:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    elif isinstance(error, InputInvalid):
        pointer = f"/input{error.pointer}"
        findings = (Finding(code="input", severity="error", pointer=pointer, message=error.problem),)
    possible = error.possible if isinstance(error, IllegalCommand) else ()
    state: dict[str, Any] | None = {"status": error.status} if isinstance(error, IllegalCommand) else None
    execution_id = getattr(error, "execution_id", None)
    if isinstance(error, Conflict):
        state, execution_id = {"seq": error.actual_seq}, error.stream
    return Refusal(
        status, code, said_of(error), findings=findings, possible=possible, state=state, execution_id=execution_id
    )


def said_of(error: FlowsmError) -> str:
    """The sentence of an error, without the path of a file of the service."""
    name = _FILES.get(type(error))
    return str(error) if name is None else name + str(error).removeprefix(getattr(error, "path", ""))


def finding_view(finding: Finding) -> FindingView:
    """A finding as it is answered."""
    return FindingView(
        code=finding.code,
        severity=finding.severity,
        pointer=finding.pointer,
        message=finding.message,
        value=finding.value,
        hint=finding.hint,
    )


def problem_of(refusal: Refusal, instance: str) -> Problem:
    """The body that tells it; `instance` is the path that was asked for."""
    return Problem(
        type=f"urn:flowsm:problem:{refusal.code}",
        title=HTTPStatus(refusal.status).phrase,
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        instance=instance,
        findings=tuple(finding_view(finding) for finding in refusal.findings),
        possible=refusal.possible,
        state=refusal.state,
        execution_id=refusal.execution_id,
    )


def _code_of(error: FlowsmError) -> str:
    """`ExecutionNotFound` is `execution_not_found`."""
    return _INNER_CAPITAL.sub("_", type(error).__name__).lower()
