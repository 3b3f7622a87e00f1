"""Signals that ask a command to stop: delivered to its event loop, or noted for it to see."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["noting_signals", "on_signals"]


@contextlib.contextmanager
def on_signals(stop: Callable[[int], None], *numbers: signal.Signals) -> Iterator[None]:
    """Meanwhile call `stop` on the running loop for each of these signals (SIGINT and SIGTERM when none are named)."""
    loop = asyncio.get_running_loop()
    added: list[signal.Signals] = []
    for number in numbers or (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
            loop.add_signal_handler(number, stop, number)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def noting_signals(noted: list[int]) -> Iterator[None]:
    """Meanwhile note the first SIGINT or SIGTERM, wherever the program stands, also in a write that nobody reads.

    Raises:
        KeyboardInterrupt: another one came.
    """

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)
        if len(noted) > 1:
            raise KeyboardInterrupt

    before: dict[signal.Signals, signal.Handlers | Callable[[int, FrameType | None], object] | int | None] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # not the main thread
                before[number] = signal.signal(number, note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
