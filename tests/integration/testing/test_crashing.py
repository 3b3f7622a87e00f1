"""crash_everywhere: tasks whose effects bear repetition pass, others are found out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from flowsm import TaskContext, TaskFactory
from flowsm.testing import Signal, crash_everywhere

FLOW = {
    "id": "order",
    "name": "Order",
    "start_task": "book",
    "tasks": [
        {"name": "book", "task_type": "book", "retry": {"max_attempts": 2, "initial_interval": 3600}},
        {"name": "approval", "task_type": "wait_for_signal", "parameters": {"timeout": 86_400}},
        {"name": "rest", "task_type": "wait", "parameters": {"seconds": 86_400}},
        {
            "name": "ship",
            "task_type": "subflow",
            "parameters": {
                "flow": {
                    "id": "ship",
                    "name": "Ship",
                    "start_task": "pack",
                    "tasks": [{"name": "pack", "task_type": "pack"}],
                }
            },
        },
    ],
    "conditions": [
        {"source_task": "book", "target_task_success": "approval"},
        {"source_task": "approval", "outcome": "approved", "target_task_success": "rest"},
        {"source_task": "rest", "target_task_success": "ship"},
    ],
}


class Shop:
    """Books orders, and packs them; the first attempt to book fails."""

    def __init__(self, *, keyed: bool) -> None:
        self.keyed = keyed
        self.booked: dict[str, int] = {}
        self.packed: set[str] = set()
        self.tasks = TaskFactory()
        self.tasks.register_task("book", self.book)
        self.tasks.register_task("pack", self.pack)

    def clear(self) -> None:
        self.booked.clear()
        self.packed.clear()

    async def book(self, context: TaskContext) -> str:
        if context.attempt == 1:
            raise OSError("the shop is closed")
        key = context.idempotency_key if self.keyed else f"order {len(self.booked) + 1}"
        self.booked[key] = 1
        return key

    async def pack(self, context: TaskContext) -> None:
        self.packed.add(context.idempotency_key)

    def check(self) -> None:
        assert len(self.booked) == 1, f"it was booked {len(self.booked)} times"
        assert len(self.packed) == 1


def test_effects_with_a_key_bear_a_crash_anywhere() -> None:
    """A flow with a retry, a signal, a timer and a sub-flow comes to the same end through a crash at every append."""
    shop = Shop(keyed=True)
    signals = [Signal(name="approval", outcome="approved")]
    survived = crash_everywhere(FLOW, shop.tasks, {"order": 7}, shop.check, before=shop.clear, signals=signals)
    assert survived >= 2 * 8


def test_an_effect_without_a_key_is_found_out() -> None:
    """A task that does its work twice when its result was not recorded is named with the append at which that shows."""
    shop = Shop(keyed=False)
    signals = [Signal(name="approval", outcome="approved")]
    with pytest.raises(AssertionError, match=r"after a crash before .* append \d+ \(task.completed.*booked 2 times"):
        crash_everywhere(FLOW, shop.tasks, None, shop.check, before=shop.clear, signals=signals)


def test_a_check_may_say_false() -> None:
    """A check that returns False has failed, and the run is named."""
    with pytest.raises(AssertionError, match="without a crash: the check of the effects does not hold"):
        crash_everywhere(FLOW, Shop(keyed=True).tasks, None, lambda: False, signals=[Signal(name="approval")])


def test_another_end_is_found_out() -> None:
    """An end that is another after a crash fails, with both."""
    runs: list[str] = []

    async def fickle(context: TaskContext) -> str:
        runs.append(context.task_name)
        if len(runs) > 2:
            raise OSError("enough")
        return "fine"

    tasks = TaskFactory()
    tasks.register_task("fickle", fickle)
    flow = {"id": "f", "name": "F", "start_task": "a", "tasks": [{"name": "a", "task_type": "fickle"}]}
    with pytest.raises(AssertionError, match="the end is another"):
        crash_everywhere(flow, tasks)


def test_nobody_to_speak_is_said() -> None:
    """A flow that waits for a signal that nobody gives does not hang."""
    shop = Shop(keyed=True)
    flow = {"id": "w", "name": "W", "start_task": "w", "tasks": [{"name": "w", "task_type": "wait_for_signal"}]}
    with pytest.raises(AssertionError, match="waits for somebody at 'w': give signals="):
        crash_everywhere(flow, shop.tasks)


@pytest.mark.parametrize("policy", ["ask", "retry"])
def test_a_transaction_bears_a_crash_anywhere(tmp_path: Path, policy: str) -> None:
    """What a task does in the transaction that records its result is there once; who is asked says to run it again."""
    counts: list[int] = []

    async def count(context: TaskContext) -> int:
        def add(connection: Callable[..., sqlite3.Cursor]) -> int:
            connection.execute("CREATE TABLE IF NOT EXISTS counts (n)")
            connection.execute("INSERT INTO counts VALUES (1)")
            found = connection.execute("SELECT count(*) FROM counts").fetchone()[0]
            counts.append(found)
            return found

        return await context.transaction(add)

    tasks = TaskFactory()
    tasks.register_task("count", count)
    task = {"name": "a", "task_type": "count", "on_interrupt": policy}
    flow = {"id": "f", "name": "F", "start_task": "a", "tasks": [task]}
    assert crash_everywhere(flow, tasks, check=lambda: set(counts) == {1}, allow_dirs=[tmp_path]) >= 4
