"""Forks, as they are decided."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from flowsm.errors import OverrideRefused
from flowsm.events.commands import Fork
from flowsm.events.facts import ExecutionForked, ExecutionPaused
from flowsm.machine.changes.forks import begun_again
from flowsm.machine.decisions.draft import Draft
from flowsm.machine.overrides import override_problem
from flowsm.machine.state import Phase

__all__ = ["content_of", "fork"]

_DIGEST_CHARS: Final = 16


def content_of(command: Fork) -> str:
    """A digest of all that is asked for, but why and by whom."""
    asked = [command.origin, command.origin_seq, command.overrides, command.paused, command.version]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:_DIGEST_CHARS]


def fork(draft: Draft, command: Fork) -> None:
    """Go on by itself after the last event that is shared; the flow's own time begins anew.

    Raises:
        OverrideRefused: a value cannot stand where it is to be.
    """
    state, timeout = draft.state, draft.machine.flow.timeout
    again = begun_again(state)
    runs = None if state.phase == Phase.DECIDED else state.current_task
    place, reason = override_problem(draft.machine, state, command.overrides, again=runs)
    if reason:
        raise OverrideRefused("fork", command.origin, place, command.overrides[place], reason)
    draft.record(
        ExecutionForked(
            task=None if again is None else state.node,
            visit=0 if again is None else again.visit,
            attempt=0 if again is None else again.attempt,
            origin=command.origin,
            origin_seq=command.origin_seq,
            deadline=draft.after(timeout) if timeout is not None and state.started_at is not None else None,
            overrides=command.overrides,
            idempotency_key=command.idempotency_key,
            content="" if command.idempotency_key is None else content_of(command),
            traceparent=command.traceparent,
            reason=command.reason,
            actor=command.actor,
        )
    )
    if command.paused:
        draft.record(ExecutionPaused(reason="it was forked so", actor=command.actor))
