"""The asyncio task that drives executions: it knows who cancelled it.

Tasks' code runs inside it. What that code cancels of its own accord is that task's failure; a cancellation from
elsewhere (the manager is closed, the loop ends) stops the driver, and leaves an attempt without a result.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any, Final

__all__ = ["DriverTask", "calm", "forgive", "is_cancelled", "leave_behind", "settle"]


_GROUPS: Final = asyncio.TaskGroup.__module__


class DriverTask(asyncio.Task[None]):
    """Counts the cancellations that the code which it runs asked of itself."""

    _own = 0
    _of_groups = 0
    _given_up = False
    inner: asyncio.Task[Any] | None = None
    """What it waits for at present, which runs the code of an attempt that has a deadline."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it; from inside, it is noted whose wish that was.

        A `TaskGroup` one of whose members failed asks from a callback, for the code that runs inside: where that waits
        for the group's end already, Python 3.11 does not take it back.
        """
        try:
            current = asyncio.current_task()
        except RuntimeError:  # no loop runs: the one it belongs to is being ended
            return super().cancel(msg)
        if current is self:
            self._own += 1
        elif current is None and sys._getframe(1).f_globals.get("__name__") == _GROUPS:  # noqa: SLF001 (nobody else tells)
            self._of_groups += 1
        return super().cancel(msg)

    def interrupt(self) -> bool:
        """Cancel it on somebody else's behalf, from wherever that is asked: it is no wish of the code inside."""
        return super().cancel()

    def give_up(self) -> None:
        """From now on it stays cancelled, whatever its code does about that: what that comes to is dropped."""
        self._given_up = True
        if not self.cancelling():
            super().cancel()

    def uncancel(self) -> int:
        """Take one cancellation back, unless it was given up; returns how many are left."""
        if self._given_up:
            return self.cancelling()
        self._of_groups = max(0, self._of_groups - 1)
        return super().uncancel()

    def withdraw(self) -> bool:
        """Take back what was asked for from inside; whether there was anything."""
        own, self._own = self._own, 0
        for _ in range(own):
            self.uncancel()
        return own > 0

    def take_back(self) -> bool:
        """Take back what groups of tasks asked for, and did not take back themselves; whether there was anything."""
        count = self._of_groups
        for _ in range(count):
            self.uncancel()
        return count > 0


async def settle() -> None:
    """Take back what groups of tasks left behind, which failed in the code that the running driver ran."""
    current = asyncio.current_task()
    if isinstance(current, DriverTask) and current.take_back():
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)  # what was not delivered yet is delivered here


def is_cancelled() -> bool:
    """Whether somebody asked that the running asyncio task be cancelled, and did not take it back."""
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


async def calm(task: asyncio.Task[Any] | None) -> bool:
    """Take back the one cancellation that stopped what the running asyncio task did; whether there was no other."""
    if task is None or task.uncancel():
        return False
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # asked for from inside, and not delivered yet
    return not task.cancelling()


async def forgive() -> bool:
    """Let the running driver go on although the code inside it has cancelled it; whether it had.

    Raises:
        asyncio.CancelledError: it was cancelled from elsewhere.
    """
    current = asyncio.current_task()
    if not isinstance(current, DriverTask) or not current.withdraw():
        return False
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)  # what was not delivered yet is delivered here
    if is_cancelled():
        raise asyncio.CancelledError
    return True


def leave_behind(task: asyncio.Task[Any]) -> None:
    """Give up an asyncio task that does not stop: the end of its loop (`asyncio.run`) does not wait for it either."""
    inner = task.inner if isinstance(task, DriverTask) else None
    if inner is not None:
        leave_behind(inner)
    asyncio.tasks._unregister_task(task)  # noqa: SLF001 (documented for those who make tasks of their own)
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 (as `asyncio.gather` does)
