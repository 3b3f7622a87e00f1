"""What is wrong with a log, in a form that says what to do about it."""

from __future__ import annotations

import msgspec

__all__ = ["Trouble"]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    `kind` is file, integrity, verify, stuck or anchor; `place` where, `value` what was found there, `message` what is
    wrong with it, `way_out` what to do.
    """

    kind: str
    place: str
    value: str
    message: str
    way_out: str
