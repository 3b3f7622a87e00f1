"""What one decision records: facts, and the rows that follow from them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flowsm.events.commands import Create
from flowsm.events.facts import Fact
from flowsm.log.port import Append
from flowsm.machine.decide import step
from flowsm.machine.effect import Decide, Probe, RunTask, next_effect
from flowsm.machine.state import ExecutionState, Phase, new_state
from flowsm.projections.project import project
from flowsm.runtime.arguments import stored_alike
from flowsm.runtime.loading import Prepared

__all__ = ["batch_of", "creation_of"]


def batch_of(
    before: ExecutionState,
    facts: tuple[Fact, ...],
    after: ExecutionState,
    *,
    epoch: int | None = None,
    claim_for: str = "",
    definition: tuple[str, bytes] | None = None,
    leave: bool = False,
    keep: bool = False,
) -> Append:
    """The facts of one decision, with the rows that follow from them; `claim_for` is the worker that takes it over.

    It gives the execution up where nobody is to run it on at once, for it waits, or has ended; `leave` does so anyway,
    and `keep` does not, for it is not the owner who appends.
    """
    at = after.updated_at
    return Append(
        stream=after.stream,
        expected_seq=before.seq,
        at=at,
        facts=facts,
        epoch=epoch,
        claim=bool(claim_for),
        worker=claim_for,
        release=leave or (not keep and after.phase != Phase.RUNNING and type(next_effect(after)) not in _GO_ON),
        definition=definition,
        rows=project(before, facts, at, after),
    )


def creation_of(prepared: Prepared, command: Create, execution_id: str, now: datetime) -> tuple[Append, ExecutionState]:
    """What records a new execution that nobody drives yet, and the state that it is in then."""
    before = new_state(execution_id)
    facts, after = step(prepared.machine, before, command, now)
    stored_alike(facts, without_large=True)
    return batch_of(before, facts, after, definition=prepared.definition), after


_GO_ON: Final = frozenset({RunTask, Probe, Decide})
