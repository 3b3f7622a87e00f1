"""The verbs of forks, as `FlowManager` has them."""

from __future__ import annotations

from flowsm.clock import Clock
from flowsm.errors import ExecutionNotFound
from flowsm.events.commands import Fork
from flowsm.log.forks import Relative, family
from flowsm.log.sqlite import SqliteEventLog
from flowsm.runtime.arguments import checked_flag
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.forking import Forking, ForkPlan
from flowsm.runtime.loading import StateLoader

__all__ = ["ForkVerbs"]


class ForkVerbs:
    """A fork is a new execution that begins as another one did: the events before it are read where they lie.

    It changes nothing of the other one, and runs tasks with idempotency keys of its own.
    """

    _log: SqliteEventLog
    _loader: StateLoader
    _clock: Clock

    async def fork(
        self,
        execution_id: str,
        at: int,
        *,
        fork_id: str | None = None,
        paused: bool = False,
        reason: str = "",
        actor: str = "",
    ) -> FlowExecution:
        """Record a new execution that shares the events of another one up to seq `at`, and goes on by itself.

        Whoever recovers takes it up, or `execute_flow`. An attempt that was under way is begun again; a timer and a
        wait for a signal stay as they were.

        Args:
            execution_id: whose events are shared; whether it has ended or not does not matter.
            at: the seq of the last event that is shared.
            fork_id: the new execution's id, by default a new one.
            paused: it waits for `resume` first.
            reason: why; recorded.
            actor: who asks; recorded.

        Raises:
            UsageError: there is no such event, or an argument cannot be recorded.
            ExecutionNotFound: there is no such execution.
            ForkRefused: it had ended there, or was being cancelled.
            ExecutionExists: the new id is taken.
        """
        checked_flag("paused", paused)
        command = Fork(origin=execution_id, origin_seq=at, paused=paused, reason=reason, actor=actor)
        return execution_of(await self._forks_here().fork(execution_id, at, command, fork_id))

    async def plan_fork(self, execution_id: str, at: int) -> ForkPlan:
        """What a fork would share, and what it would do again; nothing is recorded. Errors as those of `fork`."""
        return await self._forks_here().plan(execution_id, at)

    async def forks(self, execution_id: str) -> list[Relative]:
        """The tree of forks that an execution is in, by id; itself alone where it has none.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        if await self._log.head(execution_id) is None:
            raise ExecutionNotFound(execution_id)
        return await family(self._log, execution_id)

    def _forks_here(self) -> Forking:
        return Forking(self._log, self._loader, self._clock)
