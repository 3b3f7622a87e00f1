"""Facts to stored bytes and back. Unknown tags and versions are kept; unknown fields are tolerated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from flowsm.events.facts import FACTS, Fact, PayloadRef, Unknown
from flowsm.events.system import SYSTEM_FACTS
from flowsm.events.upcast import UPCASTERS
from flowsm.limits import PAYLOAD_INLINE_MAX_BYTES

__all__ = ["decode_fact", "encode_fact", "encode_known", "inflate", "split_payloads"]

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE_JSON: Final = msgspec.json.Decoder().decode
_CURRENT: Final = {fact.TYPE: fact for fact in (*FACTS, *SYSTEM_FACTS)}
_DECODERS: Final[dict[tuple[str, int], Callable[[bytes | str], Fact]]] = {
    (fact.TYPE, fact.VERSION): msgspec.json.Decoder(fact).decode for fact in (*FACTS, *SYSTEM_FACTS)
}


encode_known: Final[Callable[[Fact], bytes]] = _ENCODE
"""`encode_fact` for those that are not `Unknown`."""


def encode_fact(fact: Fact) -> bytes:
    """The JSON text that is stored as the event's `data`."""
    if type(fact) is Unknown:
        return bytes(fact.data)
    return _ENCODE(fact)


def decode_fact(type_: str, version: int, data: bytes | str) -> Fact:
    """The fact that was stored; `Unknown` where this flowsm does not know its type or version.

    Raises:
        msgspec.DecodeError: the bytes are not what a fact of that type is stored as.
    """
    decode = _DECODERS.get((type_, version))
    if decode is not None:
        return decode(data)
    upcast = UPCASTERS.get((type_, version))
    if upcast is not None:
        fact_type = _CURRENT[type_]
        return msgspec.convert(upcast(_DECODE_JSON(data)), fact_type)
    raw = data.encode() if isinstance(data, str) else data
    return Unknown(type=type_, version=version, data=msgspec.Raw(raw))


def split_payloads(fact: Fact, data: bytes) -> tuple[Fact, bytes, dict[str, bytes]]:
    """Move the large values of an encoded fact out of it.

    Returns the fact as it will be stored, its bytes, and the moved values' JSON text by digest.
    """
    if len(data) <= PAYLOAD_INLINE_MAX_BYTES or not fact.LARGE:
        return fact, data, {}
    payloads: dict[str, bytes] = {}
    stored: dict[str, PayloadRef] = {}
    emptied: dict[str, Any] = {}
    for field in fact.LARGE:
        text = _ENCODE(getattr(fact, field))
        if len(text) > PAYLOAD_INLINE_MAX_BYTES // 4:
            digest = hashlib.sha256(text).hexdigest()
            payloads[digest] = text
            stored[field] = PayloadRef(digest=digest, size=len(text))
            emptied[field] = {} if field == "parameters" else None
    if not stored:
        return fact, data, {}
    slim = msgspec.structs.replace(fact, stored=stored, **emptied)
    return slim, _ENCODE(slim), payloads


def inflate(fact: Fact, load: Callable[[str], bytes]) -> Fact:
    """The fact with its large values back in place; `load` gives a payload's JSON text by digest."""
    stored: dict[str, PayloadRef] = getattr(fact, "stored", {})
    if not stored:
        return fact
    values = {field: _DECODE_JSON(load(ref.digest)) for field, ref in stored.items()}
    return msgspec.structs.replace(fact, stored={}, **values)
