"""Signals that ask a command to stop, delivered to its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

__all__ = ["on_signals"]


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
