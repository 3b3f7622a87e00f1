from __future__ import annotations

import asyncio
import contextvars
import queue
import subprocess
import sys
import threading

import pytest

from flowsm.tasks import threads
from flowsm.tasks.threads import DaemonThreads, run_in_daemon_thread

WORD = contextvars.ContextVar("WORD", default="none")


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)


async def test_result_and_error():
    """What the function returns is returned, and what it raises is raised, StopIteration as asyncio has it."""
    assert await run_in_daemon_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await run_in_daemon_thread(divmod, 7, 0)

    def stop():
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await run_in_daemon_thread(stop)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_no_function_ends_the_loop(error):
    """SystemExit and its like become a RuntimeError, so that one function cannot end every execution."""

    def leave():
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
        await run_in_daemon_thread(leave)
    assert caught.value.__cause__ is error


async def test_context_variables_are_copied():
    """The function sees the caller's context variables, and cannot change them."""
    WORD.set("mine")

    def look():
        seen = WORD.get()
        WORD.set("theirs")
        return seen, threading.current_thread().daemon

    assert await run_in_daemon_thread(look) == ("mine", True)
    assert WORD.get() == "mine"


async def test_threads_are_bounded_and_used_again():
    """At most `limit` calls run at once, the others wait for their turn, and idle threads are used again."""
    pool = DaemonThreads(2, 10)
    running, most, lock = 0, 0, threading.Lock()
    seen = set()
    both = threading.Barrier(2)

    def work(index):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            seen.add(threading.get_ident())
        if index < 2:
            both.wait(10)
        with lock:
            running -= 1
        return index

    assert await asyncio.gather(*(pool.run(work, index) for index in range(20))) == list(range(20))
    assert most == 2
    assert len(seen) == 2
    assert pool._threads == 2
    await pool.run(work, 3)
    assert pool._threads == 2


async def test_late_result_is_dropped():
    """A function whose await was cancelled keeps its thread to its end, and nobody sees its result."""
    pool = DaemonThreads(1, 10)
    started, release, ended = threading.Event(), threading.Event(), threading.Event()

    def hang():
        started.set()
        release.wait(10)
        ended.set()
        return "late"

    first = asyncio.create_task(pool.run(hang))
    await asyncio.sleep(0)
    assert started.wait(10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(pool.run(ended.is_set))
    await asyncio.sleep(0)
    assert not second.done()
    release.set()
    assert await second is True
    assert first.cancelled()


async def test_cancelled_before_its_turn():
    """A call that was cancelled while it waited for a thread is never made."""
    pool = DaemonThreads(1, 10)
    release, calls = threading.Event(), []
    first = asyncio.create_task(pool.run(release.wait, 10))
    second = asyncio.create_task(pool.run(calls.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    third = asyncio.create_task(pool.run(calls.append, "third"))
    release.set()
    await asyncio.gather(first, third)
    assert calls == ["third"]


def test_loop_that_is_gone():
    """A function that ends after its loop was closed raises nothing, and a waiting one is not called."""
    pool = DaemonThreads(1, 10)
    started, release, calls = threading.Event(), threading.Event(), []
    raised = []

    def hang():
        started.set()
        release.wait(10)

    async def leave():
        tasks = [asyncio.create_task(pool.run(hang)), asyncio.create_task(pool.run(calls.append, 1))]
        await asyncio.sleep(0)
        started.wait(10)
        return tasks

    before = threading.excepthook
    threading.excepthook = raised.append
    try:
        asyncio.run(leave())
        release.set()
        assert asyncio.run(pool.run(lambda: "next")) == "next"
    finally:
        threading.excepthook = before
    assert raised == []
    assert calls == []


def test_loop_closed_with_a_call_that_waits():
    """A call whose loop was closed without cancelling it is not made."""
    loop = asyncio.new_event_loop()
    calls = []

    async def make():
        return threads._Job(lambda: calls.append(1))

    job = loop.run_until_complete(make())
    loop.close()
    job.run()
    assert calls == []


def test_loop_closed_while_it_runs():
    """A function that ends after its loop was closed drops its result."""
    loop = asyncio.new_event_loop()

    async def make():
        return threads._Job(loop.close)

    job = loop.run_until_complete(make())
    job.run()
    assert not job.future.done()


async def test_idle_threads_end():
    """A thread that had nothing to do for a while ends, and the next call starts another."""
    pool = DaemonThreads(1, 0.01)
    first = await pool.run(threading.current_thread)
    first.join(10)
    assert not first.is_alive()
    assert pool._threads == 0
    assert await pool.run(lambda: 1) == 1


def test_call_that_comes_while_a_thread_ends():
    """A thread whose patience ends just when a call comes makes that call."""
    pool = DaemonThreads(1, 10)
    loop = asyncio.new_event_loop()
    calls = []

    async def make():
        return threads._Job(lambda: calls.append(1))

    class Late:
        answers = iter([queue.Empty(), loop.run_until_complete(make()), queue.Empty()])

        def get(self, timeout):
            answer = next(self.answers)
            if isinstance(answer, queue.Empty):
                raise answer
            return answer

    pool._jobs = Late()
    pool._threads = 1
    pool._work()
    loop.close()
    assert calls == [1]
    assert (pool._threads, pool._unclaimed) == (0, 0)


async def test_no_more_threads(monkeypatch):
    """When the system gives no thread, the call fails, and the next one is tried anew."""
    pool = DaemonThreads(1, 10)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="start new thread"):
            await pool.run(lambda: 1)
    assert await pool.run(lambda: 2) == 2


def test_hung_function_does_not_keep_the_interpreter():
    """The interpreter exits though a function hangs."""
    code = (
        "import asyncio, threading\n"
        "from flowsm.tasks.threads import run_in_daemon_thread\n"
        "started = threading.Event()\n"
        "def hang():\n"
        "    started.set()\n"
        "    threading.Event().wait()\n"
        "async def main():\n"
        "    task = asyncio.create_task(run_in_daemon_thread(hang))\n"
        "    await asyncio.sleep(0)\n"
        "    started.wait()\n"
        "asyncio.run(main())\n"
        "print('out')\n"
    )
    ended = run_python(code)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "out\n", "")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_forked_child_has_threads_of_its_own():
    """A forked child starts threads of its own, though its parent's were idle."""
    code = (
        "import asyncio, os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from flowsm.tasks.threads import run_in_daemon_thread\n"
        "asyncio.run(run_in_daemon_thread(int))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(asyncio.run(run_in_daemon_thread(lambda: 7)))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    ended = run_python(code)
    assert (ended.stdout, ended.stderr) == ("7\n", "")
