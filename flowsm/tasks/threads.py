"""Threads for functions that are not async: daemons, so that a hung function does not keep the interpreter alive.

`asyncio.to_thread` and `ThreadPoolExecutor` join their threads when the interpreter exits. Here a
function whose await was cancelled keeps its thread until it ends; what it gives then is dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from flowsm.limits import BLOCKING_IDLE_SECONDS, BLOCKING_TASKS_MAX

__all__ = ["DaemonThreads", "run_in_daemon_thread"]

T = TypeVar("T")


class _Job:
    """One call, and where its result goes."""

    __slots__ = ("call", "future", "loop")

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[tuple[Any, BaseException | None]] = self.loop.create_future()

    def run(self) -> None:
        """Call, unless nobody waits for it any more, and hand the result to the loop, if that is still there."""
        if self.future.cancelled() or self.loop.is_closed():
            return
        outcome: tuple[Any, BaseException | None]
        try:
            outcome = (self.call(), None)
        except Exception as error:  # noqa: BLE001 - it is raised where the function is awaited
            outcome = (None, error)
        except BaseException as error:  # noqa: BLE001 - SystemExit in the loop would end every other execution
            ended = RuntimeError(f"the function raised {type(error).__name__}: {error}")
            ended.__cause__ = error
            outcome = (None, ended)
        try:
            self.loop.call_soon_threadsafe(self._deliver, outcome)
        except RuntimeError:  # the loop is closed: nobody waits
            return

    def _deliver(self, outcome: tuple[Any, BaseException | None]) -> None:
        if not self.future.done():
            self.future.set_result(outcome)


class DaemonThreads:
    """At most `limit` daemon threads, started when needed, ended when idle; further calls wait their turn."""

    def __init__(self, limit: int, idle_seconds: float) -> None:
        self._limit, self._idle_seconds = limit, idle_seconds
        self._forget()

    def _forget(self) -> None:
        """Begin anew: in a forked child none of the parent's threads exist."""
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._threads = 0
        self._unclaimed = 0  # idle threads less waiting jobs; below zero, jobs wait for a thread

    async def run(self, function: Callable[..., T], /, *args: object) -> T:
        """Call the function in a thread, with a copy of the present context variables.

        Raises what the function raises; what is no `Exception` (SystemExit) becomes a RuntimeError.
        """
        context = contextvars.copy_context()
        job = _Job(lambda: context.run(function, *args))
        with self._lock:
            self._jobs.put(job)
            self._unclaimed -= 1
            start = self._unclaimed < 0 and self._threads < self._limit
            if start:
                self._threads += 1
                self._unclaimed += 1
        if start:
            try:
                threading.Thread(target=self._work, name="flowsm-task", daemon=True).start()
            except RuntimeError:  # the system gives no more; the job stays behind, cancelled
                job.future.cancel()
                with self._lock:
                    self._threads -= 1
                    self._unclaimed -= 1
                raise
        value, error = await job.future
        if error is not None:
            try:
                raise error
            finally:
                del job, error  # the traceback holds this frame
        result: T = value
        return result

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._idle_seconds)
            except queue.Empty:
                with self._lock:
                    if self._unclaimed <= 0:  # a job came just now
                        continue
                    self._unclaimed -= 1
                    self._threads -= 1
                return
            job.run()
            del job
            with self._lock:
                self._unclaimed += 1


_THREADS = DaemonThreads(BLOCKING_TASKS_MAX, BLOCKING_IDLE_SECONDS)
if hasattr(os, "register_at_fork"):  # pragma: no branch - every system that can fork has it
    os.register_at_fork(after_in_child=_THREADS._forget)  # noqa: SLF001 - the module's own


async def run_in_daemon_thread(function: Callable[..., T], /, *args: object) -> T:
    """Call a function that blocks, in one of at most `BLOCKING_TASKS_MAX` daemon threads of this process.

    Context variables are copied. When the await is cancelled, the function goes on to its end, keeps
    its thread until then, and its result is dropped. Raises what the function raises.
    """
    return await _THREADS.run(function, *args)
