"""Tracebacks: data of an attempt, for those who may operate; others are given the same without them."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.service.options import Role

__all__ = ["for_role"]


def for_role(value: Any, role: Role) -> Any:
    """What the manager gave, as a role may see it."""
    return value if role == "operate" else _without(msgspec.to_builtins(value, enc_hook=_raw))


def _raw(value: Any) -> Any:
    """JSON text inside a struct."""
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    raise NotImplementedError


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        is_error = "traceback" in value and "type" in value and "message" in value
        return {key: _without(item) for key, item in value.items() if not (is_error and key == "traceback")}
    if isinstance(value, list | tuple):
        return [_without(item) for item in value]
    return value
