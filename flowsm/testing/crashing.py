"""crash_everywhere: whether a user's tasks bear a crash at every point of a flow."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from flowsm.clock import SystemClock
from flowsm.definition.load import Source, load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import ExecutionNotFound
from flowsm.events.commands import Create, Resolve, Signal
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.effect import AwaitChild, WaitUntil, next_effect
from flowsm.machine.state import ExecutionState, Phase
from flowsm.projections.queries import Queries
from flowsm.projections.tables import PROJECTION_MIGRATIONS, ROW_STATEMENTS
from flowsm.runtime.advance import Advancer
from flowsm.runtime.attempt import AttemptRunner
from flowsm.runtime.children import Children
from flowsm.runtime.input import checked_input
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.operating import Operating
from flowsm.runtime.secrets import Secrets
from flowsm.tasks.context import Permissions
from flowsm.tasks.factory import TaskFactory, default_registry
from flowsm.testing.mortal import CrashPoint, Mortal, ProcessEnded, bury, points

__all__ = ["crash_everywhere"]

_ID: Final = "crashing"


class _JumpingClock(SystemClock):
    """The machine's time, which leaps over the times that an execution waits for; each life has another boot."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self.boots = 1

    def now(self) -> datetime:
        """The wall time, with all leaps."""
        return super().now() + self._ahead

    def boot_id(self) -> str:
        """Another one for each life: the process that ended is this one, and its lease must not count."""
        return f"boot-{self.boots}"

    def leap(self, due: str) -> None:
        """Let it be that moment, if it is to come."""
        self._ahead += max(timedelta(), datetime.fromisoformat(due) - self.now())


@dataclass(frozen=True)
class _Case:
    """What is run, again and again."""

    flow: FlowConfig
    tasks: TaskFactory
    input: Any
    signals: Sequence[Signal]
    permissions: Permissions


def crash_everywhere(
    flow: Source,
    tasks: TaskFactory | None = None,
    input: Any = None,
    check: Callable[[], object] | None = None,
    *,
    before: Callable[[], object] | None = None,
    signals: Iterable[Signal] = (),
    allow_dirs: Iterable[str | Path] = (),
    allow_hosts: Iterable[str] = (),
) -> int:
    """Run a flow with its own tasks once for each append that it makes, and crash there: before its commit, and after.

    Each time it is recovered and run to its end. Then `check` looks whether the tasks' effects are what they should be,
    and the status, the path and the outcomes must be those of the run without a crash. Tasks run at least once: what
    has no result yet is run again. Times that the flow waits for pass at once. A plain function, for it makes event
    loops of its own.

    Args:
        flow: the flow.
        tasks: the registry with the user's tasks; by default the one that `@task` fills.
        input: the execution's input.
        check: looks at the effects after each run; it raises, or returns False, if they are wrong.
        before: is called before each run, to clear away the effects of the last.
        signals: are given one by one, where the execution waits for one.
        allow_dirs: the folders that the built-in tasks may touch.
        allow_hosts: the hosts that they may ask.

    Returns:
        How many crashes were survived.

    Raises:
        AssertionError: the effects, or the end, are not the same after a crash; it says where that was.
    """
    permissions = Permissions.given(allow_dirs, allow_hosts)
    registry = default_registry() if tasks is None else tasks
    parsed = load_flow(flow, known_task_types=registry.types(), check_parameters=registry.check_parameters)
    case = _Case(parsed, registry, input, list(signals), permissions)
    expected = _end_of(_run(case, None, before)[0])
    _check(check, "without a crash")
    survived = 0
    for point in points():
        state, recorded = _run(case, point, before)
        if recorded is None:
            break
        where = f"after a crash {point.side} the commit of append {point.append} ({recorded})"
        _check(check, where)
        if _end_of(state) != expected:
            raise AssertionError(f"{where}: the end is another\n  expected: {expected}\n  found:    {_end_of(state)}")
        survived += 1
    return survived


def _check(check: Callable[[], object] | None, where: str) -> None:
    if check is None:
        return
    try:
        found = check()
    except AssertionError as error:
        raise AssertionError(f"{where}: {error}") from error
    if found is False:
        raise AssertionError(f"{where}: the check of the effects does not hold")


def _end_of(state: ExecutionState) -> dict[str, Any]:
    outcomes = {task: result.outcome for task, result in state.results.items()}
    return {"status": state.status.value, "path": list(state.path), "outcomes": outcomes}


def _run(
    case: _Case, point: CrashPoint | None, before: Callable[[], object] | None
) -> tuple[ExecutionState, str | None]:
    """One execution to its end, through a crash; with what was being recorded then, None where it never came to it."""
    if before is not None:
        before()
    clock = _JumpingClock()
    with tempfile.TemporaryDirectory(prefix="flowsm-") as folder:
        first, second = Path(folder) / "first.db", Path(folder) / "second.db"
        life = _Life(case, first, clock, point)
        ended = life.live()
        if ended is not None:
            life.log.release()
            return ended, None
        bury(first, second)
        life.log.release()
        clock.boots += 1
        again = _Life(case, second, clock, None)
        ended = again.live()
        again.log.release()
        if ended is None:
            raise AssertionError("a life without a crash point ended early")
        return ended, ", ".join(fact.TYPE for fact in life.mortal.last) or "a task's transaction"


class _Life:
    """One process: it drives the execution until it has ended, or dies."""

    def __init__(self, case: _Case, path: Path, clock: _JumpingClock, point: CrashPoint | None) -> None:
        self.case, self.clock, self.point = case, clock, point
        self.log = SqliteEventLog(
            path,
            durability="normal",
            row_statements=ROW_STATEMENTS,
            migrations=PROJECTION_MIGRATIONS,
            clock=clock,
        )
        self.mortal = Mortal(self.log)
        self.mortal.dies_at(point)
        self.loader = StateLoader(self.log)
        self.operating = Operating(self.log, self.loader, clock)
        runner = AttemptRunner(case.tasks, clock, case.permissions, transactional=True, secrets=Secrets())
        children = Children(self.log, self.loader, clock, Queries(self.log).latest_flow)
        worker = f"life-{clock.boots}"
        self.advancer = Advancer(self.log, self.loader, runner, case.tasks, clock, worker, children)

    def live(self) -> ExecutionState | None:
        """The state at the end; None where it dies before that."""
        with contextlib.suppress(ProcessEnded):
            return asyncio.run(self._live())
        return None

    async def _live(self) -> ExecutionState | None:
        working = asyncio.ensure_future(self._work())
        ending = asyncio.ensure_future(self.mortal.ended.wait())
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        if self.mortal.ended.is_set():
            working.add_done_callback(lambda task: task.cancelled() or task.exception())
            return None
        ending.cancel()
        state = await working
        await self.log.close()
        return state

    async def _work(self) -> ExecutionState:
        try:
            await self.loader.load(_ID)
        except ExecutionNotFound:
            prepared = self.loader.prepare(self.case.flow)
            given = checked_input(prepared.machine.flow, self.case.input)
            await self.advancer.create(prepared, Create(digest=prepared.digest, input=given), _ID, start=False)
        return await self._drive(_ID)

    async def _drive(self, execution_id: str) -> ExecutionState:
        """Advance it, and what it waits for, until it has ended."""
        while True:
            state = await self.advancer.advance(execution_id)
            if state.ended_at is not None:
                return state
            effect = next_effect(state)
            if isinstance(effect, AwaitChild):
                await self._drive(effect.child)
            elif await self._speak(state):
                continue
            elif isinstance(effect, WaitUntil):
                self.clock.leap(effect.due)
            else:
                raise AssertionError(f"execution {execution_id} waits for somebody at {state.node!r}: give signals=")

    async def _speak(self, state: ExecutionState) -> bool:
        """Say what the execution waits to be told, if somebody has something to say."""
        if state.phase == Phase.ASKING:
            await self.operating.ask(state.stream, Resolve(resolution="retry", actor="crash_everywhere"))
            return True
        waiting = state.attempt.waiting if state.attempt is not None else None
        said = len(state.signal_keys)
        if state.phase != Phase.WAITING or waiting is None or waiting.signal is None or said >= len(self.case.signals):
            return False
        signal = msgspec.structs.replace(self.case.signals[said], idempotency_key=f"signal {said}")
        await self.operating.ask(state.stream, signal)
        return True
