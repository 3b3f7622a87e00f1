"""What the debugger stops at, in words."""

from __future__ import annotations

from flowsm.replay.stops import Breakpoint, Hit, Watch
from flowsm.wording.changes import SIGNS
from flowsm.wording.text import safe, short

__all__ = ["hit_text", "name_of"]


def name_of(one: Breakpoint | Watch) -> str:
    """A breakpoint or a watch, in a few words."""
    if isinstance(one, Watch):
        return f"watch {one.number}, {safe(one.path.text)}"
    return f"breakpoint {one.number}, {one.kind} {safe(one.pattern)}"


def hit_text(hit: Hit) -> str:
    """What was hit, and how a watched value changed."""
    change = hit.change
    if change is None:
        return name_of(hit.at)
    values = [short(change.before)] if change.op != "add" else []
    values += [short(change.after)] if change.op != "remove" else []
    return f"{name_of(hit.at)}: {SIGNS[change.op]} {' → '.join(values)}"
