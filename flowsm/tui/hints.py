"""What the screens must be told about the command that opened them."""

from __future__ import annotations

import msgspec

__all__ = ["Hints"]


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """`options` are those with which another command finds the same log."""

    options: tuple[str, ...] = ()
