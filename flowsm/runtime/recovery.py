"""Recovery: whatever is due and nobody's is taken up, now and for as long as a manager runs."""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from flowsm.clock import Clock
from flowsm.errors import (
    AppendUnknown,
    DefinitionNotFound,
    ExecutionNotFound,
    FlowsmError,
    IllegalEvent,
    LeaseHeld,
    LeaseLost,
    LogBroken,
    LogUnavailable,
)
from flowsm.limits import (
    ASIDE_EXECUTIONS_MAX,
    ASIDE_SECONDS,
    ASIDE_TROUBLE_SECONDS,
    RECONCILE_SECONDS,
    TAKE_UP_EXECUTIONS,
)
from flowsm.projections.agenda import Agenda, Due
from flowsm.runtime.dispatcher import Dispatcher
from flowsm.runtime.loading import StateLoader
from flowsm.tasks.factory import TaskFactory

__all__ = ["Recovery"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")
_FOR_GOOD: Final = 2**62
_BROKEN: Final = (LogBroken, IllegalEvent, DefinitionNotFound)


class Recovery:
    """Kicks what the agenda lists, as much at a time as there is room for.

    Set aside, and not asked for again, are the executions of flows whose tasks have no code here, until it is
    registered; executions whose log is broken, for good; and for a while those that could not be driven.

    Args:
        agenda: what is due.
        loader: knows the machines.
        tasks: the registry of task types.
        dispatcher: takes the kicks.
        clock: measures how long something is set aside.
        queues: limits whose queues others look after; see `Agenda.due`.
    """

    def __init__(
        self,
        agenda: Agenda,
        loader: StateLoader,
        tasks: TaskFactory,
        dispatcher: Dispatcher,
        clock: Clock,
        queues: Collection[str] = (),
    ) -> None:
        self._agenda = agenda
        self._loader = loader
        self._tasks = tasks
        self._dispatcher = dispatcher
        self._clock = clock
        self._queues = queues
        self._flows: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._aside: OrderedDict[str, int] = OrderedDict()

    async def look(self) -> bool:
        """Kick what is due; returns whether more may be left, for which there was no room.

        Raises:
            LogError: the file could not be read.
        """
        return await self._kick(self._agenda.due)

    async def look_at_parents(self) -> bool:
        """Kick those whose children have ended; else as `look`."""
        return await self._kick(self._agenda.parents)

    async def _kick(self, ask: Callable[..., Awaitable[list[Due]]]) -> bool:
        room = min(self._dispatcher.room(), TAKE_UP_EXECUTIONS)
        if not room:
            return True
        self._bring_back()
        limit = TAKE_UP_EXECUTIONS + self._dispatcher.carried()
        found = await ask(limit, flows=self._flows, aside=self._aside, queues=self._queues)
        fresh = [due for due in found if not self._dispatcher.carries(due.execution_id)]
        for due in _share(fresh, room):
            if await self.can_run(due.flow_digest, due.execution_id):
                self._dispatcher.kick(due.execution_id, not_before=due.wake_at)
        return len(fresh) > room or len(found) == limit

    def is_soon(self, due: datetime) -> bool:
        """Whether it is due before a look for work is sure to have found it."""
        return due <= self._clock.now() + timedelta(seconds=2 * RECONCILE_SECONDS)

    def stopped(self, execution_id: str, error: Exception) -> None:
        """Take note that an execution could not be driven on here."""
        if isinstance(error, LeaseHeld | LeaseLost | ExecutionNotFound):  # it may come to be
            return
        seconds = ASIDE_TROUBLE_SECONDS if isinstance(error, LogUnavailable | AppendUnknown) else ASIDE_SECONDS
        until = self._clock.boot_ms() + round(seconds * 1000)
        self._put_aside(execution_id, _FOR_GOOD if isinstance(error, _BROKEN) else until)

    @property
    def left_alone(self) -> tuple[Collection[str], Collection[str]]:
        """The flows, by digest, and the executions that are not asked for."""
        return self._flows, self._aside

    async def can_run(self, digest: str, execution_id: str) -> bool:
        """Whether there is code for all of a flow's tasks."""
        if digest in self._flows:
            return False
        try:
            machine = await self._loader.machine(digest)
        except FlowsmError as error:
            _LOGGER.error("execution %s is set aside, its flow cannot be read: %s", execution_id, error)  # noqa: TRY400 (a sentence, no bug)
            self.stopped(execution_id, error)
            return False
        missing = frozenset(task.task_type for task in machine.tasks.values() if task.task_type not in self._tasks)
        if missing:
            self._flows[digest] = missing
            if len(self._flows) > ASIDE_EXECUTIONS_MAX:
                self._flows.popitem(last=False)
            _LOGGER.warning(
                "executions of flow %s (%s) are left to others: no code is registered here for %s",
                machine.flow.id,
                digest[:12],
                ", ".join(sorted(missing)),
            )
        return not missing

    def _put_aside(self, execution_id: str, until_ms: int) -> None:
        self._aside[execution_id] = until_ms
        self._aside.move_to_end(execution_id)
        if len(self._aside) > ASIDE_EXECUTIONS_MAX:
            self._aside.popitem(last=False)

    def _bring_back(self) -> None:
        """Ask again for what was set aside for a while that is over, and for flows whose code came."""
        now_ms = self._clock.boot_ms()
        for execution_id in [name for name, until_ms in self._aside.items() if until_ms <= now_ms]:
            del self._aside[execution_id]
        for digest in [
            name for name, missing in self._flows.items() if all(task_type in self._tasks for task_type in missing)
        ]:
            del self._flows[digest]


def _share(due: list[Due], room: int) -> list[Due]:
    """As many as there is room for: the longest due first, or, where others look too, some by chance."""
    if len(due) > room and due[0].workers > 1:
        return random.sample(due, room)
    return due[:room]
