"""Between the dispatcher and those who wait: advances what is kicked, and answers when it has ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flowsm.errors import CodeMissing, ExecutionNotFound, FlowsmError, LeaseHeld, UsageError
from flowsm.limits import ABANDON_AFTER_SECONDS
from flowsm.machine.effect import AwaitChild, Nothing, WaitUntil, next_effect
from flowsm.machine.state import AT_WORK, ExecutionState
from flowsm.projections.agenda import Owner
from flowsm.runtime.advance import Advancer
from flowsm.runtime.dispatcher import Dispatcher
from flowsm.runtime.driver_task import DriverTask, calm
from flowsm.runtime.loading import StateLoader
from flowsm.runtime.served import SERVED, Served
from flowsm.runtime.watch import Watch
from flowsm.tasks.factory import TaskFactory

__all__ = ["Supervisor"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")
_ELSEWHERE: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class _Interruption:
    """What was cancelled, to be advanced again; or, `because` of an error, to be let go of."""

    because: FlowsmError | None


class Supervisor:
    """Serves one dispatcher on one event loop.

    `on_foreign`, if it is set, is called with the executions that run here, and to whose logs another process (or
    another part of this one) has appended: their drivers do not know yet.

    Args:
        advancer: drives.
        dispatcher: says when.
        watch: tells what other processes do, and keeps the lease; without one there are no others.
    """

    def __init__(self, advancer: Advancer, dispatcher: Dispatcher, watch: Watch | None = None) -> None:
        self._advancer = advancer
        self._dispatcher = dispatcher
        self._watch = watch
        self._waiters: dict[str, list[asyncio.Future[ExecutionState]]] = {}
        self._serving: dict[str, asyncio.Task[None] | None] = {}
        self._interrupted: dict[str, _Interruption] = {}
        self._joined: dict[str, int] = {}
        self._awaiting: dict[str, str] = {}
        self._awaited: dict[str, str] = {}
        self._parked: set[str] = set()
        self._told: set[str] = set()
        self._looking: set[asyncio.Task[None]] = set()
        self.on_foreign: Callable[[list[str]], None] = self._look_after
        dispatcher.serve(self._serve)

    def has_room(self) -> bool:
        """Whether an execution that is kicked now would be advanced at once."""
        return self._dispatcher.has_room()

    def busy(self) -> tuple[int, int]:
        """How many executions are being advanced here, and how many wait until they can be."""
        return len(self._serving), self._dispatcher.waiting()

    async def hold(self) -> None:
        """Return once this process counts as alive, so that nobody takes from it what it claims.

        Raises:
            LogError: its heartbeat could not be written.
        """
        if self._watch is not None:
            await self._watch.lease.hold()

    def kick(self, execution_id: str) -> None:
        """Have the execution advanced, without waiting for it; what comes of an advance that runs is not the latest."""
        if execution_id in self._serving:
            self._told.add(execution_id)
        self._dispatcher.kick(execution_id)
        self._begin_to_watch()

    def interrupt(self, execution_id: str, because: FlowsmError | None = None) -> bool:
        """Cancel what an execution runs here; returns whether it runs anything.

        Its log is read on and it is advanced again; or, with an error, it is let go of, and whoever waits gets that.
        What does not stop within `ABANDON_AFTER_SECONDS` is left behind.
        """
        task = self._serving.get(execution_id)
        if task is None or execution_id in self._interrupted:
            return False
        stop = self._interrupted[execution_id] = _Interruption(because)
        asyncio.get_running_loop().call_later(ABANDON_AFTER_SECONDS, self._give_up, execution_id, stop)
        return task.interrupt() if isinstance(task, DriverTask) else task.cancel()

    def _give_up(self, execution_id: str, stop: _Interruption) -> None:
        """Its grace is over: if its driver has not stopped, another one goes on, whose claim fences that one off."""
        if self._interrupted.get(execution_id) is not stop:
            return
        del self._interrupted[execution_id]
        task = self._serving.pop(execution_id)
        if isinstance(task, DriverTask):
            task.give_up()
        self._advancer.drives.pop(execution_id, None)
        self._dispatcher.give_up(execution_id)
        self._let_go(execution_id, stop.because)

    def _let_go(self, execution_id: str, because: FlowsmError | None) -> None:
        """What was interrupted has stopped: go on with it, unless it is not to be driven here any more."""
        if because is None:
            self._advancer.halted(execution_id)
            self._dispatcher.kick(execution_id)
        else:
            self._stopped(execution_id, because)

    def was_told(self, state: ExecutionState) -> None:
        """Somebody appended to the execution: stop what must stop now, and go on where it is to be driven here."""
        execution_id = state.stream
        asked = state.cancelling or state.paused
        if execution_id in self._serving:
            if state.phase not in AT_WORK:
                self.kick(execution_id)  # it may have been looked at just before, and be about to be left
            elif asked is not None and asked.now and not state.cleaning:
                self.interrupt(execution_id)
            else:
                self._dispatcher.kick(execution_id)  # its driver may have read the log before, and be about to leave
        elif execution_id in self._parked or execution_id in self._waiters or self._is_recovering():
            self.kick(execution_id)
        if state.ended_at is not None and execution_id in self._awaited:
            self.kick(self._awaited[execution_id])

    def _look_after(self, execution_ids: list[str]) -> None:
        """Somebody appended to these: see what it was."""
        task = asyncio.ensure_future(self._see(execution_ids))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _see(self, execution_ids: list[str]) -> None:
        for execution_id in execution_ids:
            try:
                state = await self._advancer.look(execution_id)
            except FlowsmError as error:
                _LOGGER.warning("execution %s cannot be looked at: %s", execution_id, error)
                continue
            if state.ended_at is None and execution_id not in self._serving:
                self._parked.add(execution_id)
            self.was_told(state)

    def _is_recovering(self) -> bool:
        return self._watch is not None and self._watch.recovery is not None

    async def finish(self, execution_id: str) -> ExecutionState:
        """Have the execution advanced until it has ended; returns its last state.

        One that another process drives is waited for, and taken over when that process has died. One that is being advanced is only waited for: were it kicked too, a driver that another owner has just
        replaced would take the execution back. Cancelling this wait leaves the execution running.

        Raises:
            UsageError: a task of that very execution asks.
            FlowsmError: it cannot be driven.
        """
        waiting = SERVED.get()
        if waiting is not None and (waiting.advancer, waiting.execution_id) == (self._advancer, execution_id):
            raise UsageError(
                f"a task of execution {execution_id!r} cannot wait for that execution's end: let the task return"
            )
        waiter: asyncio.Future[ExecutionState] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(execution_id, []).append(waiter)
        if execution_id not in self._serving:
            self.kick(execution_id)
        if waiting is not None and waiting.supervisor is self:
            with self._dispatcher.lending():
                return await waiter
        return await waiter

    def recover(self, loader: StateLoader, tasks: TaskFactory) -> None:
        """From now on take up whatever is due in the file and nobody's."""
        if self._watch is not None and self._watch.recover(loader, tasks, self._dispatcher):
            self._begin_to_watch()

    async def drain(self, seconds: float) -> None:
        """Begin nothing any more, and let what runs go on for some seconds: each up to its next task."""
        self._advancer.draining = True
        try:
            if self._watch is not None:
                self._watch.recovery = None
            await self._dispatcher.drain(seconds)
        finally:
            self._advancer.draining = False

    async def close(self, seconds: float | None = None) -> None:
        """Stop what runs, which is recorded as interrupted if that can be done; give the lease back.

        Code that has not stopped after so long (`ABANDON_AFTER_SECONDS`) is left behind.
        """
        drives = {name: self._advancer.drives[name] for name in self._serving if name in self._advancer.drives}
        try:
            await self._dispatcher.close(seconds)
            leaving = (self._advancer.leave(name, drive.epoch) for name, drive in drives.items() if drive.epoch >= 0)
            for answer in await asyncio.gather(*leaving, return_exceptions=True):
                if isinstance(answer, Exception):
                    _LOGGER.debug("that its attempt was stopped is left to who goes on: %s", answer)
        finally:
            for looking in self._looking:
                looking.cancel()
            for waiters in self._waiters.values():
                self._leave(waiters)
            self._waiters.clear()
            if self._watch is not None:
                await self._watch.close()
                await self._watch.lease.give_back()

    # -- what the watch asks and tells ---------------------------------------------------------

    def is_idle(self) -> bool:
        """Whether nothing runs here, and nobody waits for what runs elsewhere."""
        return not self._serving and not self._joined and self._dispatcher.is_idle()

    def of_interest(self) -> list[str]:
        """The executions that run a task here, or are waited for."""
        running = [name for name, drive in self._advancer.drives.items() if not drive.is_busy]
        return [*running, *(name for name in self._joined if name not in self._serving)]

    def told(self, owners: list[Owner]) -> None:
        """Stop what was lost to others, look again at what is waited for, pass on what others have appended."""
        foreign: list[str] = []
        for owner in owners:
            drive = self._advancer.drives.get(owner.execution_id)
            if drive is None:
                self._look_again(owner)
            elif drive.is_busy or drive.has_let_go or drive.epoch < 0:
                continue
            elif owner.epoch > drive.epoch:
                lost = self._advancer.lost(owner.execution_id, drive.epoch, owner.epoch, owner.worker)
                self.interrupt(owner.execution_id, lost)
            elif owner.seq > drive.seq:
                foreign.append(owner.execution_id)
        if foreign:
            self.on_foreign(foreign)

    def _look_again(self, owner: Owner) -> None:
        """Advance what somebody waits for: when it is nobody's any more, or others have appended to it."""
        seen = self._joined.get(owner.execution_id)
        if seen is None or owner.execution_id in self._serving:
            return
        if owner.alive and not self._advancer.is_mine(owner.worker):
            self._joined[owner.execution_id] = _ELSEWHERE
        elif owner.seq != seen:
            del self._joined[owner.execution_id]
            self._dispatcher.kick(owner.execution_id)

    def _join(self, execution_id: str, seq: int) -> None:
        """Look again when its log has gone on from there; `_ELSEWHERE`: when it belongs to nobody who is alive."""
        waiting = [waiter for waiter in self._waiters.pop(execution_id, []) if not waiter.done()]
        if waiting:
            self._waiters[execution_id] = waiting
        if waiting or execution_id in self._awaited:
            self._joined[execution_id] = seq
            self._begin_to_watch()

    def _join_child(self, parent: str, child: str) -> None:
        """While somebody waits for the parent, its child is looked at like it."""
        if parent in self._joined:
            self._awaiting[parent], self._awaited[child] = child, parent
        self._look_after([child])

    def _let_go_of_child(self, parent: str) -> None:
        child = self._awaiting.pop(parent, None)
        if child is not None:
            del self._awaited[child]
            if child not in self._waiters:
                self._joined.pop(child, None)

    def _begin_to_watch(self) -> None:
        if self._watch is not None:
            self._watch.begin(self)

    # -- serving -------------------------------------------------------------------------------

    @staticmethod
    def _leave(waiters: list[asyncio.Future[ExecutionState]]) -> None:
        """Nobody drives on: nobody is to wait for ever."""
        for waiter in waiters:
            waiter.cancel()

    async def _serve(self, execution_id: str) -> None:
        self._serving[execution_id] = task = asyncio.current_task()
        self._joined.pop(execution_id, None)
        self._parked.discard(execution_id)
        self._told.discard(execution_id)
        self._let_go_of_child(execution_id)
        SERVED.set(Served(self, self._advancer, execution_id))
        try:
            await self.hold()
            state = await self._advancer.advance(execution_id)
        except Exception as error:  # noqa: BLE001 (whoever waits gets it, or it is logged)
            if self._serving.get(execution_id) is task:
                self._stopped(execution_id, error)
            return
        except asyncio.CancelledError:
            if await self._was_interrupted(execution_id, task):
                return
            raise
        except BaseException:
            self._leave(self._waiters.pop(execution_id, []))
            raise
        finally:
            mine = self._serving.get(execution_id) is task
            if mine:
                del self._serving[execution_id]
                if self._interrupted.pop(execution_id, None) is not None and task is not None and task.cancelling():
                    task.uncancel()  # it came too late to stop anything
        if mine:
            self._after(execution_id, state)

    async def _was_interrupted(self, execution_id: str, task: asyncio.Task[None] | None) -> bool:
        """Whether that, and nothing else, cancelled its driver, or it was left behind: then that one may go on."""
        if self._serving.get(execution_id) is not task:
            return True
        stop = self._interrupted.get(execution_id)
        if stop is None or not await calm(task):
            self._leave(self._waiters.pop(execution_id, []))
            return False
        self._let_go(execution_id, stop.because)
        return True

    def _after(self, execution_id: str, state: ExecutionState) -> None:
        """Answer those who wait for its end, or have it looked after when its time comes."""
        if self._advancer.asked:
            self._look_after([self._advancer.asked.pop() for _ in self._advancer.asked[:]])
        if execution_id in self._told:
            self._told.discard(execution_id)
            return  # what it came to is not the latest: it is looked at again
        effect = next_effect(state)
        if isinstance(effect, Nothing):
            self._answer(execution_id, state)
            if state.parent is not None:
                self._dispatcher.kick(state.parent.execution_id)
            return
        if not self._is_recovering():  # else it is found in the file
            self._parked.add(execution_id)
        if (
            isinstance(effect, WaitUntil | AwaitChild)
            and effect.due is not None
            and not self._advancer.is_held(execution_id)
        ):
            self._park(execution_id, datetime.fromisoformat(effect.due))
        self._join(execution_id, state.seq)
        if isinstance(effect, AwaitChild):
            self._join_child(execution_id, effect.child)

    def _stopped(self, execution_id: str, error: Exception) -> None:
        """It cannot be driven on here: because it is another process's, or something is amiss."""
        if isinstance(error, ExecutionNotFound) and execution_id in self._told:
            return  # it was created meanwhile
        if isinstance(error, LeaseHeld):
            self._join(execution_id, _ELSEWHERE)
            return
        if isinstance(error, CodeMissing):
            _LOGGER.warning("%s", error)
            self._join(execution_id, error.seq)
            return
        if not isinstance(error, FlowsmError):
            _LOGGER.error("execution %s cannot be driven", execution_id, exc_info=error)
        if self._watch is not None and self._watch.recovery is not None:
            self._watch.recovery.stopped(execution_id, error)
        self._answer(execution_id, error)

    def _park(self, execution_id: str, due: datetime) -> None:
        """Advance it when it is due; where recovery looks for work, it is found in the file by then."""
        if self._watch is None or self._watch.recovery is None or self._watch.recovery.is_soon(due):
            self._dispatcher.kick(execution_id, not_before=due)

    def _answer(self, execution_id: str, answer: ExecutionState | Exception) -> None:
        waiters = self._waiters.pop(execution_id, [])
        if isinstance(answer, Exception) and not waiters:
            _LOGGER.error("execution %s stopped: %s", execution_id, answer)
        for waiter in waiters:
            if waiter.done():
                continue
            if isinstance(answer, Exception):
                waiter.set_exception(answer)
            else:
                waiter.set_result(answer)
