"""What facts are made of."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

__all__ = ["CREATED_PAUSED", "ErrorInfo", "Fact", "Operand", "ParentRef", "PayloadRef", "Unknown"]

CREATED_PAUSED: Final = "it was created so"
"""The reason of the pause in which an execution is created."""


class _Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    pass


class PayloadRef(_Value, frozen=True, kw_only=True):
    """Where a large value lies: SHA-256 (hex) and size (bytes) of its JSON text."""

    digest: str
    size: int


class ErrorInfo(_Value, frozen=True, kw_only=True):
    """An error as data. `types` are the names of the exception's class and of its bases."""

    type: str
    message: str
    types: tuple[str, ...] = ()
    traceback: str = ""


class Operand(_Value, frozen=True, kw_only=True):
    """A clause that was asked: what it wanted, what it saw, whether it held."""

    path: str
    op: str
    wanted: Any = None
    seen: Any = None
    found: bool = True
    held: bool


class ParentRef(_Value, frozen=True, kw_only=True):
    """The visit of a `subflow` task that an execution was started by."""

    execution_id: str
    task: str
    visit: int


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The base of all facts. They hold JSON, which has no circles: the garbage collector need not visit them."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    LARGE: ClassVar[tuple[str, ...]] = ()
    """The fields whose values may be moved to `payloads`."""


class Unknown(Fact, frozen=True, kw_only=True):
    """An event of a type, or a version, that this flowsm does not know: kept as it is."""

    TYPE: ClassVar[str] = "unknown"
    type: str
    version: int
    data: msgspec.Raw
