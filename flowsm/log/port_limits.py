"""What the seam says of limits: an append that needs places, and what holds an execution back."""

from __future__ import annotations

from typing import Literal

import msgspec

from flowsm.log.port import Append

__all__ = ["Hold", "LimitedAppend", "Place"]


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an append takes of a limit; where that leaves no room, the execution is held back with its log at `seq`.

    Of kind `task` and `flow` it is one of `most` places. Of kind `rate` it is `starts` of the `most` starts that there
    may be in `seconds`, `burst` of them at once.
    """

    kind: Literal["task", "flow", "rate"]
    name: str
    most: int
    seq: int
    seconds: float = 0.0
    burst: int = 1
    starts: int = 1


class LimitedAppend(Append, frozen=True, kw_only=True, gc=False):
    """A batch that is recorded only if there is room for it.

    After it the stream has these `places`, and none besides. `expires` is when the execution's own time is over,
    `flow` the digest of its flow.
    """

    places: tuple[Place, ...] = ()
    expires: str | None = None
    flow: str = ""


class Hold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What holds an execution back: `in_use` of `most` places, or a rate of `most` starts in `seconds`."""

    execution_id: str
    kind: Literal["task", "flow", "rate"]
    name: str
    most: int
    seconds: float
    in_use: int
    since: str

    @property
    def words(self) -> str:
        """As it is said to people."""
        if self.kind == "rate":
            return f"held by the rate of task type {self.name!r}: {self.most} in {self.seconds:g} s"
        what = "task type" if self.kind == "task" else "flow"
        return f"held by the limit of {what} {self.name!r}: {self.in_use} of {self.most}"
