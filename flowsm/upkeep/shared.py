"""Forks as an archive has them: whose events they share, and up to where a stream is shared."""

from __future__ import annotations

import msgspec

from flowsm.errors import LogBroken
from flowsm.log.port import Head, LogView, Origin
from flowsm.upkeep.paging import SQL

__all__ = ["Written", "written"]


class Written(msgspec.Struct, frozen=True):
    """A stream as it is to be written.

    `origin` is whose events it begins with, `forked` the last seq that forks share of it, 0 for none; `part` is whether
    nothing is written but that.
    """

    head: Head
    origin: Origin | None
    forked: int
    part: bool = False

    @property
    def first(self) -> int:
        """The seq before its own first event."""
        return 0 if self.origin is None else self.origin.seq


def written(view: LogView, stream: str, *, part: bool = False) -> Written | None:
    """How a stream is to be written now; None when there is none.

    Raises:
        LogBroken: the event that forks share last is missing.
    """
    head = view.head(stream)
    if head is None:
        return None
    row = view.execute(SQL["origin"], {"stream": stream})
    origin = Origin(*row[0]) if row else None
    ((forked,),) = view.execute(SQL["forked"], {"stream": stream})
    if not part:
        return Written(head, origin, forked or 0)
    found = view.execute(SQL["digest_at"], {"stream": stream, "seq": forked})
    if not found:
        raise LogBroken(stream, forked or 0, "the event, which a fork shares, is missing")
    head = msgspec.structs.replace(head, seq=forked, digest=found[0][0])
    return Written(head, origin, forked, part=True)
