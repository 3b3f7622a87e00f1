"""The world outside of random flows: whoever sends signals, pauses, cancels, redrives and resolves, and lets time pass.

It acts on an execution only where that stands still, and what it does there is scripted by the place: so that a crash,
after which it does what was not recorded, changes nothing. Every signal is sent twice with the same key.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import pytest
from crash_points import family
from random_flows import HURRIED_SECONDS, HurriedClock, Script

from flowsm import FlowManager, FlowStatus
from flowsm.errors import ExecutionNotFound, SignalConflict, SignalRefused
from flowsm.machine.effect import next_effect
from flowsm.machine.state import Attempt, ExecutionState, Phase

__all__ = ["PACE_SECONDS", "World"]

LATE_SECONDS = 1.5
PATIENCE_SECONDS = 15
PACE_SECONDS = 0.001


class World:
    """Brings the executions of one manager to their ends, and notices where each stands still.

    Args:
        manager: whose executions they are; what it advances is looked at.
        script: says what is done where.
        clock: is moved on where an execution waits for a moment that is far.
        recovers: whether the manager takes up of its own what is due: then nobody executes it.
    """

    def __init__(self, manager: FlowManager, script: Script, clock: HurriedClock, *, recovers: bool) -> None:
        self.manager, self.script, self.clock, self.recovers = manager, script, clock, recovers
        self._advance = manager._advancer.advance
        manager._advancer.advance = self._advanced  # type: ignore[method-assign]
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ends: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ends(self, roots: Sequence[str]) -> None:
        """Return once these executions have ended, and all that comes after their ends was done.

        Raises:
            TimeoutError: they do not end.
        """
        for root in roots:
            for name in await family(self.manager, root):
                self._begin(self._look(name))
        endings = [asyncio.ensure_future(self._bring_to_its_end(root)) for root in roots]
        ended = asyncio.ensure_future(_all_of(endings))
        ticking = [asyncio.ensure_future(self._tick())] if self.recovers else []
        try:
            watched = {ended, self._trouble}
            done, _ = await asyncio.wait(watched, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise TimeoutError(f"{roots} do not come to their ends")
            for future in done:
                await future
            while self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in (*endings, *ticking, ended):
                task.cancel()

    async def _tick(self) -> None:
        """Let the time pass in which whoever recovers looks for work."""
        while True:
            await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=PACE_SECONDS)
            self.clock.advance(1)

    async def _advanced(self, execution_id: str) -> ExecutionState:
        state = await self._advance(execution_id)
        self._begin(self._look(execution_id))
        return state

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not self._trouble.done():
            self._trouble.set_exception(task.exception() or AssertionError)

    # -- the end ---------------------------------------------------------------------------------

    async def _bring_to_its_end(self, root: str) -> None:
        state, _ = await self.manager._loader.load(root)
        is_nobodys = state.phase == Phase.CREATED and state.start_at is None and state.paused is None
        while True:
            if self.recovers and not is_nobodys:
                await self._ends[root].wait()
            else:
                await self.manager.execute_flow(root)
            async with self._locks[root]:
                if not await self._goes_on(root):
                    return

    async def _goes_on(self, root: str) -> bool:
        """What comes after an end: perhaps it is none, perhaps a signal comes too late."""
        self._ends[root].clear()
        state, _ = await self.manager._loader.load(root)
        assert state.ended_at is not None, f"{root} is given as ended, and has not ended (recovers: {self.recovers})"
        redrives, late = self.script.afterwards(root)
        if redrives and state.status is FlowStatus.FAILED and not state.redrives:
            await self.manager.retry(root, reason="once more")
            return True
        if late:
            for _ in range(2):
                await self.manager.signal(root, "late", 1, idempotency_key="late")
            with pytest.raises(SignalConflict):
                await self.manager.signal(root, "late", 2, idempotency_key="late")
        return False

    # -- where it stands still -------------------------------------------------------------------

    async def _look(self, execution_id: str) -> None:
        async with self._locks[execution_id]:
            try:
                state, _ = await self.manager._loader.load(execution_id)
            except ExecutionNotFound:
                return
            if state.ended_at is not None:
                self._ends[execution_id].set()
            elif state.paused is not None:
                await self._resume(state)
            elif state.phase == Phase.ASKING:
                await self.manager.resolve(execution_id, "retry", actor="somebody")
            elif state.phase == Phase.WAITING and state.attempt is not None and not state.is_stopping:
                await self._at_a_wait(state, state.attempt)
            elif state.phase == Phase.CREATED:
                self._let_time_pass(state)

    async def _resume(self, state: ExecutionState) -> None:
        """An execution that was created paused gets its early signals first."""
        if state.phase == Phase.CREATED:
            for number, early in enumerate(self.script.early(state.stream)):
                for _ in range(2):
                    await self.manager.signal(
                        state.stream,
                        early.name,
                        early.payload,
                        outcome=early.outcome,
                        idempotency_key=f"early {number}",
                    )
        await self.manager.resume(state.stream, actor="somebody")

    async def _at_a_wait(self, state: ExecutionState, attempt: Attempt) -> None:
        waiting = attempt.waiting
        if waiting is None or waiting.signal is None or attempt.parameters.get("timeout", 60) <= HURRIED_SECONDS:
            self._let_time_pass(state)
        elif state.signal is None:
            await self._at_a_signal(state, attempt, waiting.signal)

    async def _at_a_signal(self, state: ExecutionState, attempt: Attempt, name: str) -> None:
        plan = self.script.plan(state.stream, state.node, attempt.visit, attempt.attempt)
        target = state.stream.partition(":")[0] if plan.verb == "cancel the whole" else state.stream
        asked, _ = await self.manager._loader.load(target)
        if asked.ended_at is not None:
            return  # it was cancelled, and all below it with it
        if (
            plan.verb == "pause"
            and not state.cleaning
            and not await self._was_paused(state.stream, attempt.started_seq)
        ):
            await self.manager.pause(state.stream, reason="wait a moment")
        elif plan.verb.startswith("cancel") and asked.cancelling is None:
            await self.manager.cancel(target, reason="enough")
        elif not plan.verb.startswith("cancel") or asked.cleaning:
            misfits = attempt.parameters.get("schema") is not None and not isinstance(plan.payload, dict)
            key = f"{state.node} {attempt.visit} {attempt.attempt}"
            send: Callable[[Any], Any] = lambda payload: self.manager.signal(  # noqa: E731 (said twice, or three times)
                state.stream, name, payload, outcome=plan.outcome, idempotency_key=key
            )
            if misfits:
                with pytest.raises(SignalRefused):
                    await send(plan.payload)
            for _ in range(2):
                await send({} if misfits else plan.payload)

    async def _was_paused(self, execution_id: str, since: int) -> bool:
        events = await self.manager.events(execution_id)
        return any(event.type == "execution.paused" and event.seq > since for event in events)

    def _let_time_pass(self, state: ExecutionState) -> None:
        """Move the clock on to a far moment, and a little past it; what is near comes of itself."""
        due = getattr(next_effect(state), "due", None)
        seconds = -1.0 if due is None else (datetime.fromisoformat(due) - self.clock.now()).total_seconds()
        if seconds > HURRIED_SECONDS:
            self.clock.advance(seconds + LATE_SECONDS)


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        await task
