"""advance(execution_id): the only code that drives an execution.

Claim (epoch + 1, which fences every earlier owner) → read and fold → decide → append → run the next
effect, until it waits or ends.
"""

from __future__ import annotations

import asyncio
import random
from datetime import datetime
from functools import partial
from weakref import WeakKeyDictionary, WeakValueDictionary

from flowsm.clock import Clock, timestamp
from flowsm.errors import (
    AppendUnknown,
    CodeMissing,
    Conflict,
    Fenced,
    FlowsmError,
    LeaseLost,
    LogUnavailable,
)
from flowsm.events.commands import Advance, Command, Create, Driver, Leave, RecordChild, RecordResult
from flowsm.events.facts import Fact
from flowsm.limits import CONFLICT_RETRIES_MAX, SNAPSHOT_EVERY_EVENTS, UNRECORDED_RESULTS_MAX
from flowsm.log.port import Append, EventLog
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decide import only_recorded, step
from flowsm.machine.effect import AwaitChild, Decide, Effect, Nothing, Probe, RunTask, next_effect
from flowsm.machine.state import AT_WORK, ExecutionState, new_state
from flowsm.runtime.arguments import stored_alike
from flowsm.runtime.attempt import AttemptRunner
from flowsm.runtime.batch import batch_of
from flowsm.runtime.children import Children
from flowsm.runtime.driving import Claimed, Drive, Unrecorded, before_next_start, drive, stands
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.runtime.transaction import TransactionEnd, append_after
from flowsm.tasks.factory import TaskFactory

__all__ = ["Advancer"]


class Advancer:
    """Drives executions of one log for one worker.

    Args:
        log: where facts are appended.
        loader: folds streams.
        runner: runs attempts.
        tasks: the registry, asked for the versions of task types.
        clock: the time of decisions.
        worker: the name under which it claims executions.
        children: the executions that `subflow` tasks start; without it they wait for somebody who has it.
    """

    def __init__(
        self,
        log: EventLog,
        loader: StateLoader,
        runner: AttemptRunner,
        tasks: TaskFactory,
        clock: Clock,
        worker: str,
        children: Children | None = None,
    ) -> None:
        self._log = log
        self._loader = loader
        self._runner = runner
        self._tasks = tasks
        self._clock = clock
        self._worker = worker
        self._children = children
        self._random = random.Random()  # noqa: S311 (it spreads retries, and is recorded)
        self._drivers: WeakKeyDictionary[FlowMachine, Driver] = WeakKeyDictionary()
        self._complete: WeakKeyDictionary[FlowMachine, bool] = WeakKeyDictionary()
        self._claimed: dict[str, Claimed] = {}
        self._starting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._halted: set[str] = set()
        self._unrecorded: dict[str, Unrecorded] = {}
        self.drives: dict[str, Drive] = {}
        self.draining = False
        self.asked: list[str] = [] if children is None else children.asked

    async def advance(self, execution_id: str) -> ExecutionState:
        """Drive the execution until it waits or has ended; returns its state then.

        Raises:
            ExecutionNotFound: the log has no such execution.
            LeaseHeld: it belongs to another worker, which is alive.
            LeaseLost: another worker has taken it over.
            LogError: the log could not be read or written.
        """
        while True:
            state, is_again = await self._advance_once(execution_id)
            if not is_again:
                return state

    async def _advance_once(self, execution_id: str) -> tuple[ExecutionState, bool]:
        """The same, up to where it is to be claimed again."""
        command: Command | TransactionEnd | None = None
        if execution_id in self._unrecorded:
            machine, state, epoch, command = self._unrecorded.pop(execution_id)
        else:
            state, machine, epoch = await self._just_started(execution_id) or await self._claim(execution_id)
            self._halted.discard(execution_id)
        drive = self.drives[execution_id] = Drive(state.seq, epoch)
        try:
            if command is not None:
                machine, state = await self._keep_on(machine, state, command, drive)
                command = None
            return await self._drive_on(machine, state, drive), drive.is_again
        except Fenced as fenced:
            if command is not None:  # it became another's while nothing could be recorded
                return state, True
            head = await self._log.head(execution_id)
            owner = "" if head is None else head.worker
            raise self.lost(execution_id, epoch, fenced.actual_epoch, owner) from fenced
        finally:
            if self.drives.get(execution_id) is drive:
                del self.drives[execution_id]

    def halted(self, execution_id: str) -> None:
        """Take note that what an execution ran here was stopped because somebody asked for that."""
        self._halted.add(execution_id)

    async def look(self, execution_id: str) -> ExecutionState:
        """The execution as it is now; errors as those of `StateLoader.load`."""
        return (await self._loader.load(execution_id))[0]

    async def leave(self, execution_id: str, epoch: int) -> None:
        """Record that what was running here under that epoch was stopped, for this worker is told to stop.

        Raises:
            FlowsmError: it could not be: it is another's by now, somebody told it something, or the log is gone.
        """
        state, machine = await self._loader.load(execution_id)
        if state.phase in AT_WORK and execution_id not in self._unrecorded:
            facts, after = step(machine, state, Leave(worker=self._worker), self._clock.now())
            drive(machine, state, facts)
            batch = self._left(machine, batch_of(state, facts, after, epoch=epoch, leave=True))
            appended = await self._log.append(batch)
            self._loader.recorded(facts, after, appended)

    def _left(self, machine: FlowMachine, batch: Append) -> Append:
        """What gives an execution of that flow up."""
        return batch

    def is_mine(self, worker: str) -> bool:
        """Whether that is this worker."""
        return worker == self._worker

    def is_held(self, execution_id: str) -> bool:
        """Whether a limit holds the execution back: it is woken when there is room, by no timer."""
        return False

    def lost(self, execution_id: str, epoch: int, actual_epoch: int, owner: str) -> LeaseLost:
        """What is said of an execution that was driven here, and now belongs to somebody else."""
        return LeaseLost(execution_id, self._worker, epoch, actual_epoch, owner)

    def starting(self, execution_id: str) -> asyncio.Lock:
        """To be held while an execution is started here: who finds it in the log meanwhile waits until that is done."""
        return self._starting.setdefault(execution_id, asyncio.Lock())

    async def _just_started(self, execution_id: str) -> Claimed | None:
        """What `create` has claimed already, for nobody to claim it again; None where it did not, or that was driven."""
        if execution_id in self._starting:
            async with self.starting(execution_id):
                pass
        return self._claimed.pop(execution_id, None)

    async def create(self, prepared: Prepared, command: Create, execution_id: str, *, start: bool) -> ExecutionState:
        """Record a new execution and, with `start`, its first task's start in the same commit.

        Raises:
            Conflict: the id is taken.
        """
        machine, before = prepared.machine, new_state(execution_id)
        now = self._clock.now()
        facts, after = step(machine, before, command, now)
        stored_alike(facts, without_large=True)
        if start:
            more, after = step(machine, after, self._advance(machine, execution_id), now)
            facts += more
            drive(machine, before, facts)
        claim_for = self._worker if start else ""
        batch = batch_of(before, facts, after, claim_for=claim_for, definition=prepared.definition)
        appended = await self._log.append(batch)
        self._loader.recorded(facts, after, appended)
        if start:
            self._claimed[execution_id] = Claimed(after, machine, appended.epoch)
        return after

    # -- one step ----------------------------------------------------------------------------

    async def _drive_on(self, machine: FlowMachine, state: ExecutionState, drive: Drive) -> ExecutionState:
        while True:
            driver = self._driver(machine)
            effect = next_effect(state)
            command: Command | TransactionEnd
            if isinstance(effect, RunTask) and state.attempt is not None:
                command = await self._runner.run(machine, state, state.attempt, driver)
            elif isinstance(effect, Probe) and state.attempt is not None:
                command = await self._runner.probe(machine, state, state.attempt, driver)
            elif isinstance(effect, Decide) and not self.draining:
                command = self._advance(machine, state.stream)
            else:
                drive.has_let_go = True  # with what was recorded last: whoever comes first may have it
                now = self._clock.now()
                drive.is_again = drive.epoch >= 0 and await self._look_at_child(machine, state, effect, now) is not None
                return state
            machine, state = await self._keep_on(machine, state, command, drive)

    async def _look_at_child(
        self, machine: FlowMachine, state: ExecutionState, effect: Effect, now: datetime
    ) -> RecordChild | None:
        """See to the execution that this one waits for; its end, if that has come.

        What is decided without one is to be decided for the same moment: the child is cancelled before its time is over.
        """
        if not isinstance(effect, AwaitChild) or self._children is None:
            return None
        return await self._children.look(state, effect, self._driver(machine), self._random.random(), timestamp(now))

    def _driver(self, machine: FlowMachine) -> Driver:
        known = self._drivers.get(machine)
        if known is None:
            types = {task.task_type for task in machine.tasks.values() if task.task_type in self._tasks}
            versions = {task_type: self._tasks.version_of(task_type) for task_type in types}
            known = self._drivers[machine] = Driver(worker=self._worker, versions=versions)
        return known

    def _advance(self, machine: FlowMachine, execution_id: str) -> Advance:
        halted = execution_id in self._halted
        return Advance(driver=self._driver(machine), chance=self._random.random(), halted=halted)

    async def _claim(self, execution_id: str) -> Claimed:
        """Take the execution over, going on from where its log ends."""
        failed: Exception = Conflict(execution_id, 0, 0)
        for _ in range(CONFLICT_RETRIES_MAX):
            state, machine = await self._loader.load(execution_id)
            started = await self._just_started(execution_id)  # it may have been recorded just now
            if started is not None:
                return started
            now = self._clock.now()
            ended = await self._look_at_child(machine, state, next_effect(state), now)
            facts, after = step(machine, state, ended or self._advance(machine, execution_id), now)
            if not facts:
                return Claimed(state, machine, -1)
            self._require_code(machine, state)
            drive(machine, state, facts)
            try:
                appended = await self._log.append(batch_of(state, facts, after, claim_for=self._worker))
            except (Conflict, AppendUnknown) as error:
                failed = error
                self._loader.forget(execution_id)
                continue
            self._loader.recorded(facts, after, appended)
            return Claimed(after, machine, appended.epoch)
        raise failed

    def _require_code(self, machine: FlowMachine, state: ExecutionState) -> None:
        """Leave an execution to others, whoever asks for it to be driven on, rather than fail its tasks.

        Raises:
            CodeMissing: no code is registered here for one of its task types.
        """
        missing = self._missing_code(machine, state)
        if missing:
            raise CodeMissing(state.stream, state.seq, sorted(missing))

    def _missing_code(self, machine: FlowMachine, state: ExecutionState) -> set[str]:
        """The task types for which there is no code here; none where nothing but the end is to come."""
        if state.is_stopping:
            return set()
        return {task.task_type for task in machine.tasks.values() if task.task_type not in self._tasks}

    def _is_leaving(self, machine: FlowMachine, state: ExecutionState) -> bool:
        """Whether the next task is another worker's: this one is told to stop, or has no code for what it was upgraded to."""
        if self.draining or state.is_stopping or self._complete.get(machine):
            return self.draining
        complete = self._complete[machine] = not self._missing_code(machine, state)
        return not complete

    async def _keep_on(
        self, machine: FlowMachine, state: ExecutionState, command: Command | TransactionEnd, drive: Drive
    ) -> tuple[FlowMachine, ExecutionState]:
        """Record what the driver came to; what cannot be recorded now is when it drives on, and is not done again.

        It goes on with another machine, where the execution was upgraded meanwhile, or left it to those who have the code.
        """
        drive.is_busy = True
        try:
            after = await self._record(machine, state, command, drive.epoch)
        except (LogUnavailable, AppendUnknown):
            self._unrecorded[state.stream] = Unrecorded(machine, state, drive.epoch, command)
            while len(self._unrecorded) > UNRECORDED_RESULTS_MAX:
                del self._unrecorded[next(iter(self._unrecorded))]
            raise
        drive.seq, drive.is_busy = after.seq, False
        if after.digest != state.digest:
            machine = await self._loader.machine(after.digest)
            if not isinstance(next_effect(after), Nothing):
                self._require_code(machine, after)
        return machine, after

    async def _record(
        self, machine: FlowMachine, state: ExecutionState, command: Command | TransactionEnd, epoch: int
    ) -> ExecutionState:
        """Decide and append; where the stream went on meanwhile, read on and decide again."""
        failed: Exception | None = None
        for _ in range(CONFLICT_RETRIES_MAX):
            try:
                if isinstance(command, TransactionEnd):
                    decided = partial(self._decided, machine, state, epoch)
                    appended, batch, after = await append_after(self._log, state, command, epoch, decided)
                else:
                    batch, after = self._decided(machine, state, epoch, command)
                    appended = await self._log.append(batch)
            except (Conflict, AppendUnknown) as error:
                failed = error
                self._loader.forget(state.stream)
                state, machine = await self._loader.load(state.stream)
                if not stands(state, command):
                    return state
                continue
            self._loader.recorded(batch.facts, after, appended)
            if after.seq // SNAPSHOT_EVERY_EVENTS > state.seq // SNAPSHOT_EVERY_EVENTS:
                await self._loader.save_snapshot(after, appended.digest)
            return after
        raise failed or Conflict(state.stream, state.seq, state.seq)

    def _step(
        self, machine: FlowMachine, state: ExecutionState, command: Command
    ) -> tuple[tuple[Fact, ...], ExecutionState]:
        """What follows from a command; of a result at least that, where the rest cannot be decided."""
        now = self._clock.now()
        try:
            return step(machine, state, command, now)
        except FlowsmError:
            raise
        except Exception:
            if not isinstance(command, RecordResult):
                raise
            # what was done stays done: the next decision, without the result in its hands, raises this again
            return only_recorded(machine, state, command, now)

    def _decided(
        self, machine: FlowMachine, state: ExecutionState, epoch: int, command: Command
    ) -> tuple[Append, ExecutionState]:
        """One decision, to be recorded; the one about a transaction's result is made inside that transaction."""
        facts, after = self._step(machine, state, command)
        leaving = self._is_leaving(machine, state)
        if leaving:
            facts, after = before_next_start(machine, state, facts, after)
        drive(machine, state, facts)
        return batch_of(state, facts, after, epoch=epoch, leave=leaving), after
