"""In whose execution the running code is: known to tasks' code, to their asyncio tasks and to their threads."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowsm.runtime.advance import Advancer
    from flowsm.runtime.supervisor import Supervisor

__all__ = ["SERVED", "Served", "served_execution"]


@dataclass(frozen=True, slots=True)
class Served:
    """In whose execution code runs, and who drives it."""

    supervisor: Supervisor
    advancer: Advancer
    execution_id: str


SERVED: Final[ContextVar[Served | None]] = ContextVar("flowsm_served", default=None)


def served_execution() -> str | None:
    """The id of the execution that the running code is part of; None where it is part of none."""
    served = SERVED.get()
    return None if served is None else served.execution_id
