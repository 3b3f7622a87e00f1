"""One call of an operation: what was sent, as the handler asks for it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final, TypeVar, get_origin

import msgspec
from starlette.requests import ClientDisconnect, Request

from flowsm.errors import ExecutionNotFound
from flowsm.ids import is_execution_id, traceparent_of
from flowsm.limits import BODY_MAX_BYTES, BODY_SECONDS, IDEMPOTENCY_KEY_MAX_CHARS, LINGER_SECONDS
from flowsm.manager import FlowManager
from flowsm.service.desk import Desk
from flowsm.service.headers import is_sent_key
from flowsm.service.inputs import json_document, plain_json, struct_from
from flowsm.service.options import Role
from flowsm.service.problems import Refusal

__all__ = ["Call", "too_large"]

_T = TypeVar("_T", bound=msgspec.Struct)
_WAIT: Final = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE)
_PLAIN: Final = frozenset({"", "identity"})
_SEQ_ETAG: Final = re.compile(r'\s*(?:W/)?"?([0-9]{1,18})"?\s*')
_ETAG: Final = re.compile(r'\s*(?:W/)?"([^"]*)"\s*(?:,|$)')


class Call:
    """A request to an operation.

    Args:
        desk: what all calls share.
        request: the request.
    """

    __slots__ = ("desk", "request")

    def __init__(self, desk: Desk, request: Request) -> None:
        self.desk = desk
        self.request = request

    @property
    def manager(self) -> FlowManager:
        """The manager that answers."""
        return self.desk.manager

    @property
    def execution_id(self) -> str:
        """The execution that the path names.

        Raises:
            ExecutionNotFound: no execution can have such an id.
        """
        text: str = self.request.path_params["execution_id"]
        if not is_execution_id(text):
            raise ExecutionNotFound(text)
        return text

    def path(self, name: str) -> str:
        """Another part of the path."""
        text: str = self.request.path_params[name]
        return text

    def query(self, kind: type[_T]) -> _T:
        """The query's parameters.

        Raises:
            Refusal: 422, with all that does not fit.
        """
        given: dict[str, Any] = {}
        many = {field.encode_name for field in msgspec.structs.fields(kind) if get_origin(field.type) is tuple}
        for name, value in self.request.query_params.multi_items():
            if name in many:
                given[name] = (*given.get(name, ()), value)
                continue
            if name in given:
                raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"the query has {name!r} more than once")
            given[name] = value
        return struct_from(given, kind, within=("query",), lax=True)

    def refuse_query(self, why: str) -> None:
        """See that there is no query.

        Raises:
            Refusal: 422, there is one.
        """
        names = ", ".join(repr(name) for name in self.request.query_params)
        if names:
            raise Refusal(
                HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"the query has {names}, expected no query: {why}"
            )

    async def body(self, kind: type[_T]) -> _T:
        """The body as a struct; none at all stands for an empty object.

        Raises:
            Refusal: 400, 408, 413, 415 or 422: it is too slow, too large, compressed, no JSON, or does not fit.
        """
        data = await self.raw()
        return struct_from(plain_json(data) if data.strip() else {}, kind)

    async def document(self) -> Any:
        """The body as a JSON document, as it is read for a flow.

        Raises:
            Refusal: as `body`.
        """
        return json_document(await self.raw())

    async def raw(self, most: int = BODY_MAX_BYTES) -> bytes:
        """The bytes of the body; errors as those of `chunks`."""
        data = bytearray()
        async for chunk in self.chunks(most, BODY_SECONDS):
            data += chunk
        return bytes(data)

    async def chunks(self, most: int, seconds: float) -> AsyncIterator[bytes]:
        """The bytes of the body as they come.

        Raises:
            Refusal: 400, they ended too early; 408, they were not there in time; 413, they are more than that; 415, they
                are compressed.
        """
        count = 0
        given = ",".join(self.request.headers.getlist("content-encoding")).lower()
        codings = [coding for part in given.split(",") if (coding := part.strip()) not in _PLAIN]
        if codings:
            await self._linger(most)
            raise _encoded(", ".join(codings))
        length = self.request.headers.get("content-length", "")
        if length.isascii() and length.isdecimal() and int(length) > most:
            if "expect" not in self.request.headers:
                await self._linger(most)
            raise too_large(most)
        try:
            async with asyncio.timeout(seconds):
                async for chunk in self.request.stream():
                    count += len(chunk)
                    if count > most:
                        await self._linger(most)
                        raise too_large(most)
                    yield chunk
        except TimeoutError:
            detail = f"the body was not there after {seconds:g} s"
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "too_slow", detail, headers={"Connection": "close"}) from None
        except ClientDisconnect:
            raise Refusal(HTTPStatus.BAD_REQUEST, "incomplete", "the body ended before it was whole") from None

    async def _linger(self, most: int) -> None:
        """Read on for a moment, and drop it: a caller that is cut off while it sends does not see the answer."""
        count = 0
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
            async with asyncio.timeout(LINGER_SECONDS):
                while count <= most:
                    message = await self.request.receive()
                    count += len(message.get("body", b""))
                    if not message.get("more_body"):
                        break

    @property
    def idempotency_key(self) -> str | None:
        """The key with which a second request of the same content changes nothing.

        Raises:
            Refusal: 422, it cannot be one.
        """
        keys = self.request.headers.getlist("idempotency-key")
        if len(keys) > 1 or not all(map(is_sent_key, keys)):
            expected = f"1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable characters of ASCII"
            detail = f"the header Idempotency-Key: expected {expected}, once"
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail)
        return keys[0] if keys else None

    @property
    def traceparent(self) -> str | None:
        """The span that asks; what is none, or more than one, is ignored, as W3C Trace Context has it."""
        given = self.request.headers.getlist("traceparent")
        return traceparent_of(given[0]) if len(given) == 1 else None

    @property
    def wait_seconds(self) -> float | None:
        """For how long the caller would wait (`Prefer: wait=N`); None where nothing was said of it."""
        found = _WAIT.search(self.request.headers.get("prefer", ""))
        return float(found[1]) if found else None

    def has(self, etag: str) -> bool:
        """Whether the caller has this very version already (`If-None-Match`)."""
        known = self.request.headers.get("if-none-match", "")
        return known.strip() == "*" or etag.strip('"') in _ETAG.findall(known)

    @property
    def expected_seq(self) -> int | None:
        """The seq at which the execution is to be (`If-Match`); None where the caller does not mind.

        Raises:
            Refusal: 400, it is no ETag of an execution.
        """
        text = self.request.headers.get("if-match")
        if text is None or text.strip() == "*":
            return None
        found = _SEQ_ETAG.fullmatch(text)
        if found is None:
            detail = f'the header If-Match: expected the ETag of an execution, such as "7", found {text!r}'
            raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_etag", detail)
        return int(found[1])

    @property
    def role(self) -> Role:
        """What the caller may do."""
        return self.shown_role or "read"

    @property
    def shown_role(self) -> Role | None:
        """The same, but None for who asks for what is public without a token, though the service has some."""
        role: Role | None = self.request.scope.get("flowsm.role", "operate")
        return role

    def require(self, role: Role) -> None:
        """See to it that the caller may do what asks for a role.

        Raises:
            Refusal: 403, it may not.
        """
        if role == "operate" and self.role != "operate":
            raise Refusal(HTTPStatus.FORBIDDEN, "read_only", "this token may look, but not operate")

    @property
    def actor(self) -> str:
        """Who asks, as far as that is known."""
        return str(self.request.scope.get("flowsm.actor", ""))


def too_large(most: int) -> Refusal:
    """What is said of a body that is larger than that."""
    detail = f"the body is larger than {most:,} bytes"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail, headers={"Connection": "close"})


def _encoded(coding: str) -> Refusal:
    """What is said of a body that is not sent as it is."""
    detail = (
        f"the body is encoded ({coding[:80]!r}), which is not taken here: send it as it is, without Content-Encoding"
    )
    headers = {"Accept-Encoding": "identity"}
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "body_encoded", detail, headers=headers)
