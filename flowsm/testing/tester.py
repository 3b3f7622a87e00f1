"""FlowTester: a flow goes through the real engine with scripted results, in no time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from flowsm.definition.load import Source, load_flow
from flowsm.definition.waiting import WAITING_TYPES
from flowsm.errors import ConflictError
from flowsm.events.commands import Create
from flowsm.log.memory import MemoryEventLog
from flowsm.machine.effect import AwaitChild, WaitUntil, next_effect
from flowsm.machine.state import ExecutionState, Phase
from flowsm.replay.history import History
from flowsm.runtime.advance import Advancer
from flowsm.runtime.attempt import AttemptRunner
from flowsm.runtime.input import checked_input
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.operating import Operating
from flowsm.tasks.base import BaseTask
from flowsm.tasks.context import Permissions, TaskContext
from flowsm.tasks.factory import TaskFactory
from flowsm.testing.clock import ManualClock
from flowsm.testing.outcomes import Act, After, Ending, Fails, Pass, Scripted, Stop
from flowsm.testing.rehearsal import Rehearsal
from flowsm.testing.script import Script, ScriptedChildren, Unscripted, said

__all__ = ["FlowTester"]

_ID: Final = "rehearsal"
_SEED: Final = 1
_STARTED: Final = "2026-01-31T12:00:00+00:00"


class FlowTester:
    """Runs a flow through the real engine, on a log in memory, with results that are scripted: no task's code runs.

    Attempts take no time. Where the execution waits for a time, the clock is set to it.

    Args:
        flow: the flow: an object, a path, JSON text …
        results: how the attempts of each task end, sub-flows included: a JSON value (a success with that data), a
            `TaskResult`, an exception, `TIMES_OUT`, `INTERRUPTED`, or a function of the task's context that gives one
            of these; a list for successive attempts, over all visits, so that a list as data stands in a list.
        signals: signals, and whatever else is done from outside, in order. Each is given where the execution waits
            for somebody, or, as `After(seq, ...)`, once so many events are recorded.
        started: the moment at which it starts, aware.
    """

    def __init__(
        self,
        flow: Source,
        results: Mapping[str, Scripted | list[Scripted]] | None = None,
        *,
        signals: Sequence[Act] = (),
        started: datetime | str = _STARTED,
    ) -> None:
        self.flow = load_flow(flow)
        self._results = dict(results or {})
        self._signals = list(signals)
        self._started = datetime.fromisoformat(started) if isinstance(started, str) else started

    def run(self, input: Any = None) -> Rehearsal:
        """What becomes of an execution with this input, up to its end, or to where it waits for somebody.

        Raises:
            InputInvalid: the input does not fit the flow.
            Unscripted: it came to an attempt that the script says nothing of.
        """
        return asyncio.run(self.run_async(input))

    async def run_async(self, input: Any = None) -> Rehearsal:
        """The same, where a loop runs."""
        return await _Engine(self, self._results, self._signals, ManualClock(self._started)).rehearse(input)


class _SteadyAdvancer(Advancer):
    """Spreads retries alike in every rehearsal."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._random = random.Random(_SEED)  # noqa: S311 (no secret)


class _SteadyRunner(AttemptRunner):
    """The same, where an attempt has a result."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._random = random.Random(_SEED)  # noqa: S311 (no secret)


@dataclass
class _Engine:
    """One rehearsal."""

    tester: FlowTester
    results: Mapping[str, Scripted | list[Scripted]]
    signals: list[Act]
    clock: ManualClock
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = MemoryEventLog(clock=self.clock)
        self.loader = StateLoader(self.log)
        self.script = Script(self.results)
        self.children = ScriptedChildren(self.script, self._is_due)
        self.operating = Operating(self.log, self.loader, self.clock)
        tasks = self._tasks()
        runner = _SteadyRunner(tasks, self.clock, Permissions(folders=()))
        self.advancer = _SteadyAdvancer(self.log, self.loader, runner, tasks, self.clock, _ID, self.children)
        self.left = asyncio.Event()
        self.is_over = False
        self.trouble: BaseException | None = None

    async def rehearse(self, given: Any) -> Rehearsal:
        """Run to where nothing more can happen."""
        prepared = self.loader.prepare(self.tester.flow)
        command = Create(digest=prepared.digest, input=checked_input(prepared.machine.flow, given))
        await self.advancer.create(prepared, command, _ID, start=False)
        while not self.is_over:
            await self._act()
            state = None if self.is_over else await self._advance()
            if self.trouble is not None:
                raise self.trouble
            if state is not None and not self.is_over and not await self._act():
                self.is_over = not await self._wake(state)
        history = History(prepared.machine, await self.log.read(_ID, inflated=True), _ID)
        return Rehearsal(history, refused=tuple(self.refused), unused=self.script.unused())

    async def _advance(self) -> ExecutionState | None:
        """Drive on; None where the attempt that runs was left."""
        self.left.clear()
        driving = asyncio.ensure_future(self.advancer.advance(_ID))
        leaving = asyncio.ensure_future(self.left.wait())
        await asyncio.wait({driving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if driving.done():
            return driving.result()
        driving.cancel()
        await asyncio.wait({driving})
        return None

    async def _wake(self, state: ExecutionState) -> bool:
        """Let happen what comes next where it stands still: somebody, or time; whether there was anything."""
        effect = next_effect(state)
        due = effect.due if isinstance(effect, WaitUntil | AwaitChild) else None
        waits = state.attempt.waiting if state.attempt is not None else None
        is_asked = state.phase == Phase.ASKING or (waits is not None and waits.signal is not None)
        if self.signals and (due is None or (is_asked and not isinstance(self.signals[0], After))):
            await self._give(self.signals.pop(0))
            return True
        if due is None:
            return False
        self._pass(datetime.fromisoformat(due))
        return True

    def _pass(self, moment: datetime) -> None:
        self.clock.advance(max(0.0, (moment - self.clock.now()).total_seconds()))

    # -- what is done from outside -----------------------------------------------------------

    def _is_due(self, seq: int) -> bool:
        first = self.signals[0] if self.signals else None
        return isinstance(first, After) and first.seq <= seq

    async def _act(self) -> bool:
        """Do what is to be done now; whether there was anything."""
        acted = False
        while self._is_due((await self.loader.load(_ID))[0].seq):
            await self._give(self.signals.pop(0))
            acted = True
        return acted

    async def _give(self, act: Act) -> None:
        done = act.done if isinstance(act, After) else act
        if isinstance(done, Stop):
            self.is_over = True
            return
        if isinstance(done, Pass):
            self.clock.advance(done.seconds)
            return
        try:
            await self.operating.ask(_ID, done)
        except ConflictError as refused:
            self.refused.append(str(refused))

    # -- what tasks do -----------------------------------------------------------------------

    def _tasks(self) -> TaskFactory:
        tasks = TaskFactory()  # for the types that are the machine's own
        code = _code(self)
        for task_type in {task.task_type for task in self.tester.flow.tasks} - set(WAITING_TYPES):
            tasks.register_task(task_type, code, replace=True)
        return tasks

    async def play(self, context: TaskContext, *, is_probe: bool) -> Any:
        """What an attempt, or a probe, comes to."""
        await asyncio.sleep(0)  # the alarm of its timeout is to be set first
        await self._act()
        if self.is_over:
            return await self._leave()
        try:
            planned = await self._planned(context)
        except Unscripted as trouble:
            return await self._leave(trouble)
        if planned is Ending.NOT_DONE and is_probe:
            return None
        if planned is Ending.TIMES_OUT and context.deadline is not None:
            self._pass(context.deadline)
            return await asyncio.Event().wait()
        if planned is Ending.TIMES_OUT or planned is Ending.NOT_DONE:
            what = "has no timeout" if planned is Ending.TIMES_OUT else "was not asked about an interruption"
            return await self._leave(Unscripted(f"task {context.task_name!r} {what}, and {planned.name} is scripted"))
        if isinstance(planned, Ending):
            return await self._leave()
        return planned

    async def _leave(self, trouble: Unscripted | None = None) -> None:
        """Let the attempt have no result, as if its process had ended."""
        self.trouble = trouble
        self.left.set()
        await asyncio.Event().wait()

    async def _planned(self, context: TaskContext) -> Scripted:
        planned = await said(self.script.next(context.task_name, context.visit, context.attempt), context)
        if isinstance(planned, Fails):
            planned = planned.exception()
        elif isinstance(planned, type) and issubclass(planned, BaseException):
            planned = planned()
        if isinstance(planned, BaseException):
            raise planned
        return planned


def _code(engine: _Engine) -> type[BaseTask]:
    class ScriptedTask(BaseTask):
        """Ends as the script says."""

        async def execute(self, context: TaskContext) -> Any:
            return await engine.play(context, is_probe=False)

        async def probe(self, context: TaskContext) -> Any:
            return await engine.play(context, is_probe=True)

    return ScriptedTask
