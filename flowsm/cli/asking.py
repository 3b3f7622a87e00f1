"""What an execution that is driven here waits for that only a person gives: said once, when the wait begins."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from flowsm.cli.output import safe, talk
from flowsm.errors import ExecutionNotFound
from flowsm.events import facts as f
from flowsm.events.endings import ENDINGS
from flowsm.events.envelope import Recorded
from flowsm.machine.state import ExecutionState, Phase
from flowsm.manager import FlowManager
from flowsm.replay.history import History
from flowsm.replay.waiting import why_asked

__all__ = ["Asking"]


@dataclass(frozen=True, slots=True)
class _Need:
    """What is waited for: since which event, in words, and the command that gives it."""

    execution_id: str
    since: str
    words: str
    command: tuple[str, ...]


class Asking:
    """Looks at the events of an execution, and of those that it waits for, and says what a person has to do.

    Args:
        manager: has the events.
        options: those with which another command finds the same log.
    """

    def __init__(self, manager: FlowManager, options: Sequence[str]) -> None:
        self._manager = manager
        self._options = options
        self._said: set[_Need] = set()
        self._children: dict[str, int] = {}

    async def look(self, execution_id: str, events: Iterable[Recorded]) -> None:
        """Take notice of events that are new to this command."""
        if any(_may_ask(event.fact) for event in events):
            await self._say(execution_id)
        for child, seq in list(self._children.items()):
            try:
                found = await self._manager.events(child, after=seq)
            except ExecutionNotFound:  # it is yet to be created
                continue
            if found and isinstance(found[-1].fact, ENDINGS):
                del self._children[child]
            elif found:
                self._children[child] = found[-1].seq
                if any(_may_ask(event.fact) for event in found):
                    await self._say(child)

    async def _say(self, execution_id: str) -> None:
        history = await self._manager.replay(execution_id)
        state = history.state_at(history.last)
        attempt = state.attempt
        if attempt is not None and attempt.waiting is not None and attempt.waiting.child is not None:
            self._children.setdefault(attempt.waiting.child, 0)
        for need in _needs(history, state):
            if need not in self._said:
                self._said.add(need)
                go_on = shlex.join(["flowsm", *need.command, *self._options])
                talk(f"flowsm: {execution_id} waits: {safe(need.words)}; to let it go on: {go_on}")


def _may_ask(fact: f.Fact) -> bool:
    """Whether what is recorded may begin such a wait; a timer does not."""
    if isinstance(fact, f.WaitStarted):
        return fact.signal is not None or fact.child is not None
    return isinstance(fact, f.ResolutionAwaited | f.ExecutionPaused)


def _needs(history: History, state: ExecutionState) -> Iterator[_Need]:
    """What a person has to do: an execution that is paused may wait besides."""
    attempt, name, task = state.attempt, state.stream, state.node
    if state.ended_at is not None or state.cancelling is not None:
        return
    if state.paused is not None:
        by = f" by {state.paused.actor}" if state.paused.actor else ""
        yield _Need(name, state.paused.at, f"it is paused{by} since {state.paused.at}", ("resume", name))
    if attempt is None:
        return
    if state.phase == Phase.ASKING:
        why = why_asked(history, state)
        words = (
            f"somebody has to say whether attempt {attempt.attempt} of task {task!r} was a success or a failure, or "
        )
        words += "is to be made again (--as retry)" + (f": {why}" if why else "")
        yield _Need(name, str(attempt.started_seq), words, ("resolve", name, "--as", "success"))
    elif state.phase == Phase.WAITING and attempt.waiting is not None and attempt.waiting.signal is not None:
        signal = attempt.waiting.signal
        until = f", until {attempt.waiting.expires} at most" if attempt.waiting.expires is not None else ""
        words = f"task {task!r} waits for signal {signal!r}{until}"
        yield _Need(name, str(attempt.started_seq), words, ("signal", name, signal))
