"""The built-in task types, imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["BUILTINS"]


def _fetch_data() -> object:
    from flowsm.tasks.builtin.fetch import FetchData  # noqa: PLC0415 - only flows that use it pay for it

    return FetchData


def _process_data() -> object:
    from flowsm.tasks.builtin.process import ProcessData  # noqa: PLC0415 - likewise

    return ProcessData


def _store_data() -> object:
    from flowsm.tasks.builtin.store import StoreData  # noqa: PLC0415 - likewise

    return StoreData


def _wait() -> object:
    from flowsm.tasks.builtin.waits import Wait  # noqa: PLC0415 - likewise

    return Wait


def _wait_for_signal() -> object:
    from flowsm.tasks.builtin.waits import WaitForSignal  # noqa: PLC0415 - likewise

    return WaitForSignal


def _subflow() -> object:
    from flowsm.tasks.builtin.waits import Subflow  # noqa: PLC0415 - likewise

    return Subflow


BUILTINS: Final[dict[str, Callable[[], object]]] = {
    "fetch_data": _fetch_data,
    "process_data": _process_data,
    "store_data": _store_data,
    "subflow": _subflow,
    "wait": _wait,
    "wait_for_signal": _wait_for_signal,
}
