"""flowsm without `await`: the same manager for plain scripts and for notebooks.

    from flowsm.sync import FlowManager

    with FlowManager() as manager:
        result = manager.run("flow.json", {"customer": 7})
        print(result.status)

It works where no event loop runs and where one does (a notebook has one in the very thread that runs
its cells), for it is one thin portal over `flowsm.FlowManager`: a daemon thread with an event loop of
its own, on which every verb is awaited while the caller blocks. Ctrl-C ends the wait, not the
execution: that goes on in the background until the manager is closed, and `execute_flow` joins it.
A manager that is not closed is closed at exit; what was running then goes on when it is executed again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from flowsm import manager as core
from flowsm import starting
from flowsm.clock import Clock
from flowsm.errors import UsageError
from flowsm.events.envelope import Recorded
from flowsm.limits import ABANDON_AFTER_SECONDS, CONCURRENT_EXECUTIONS_DEFAULT, LEASE_SECONDS
from flowsm.runtime import following
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.following import After
from flowsm.runtime.secrets import SecretSource
from flowsm.runtime.settings import Limits
from flowsm.storage.open import Durability
from flowsm.tasks.factory import TaskFactory
from flowsm.tracing import Tracing

__all__ = ["ExecutionHandle", "FlowManager", "Following"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_LOOK_UP_SECONDS: Final = 1.0
"""How often a wait looks up: where Ctrl-C does not break a lock's wait, it is noticed then."""


class _Portal:
    """A daemon thread with an event loop, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def call(self, work: Coroutine[Any, Any, _R], timeout: float | None = None) -> _R:
        """Await the work on the portal's loop, and block until it is done; what it raises is raised here.

        Raises:
            UsageError: called from the portal's own thread, which would wait for itself.
            TimeoutError: it took longer than that many seconds.
        """
        if self._thread is threading.current_thread():
            work.close()
            raise UsageError(
                "a task cannot call the manager that runs it through flowsm.sync: await flowsm.FlowManager"
            )
        future = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return _wait(future, timeout)
        except BaseException:
            future.cancel()
            raise

    def is_running(self) -> bool:
        """Whether there is anything to close."""
        return self._loop is not None

    def stop(self) -> None:
        """End the loop and its thread; a later call starts another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():
                thread.join(ABANDON_AFTER_SECONDS)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="flowsm-sync", daemon=True)
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=ABANDON_AFTER_SECONDS))
        loop.close()


def _wait(future: concurrent.futures.Future[_R], timeout: float | None) -> _R:
    left = timeout
    while not future.done():
        concurrent.futures.wait([future], _LOOK_UP_SECONDS if left is None else min(left, _LOOK_UP_SECONDS))
        if left is not None:
            left -= _LOOK_UP_SECONDS
            if left <= 0 and not future.done():
                raise TimeoutError(f"it is not done after {timeout:g} s; it goes on in the background")
    return future.result()


def _blocking(
    verb: Callable[Concatenate[core.FlowManager, _P], Coroutine[Any, Any, _R]],
) -> Callable[Concatenate[FlowManager, _P], _R]:
    """A verb of the manager, as a method that blocks until it is done."""

    def call(self: FlowManager, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return self._portal.call(verb(self._core, *args, **kwargs))

    functools.update_wrapper(call, verb)
    return call


def _starting(
    verb: Callable[Concatenate[core.FlowManager, _P], Coroutine[Any, Any, starting.ExecutionHandle]],
) -> Callable[Concatenate[FlowManager, _P], ExecutionHandle]:
    """Likewise, for a verb that gives a handle."""

    def call(self: FlowManager, /, *args: _P.args, **kwargs: _P.kwargs) -> ExecutionHandle:
        return ExecutionHandle(self, self._portal.call(verb(self._core, *args, **kwargs)))

    functools.update_wrapper(call, verb)
    return call


def _direct(
    verb: Callable[Concatenate[core.FlowManager, _P], _R],
) -> Callable[Concatenate[FlowManager, _P], _R]:
    """Likewise, for a verb that is no coroutine: it runs where all others do."""

    def call(self: FlowManager, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        async def work() -> _R:
            return verb(self._core, *args, **kwargs)

        return self._portal.call(work())

    functools.update_wrapper(call, verb)
    return call


class ExecutionHandle:
    """An execution that was started and goes on in the background."""

    def __init__(self, manager: FlowManager, handle: starting.ExecutionHandle) -> None:
        self.execution_id = handle.execution_id
        self._manager = manager
        self._handle = handle

    def result(self, timeout: float | None = None) -> FlowExecution:
        """Block until the execution has ended, at most that many seconds.

        Raises:
            TimeoutError: it has not ended yet, and goes on.
        """
        return self._manager._portal.call(self._handle.result(), timeout)  # noqa: SLF001 (one module, one portal)

    def status(self) -> FlowExecution:
        """The execution as it is now."""
        return self._manager.get_flow_status(self.execution_id)


class Following:
    """`flowsm.runtime.following.Following`, blocking: the same promises for `for`, `with`, `done` and `close`."""

    def __init__(self, manager: FlowManager, following: following.Following) -> None:
        self.name = following.name
        self._manager = manager
        self._following = following
        self._turn: Iterator[Recorded] | None = None

    def __iter__(self) -> Iterator[Recorded]:
        """Begin, where the subscription stands, at the first event that was not done."""
        events = aiter(self._following)

        async def advance() -> Recorded | None:
            return await anext(events, None)

        try:
            while (event := self._call(advance())) is not None:
                yield event
        finally:
            self._call(self._following.aclose())

    def __next__(self) -> Recorded:
        """The next event of one iteration, without a loop; StopIteration once it is closed."""
        if self._turn is None:
            self._turn = iter(self)
        return next(self._turn)

    def __enter__(self) -> Self:
        self._call(self._following.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def done(self) -> None:
        """Count the event that was given last as done, before the next one is asked for.

        Raises:
            LogError: that could not be stored: the event may be told again.
            SubscriptionHeld: another consumer has taken over: it is told the event again.
        """
        self._call(self._following.done())

    def close(self) -> None:
        """Leave the subscription to whoever comes next; a loop that goes on ends."""
        self._call(self._following.aclose())

    def _call(self, work: Coroutine[Any, Any, _R]) -> _R:
        return self._manager._portal.call(work)  # noqa: SLF001 (one module, one portal)


class FlowManager:
    """`flowsm.FlowManager`, blocking: the same arguments, verbs, results and errors, without `await`.

    It may be used from any thread, and as a context manager. Verbs that are not listed here are found on the
    manager beneath all the same.
    """

    def __init__(
        self,
        path: str | Path = "flowsm.db",
        *,
        tasks: TaskFactory | None = None,
        durability: Durability = "full",
        allow_dirs: Iterable[str | Path] | None = None,
        allow_hosts: Iterable[str] = (),
        data_dir: str | Path | None = None,
        concurrency: int = CONCURRENT_EXECUTIONS_DEFAULT,
        recover: bool = False,
        lease_seconds: float = LEASE_SECONDS,
        limits: Limits | None = None,
        secrets: SecretSource | None = None,
        tracing: bool | Tracing = False,
        clock: Clock | None = None,
    ) -> None:
        self._core = core.FlowManager(
            path,
            tasks=tasks,
            durability=durability,
            allow_dirs=allow_dirs,
            allow_hosts=allow_hosts,
            data_dir=data_dir,
            concurrency=concurrency,
            recover=recover,
            lease_seconds=lease_seconds,
            limits=limits,
            secrets=secrets,
            tracing=tracing,
            clock=clock,
        )
        self._portal = _Portal()
        self._release = weakref.finalize(self, _close, self._core, self._portal)

    load_flow_config = _direct(core.FlowManager.load_flow_config)
    create_flow_execution = _direct(core.FlowManager.create_flow_execution)
    execute_flow = _blocking(core.FlowManager.execute_flow)
    start = _starting(core.FlowManager.start)
    run = _blocking(core.FlowManager.run)
    finish = _blocking(core.FlowManager.finish)
    signal = _blocking(core.FlowManager.signal)
    cancel = _blocking(core.FlowManager.cancel)
    pause = _blocking(core.FlowManager.pause)
    resume = _blocking(core.FlowManager.resume)
    retry = _blocking(core.FlowManager.retry)
    fork = _blocking(core.FlowManager.fork)
    plan_fork = _blocking(core.FlowManager.plan_fork)
    forks = _blocking(core.FlowManager.forks)
    resolve = _blocking(core.FlowManager.resolve)
    in_bulk = _blocking(core.FlowManager.in_bulk)
    remove_flow = _blocking(core.FlowManager.remove_flow)
    get_flow_status = _blocking(core.FlowManager.get_flow_status)
    events = _blocking(core.FlowManager.events)
    history = _blocking(core.FlowManager.history)
    executions = _blocking(core.FlowManager.executions)
    replay = _blocking(core.FlowManager.replay)
    state_at = _blocking(core.FlowManager.state_at)
    timeline = _blocking(core.FlowManager.timeline)
    diff = _blocking(core.FlowManager.diff)
    compare = _blocking(core.FlowManager.compare)
    explain = _blocking(core.FlowManager.explain)
    whatif = _blocking(core.FlowManager.whatif)
    coverage = _blocking(core.FlowManager.coverage)
    rehearse_upgrade = _blocking(core.FlowManager.rehearse_upgrade)
    upgrade = _blocking(core.FlowManager.upgrade)
    upgrade_in_bulk = _blocking(core.FlowManager.upgrade_in_bulk)
    subscriptions = _blocking(core.FlowManager.subscriptions)
    remove_subscription = _blocking(core.FlowManager.remove_subscription)
    resolve_id = _blocking(core.FlowManager.resolve_id)
    machine_of = _blocking(core.FlowManager.machine_of)
    summary = _blocking(core.FlowManager.summary)
    rebuild = _blocking(core.FlowManager.rebuild)
    verify = _blocking(core.FlowManager.verify)
    backup = _blocking(core.FlowManager.backup)
    anchor = _blocking(core.FlowManager.anchor)
    doctor = _blocking(core.FlowManager.doctor)
    archive = _blocking(core.FlowManager.archive)
    export = _blocking(core.FlowManager.export)
    open_file = _blocking(core.FlowManager.open_file)
    import_archive = _blocking(core.FlowManager.import_archive)

    def follow(self, name: str, *, types: Iterable[str] | None = None, after: After = "now") -> Following:
        """The events that a subscription is told of, for `for` and `with`; see `flowsm.FlowManager.follow`.

        Leave the loop, or close what this gives, to let others follow under that name.
        """
        return Following(self, self._core.follow(name, types=types, after=after))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._core, name)
        if not inspect.iscoroutinefunction(value):
            return value
        return functools.wraps(value)(lambda *args, **kwargs: self._portal.call(value(*args, **kwargs)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop what runs, let go of file and thread; what was running goes on when it is executed again."""
        _close(self._core, self._portal)


def _close(manager: core.FlowManager, portal: _Portal) -> None:
    """Close both, as far as they were used; called again it does nothing, and it waits for nobody for ever."""
    try:
        if portal.is_running():
            portal.call(manager.close(), 3 * ABANDON_AFTER_SECONDS)
    except UsageError:  # dropped by the portal's own thread
        return
    finally:
        portal.stop()
