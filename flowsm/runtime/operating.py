"""What operators and other systems ask of an execution: read, fold, decide, append; on conflict again."""

from __future__ import annotations

from typing import NamedTuple

from flowsm.clock import Clock
from flowsm.errors import Conflict
from flowsm.events.commands import Command, Signal
from flowsm.events.facts import Fact, SignalReceived
from flowsm.limits import CONFLICT_RETRIES_MAX
from flowsm.log.port import EventLog
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decide import step
from flowsm.machine.state import ExecutionState
from flowsm.runtime.arguments import checked_command, checked_id, stored_alike
from flowsm.runtime.batch import batch_of
from flowsm.runtime.loading import StateLoader

__all__ = ["Answer", "Operating"]


class Answer(NamedTuple):
    """What a command led to: the state after it, and what was recorded, which is nothing for one that came before."""

    machine: FlowMachine
    state: ExecutionState
    facts: tuple[Fact, ...]


class Operating:
    """Records commands of people and other systems, whoever drives the execution.

    Args:
        log: where they are recorded.
        loader: folds streams.
        clock: the time of decisions.
    """

    def __init__(self, log: EventLog, loader: StateLoader, clock: Clock) -> None:
        self._log = log
        self._loader = loader
        self._clock = clock

    async def would(self, execution_id: str, command: Command) -> ExecutionState:
        """The state as it is, if the command is possible in it; nothing is recorded. Errors as those of `ask`."""
        state, machine = await self._loader.load(checked_id(execution_id))
        facts, _ = step(machine, state, checked_command(command), self._clock.now())
        stored_alike(facts)
        return state

    async def ask(self, execution_id: str, command: Command) -> ExecutionState:
        """Record what follows from the command; returns the state after it, with errors as those of `answer`."""
        return (await self.answer(execution_id, command)).state

    async def answer(self, execution_id: str, command: Command, expected_seq: int | None = None) -> Answer:
        """Record what follows from the command; returns the state after it, and what was recorded.

        With `expected_seq` only if the execution is still there; a signal that is recorded already is answered anyhow.

        Raises:
            UsageError: an argument cannot be recorded; nothing was.
            ExecutionNotFound: there is no such execution.
            Conflict: the execution is not at `expected_seq`.
            IllegalCommand: it is not possible in the present state.
            SignalConflict: a signal's idempotency key came with another content.
            SignalRefused: a signal that cannot be kept, or does not fit what waits for it.
            ResolutionRefused: data that does not fit the task's `result_schema`.
        """
        checked_id(execution_id)
        command = checked_command(command)
        failed: Exception | None = None
        for _ in range(CONFLICT_RETRIES_MAX):
            state, machine = await self._loader.load(execution_id)
            if expected_seq is not None and state.seq != expected_seq and not _came_before(state, command):
                raise Conflict(execution_id, expected_seq, state.seq)
            facts, after = step(machine, state, command, self._clock.now())
            if not facts:
                return Answer(machine, state, facts)
            stored_alike(facts)
            try:
                appended = await self._log.append(batch_of(state, facts, after, keep=True))
            except Conflict as conflict:
                failed = conflict
                continue
            self._loader.recorded(facts, after, appended)
            return Answer(machine, after, facts)
        raise failed or Conflict(execution_id, 0, 0)

    async def came_in_time(self, execution_id: str, key: str | None) -> bool:
        """Whether the latest signal with this idempotency key came before the execution's end."""
        facts = [event.fact for event in await self._log.read(execution_id)]
        told = [fact for fact in facts if isinstance(fact, SignalReceived) and fact.idempotency_key == key]
        return not told or told[-1].used


def _came_before(state: ExecutionState, command: Command) -> bool:
    """Whether it is a signal whose key is known: its sender had no answer, and asks again."""
    return isinstance(command, Signal) and command.idempotency_key in state.signal_keys
