"""Between the dispatcher and those who wait: advances what is kicked, and answers when it has ended."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flowsm.errors import FlowsmError, UsageError
from flowsm.machine.effect import Nothing, WaitUntil, next_effect
from flowsm.machine.state import ExecutionState
from flowsm.runtime.advance import Advancer
from flowsm.runtime.dispatcher import Dispatcher

__all__ = ["Supervisor"]

_LOGGER: Final = logging.getLogger("flowsm.runtime")


@dataclass(frozen=True, slots=True)
class _Served:
    """In whose execution code runs, and who drives it."""

    supervisor: Supervisor
    advancer: Advancer
    execution_id: str


_SERVED: Final[ContextVar[_Served | None]] = ContextVar("flowsm_served", default=None)
"""Tasks' code, their asyncio tasks and their threads find here what they are part of."""


class Supervisor:
    """Serves one dispatcher on one event loop."""

    def __init__(self, advancer: Advancer, dispatcher: Dispatcher) -> None:
        self._advancer = advancer
        self._dispatcher = dispatcher
        self._waiters: dict[str, list[asyncio.Future[ExecutionState]]] = {}
        self._serving: set[str] = set()
        dispatcher.serve(self._serve)

    def has_room(self) -> bool:
        """Whether an execution that is kicked now would be advanced at once."""
        return self._dispatcher.has_room()

    def kick(self, execution_id: str) -> None:
        """Have the execution advanced, without waiting for it."""
        self._dispatcher.kick(execution_id)

    async def finish(self, execution_id: str) -> ExecutionState:
        """Have the execution advanced until it has ended; returns its last state.

        One that is being advanced is only waited for: were it kicked too, a driver that another owner has just
        replaced would take the execution back. Cancelling this wait leaves the execution running.

        Raises:
            UsageError: a task of that very execution asks.
            FlowsmError: it cannot be driven.
        """
        waiting = _SERVED.get()
        if waiting is not None and (waiting.advancer, waiting.execution_id) == (self._advancer, execution_id):
            raise UsageError(
                f"a task of execution {execution_id!r} cannot wait for that execution's end: let the task return"
            )
        waiter: asyncio.Future[ExecutionState] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(execution_id, []).append(waiter)
        if execution_id not in self._serving:
            self._dispatcher.kick(execution_id)
        if waiting is not None and waiting.supervisor is self:
            with self._dispatcher.lending():
                return await waiter
        return await waiter

    async def close(self) -> None:
        """Stop what runs: its attempts stay in the log as starts without a result."""
        await self._dispatcher.close()
        for waiters in self._waiters.values():
            self._leave(waiters)
        self._waiters.clear()

    @staticmethod
    def _leave(waiters: list[asyncio.Future[ExecutionState]]) -> None:
        """Nobody drives on: nobody is to wait for ever."""
        for waiter in waiters:
            waiter.cancel()

    async def _serve(self, execution_id: str) -> None:
        self._serving.add(execution_id)
        _SERVED.set(_Served(self, self._advancer, execution_id))
        try:
            state = await self._advancer.advance(execution_id)
        except FlowsmError as error:
            self._answer(execution_id, error)
            return
        except Exception as error:
            _LOGGER.exception("execution %s cannot be driven", execution_id)
            self._answer(execution_id, error)
            return
        except BaseException:
            self._leave(self._waiters.pop(execution_id, []))
            raise
        finally:
            self._serving.discard(execution_id)
        effect = next_effect(state)
        if isinstance(effect, WaitUntil):
            self._dispatcher.kick(execution_id, not_before=datetime.fromisoformat(effect.due))
        elif isinstance(effect, Nothing):
            self._answer(execution_id, state)

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
