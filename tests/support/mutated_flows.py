"""Another version of a random flow, by seed: conditions swapped, added, removed, turned; tasks added, removed, retried."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import msgspec
from random_flows import HURRIED_SECONDS, TARGETS, WORDS, random_clauses

from flowsm.definition.load import check_flow
from flowsm.definition.model import FlowConfig

__all__ = ["mutated_flow"]

Document = dict[str, Any]


def nothing(rng: random.Random, flow: Document) -> None:
    """The same flow under another name: each history must take the same path."""
    flow["name"] += ", renamed"


def swap_conditions(rng: random.Random, flow: Document) -> None:
    """The conditions are asked in another order."""
    rng.shuffle(flow["conditions"])


def add_condition(rng: random.Random, flow: Document) -> None:
    """One more condition, in any place."""
    names = [task["name"] for task in flow["tasks"]]
    condition = {
        "name": f"added-{len(flow['conditions'])}",
        "source_task": rng.choice(names),
        "outcome": rng.choice(WORDS),
        "target_task_success": rng.choice(names * 3 + TARGETS),
        "target_task_failure": rng.choice(names * 3 + TARGETS),
        "when": random_clauses(rng, names),
    }
    flow["conditions"].insert(rng.randint(0, len(flow["conditions"])), condition)


def remove_condition(rng: random.Random, flow: Document) -> None:
    """One condition less."""
    if flow["conditions"]:
        flow["conditions"].remove(rng.choice(flow["conditions"]))


def turn_condition(rng: random.Random, flow: Document) -> None:
    """A condition that wants another outcome, or leads elsewhere, or looks at other values."""
    if not flow["conditions"]:
        return
    names = [task["name"] for task in flow["tasks"]]
    condition = rng.choice(flow["conditions"])
    field = rng.choice(["outcome", "target_task_success", "target_task_failure", "when"])
    condition[field] = {
        "outcome": lambda: rng.choice(WORDS),
        "when": lambda: random_clauses(rng, names),
    }.get(field, lambda: rng.choice(names + TARGETS))()


def add_task(rng: random.Random, flow: Document) -> None:
    """A task that never ran, in the place of some condition's target."""
    if not flow["conditions"]:
        return
    condition = rng.choice(flow["conditions"])
    target = condition["target_task_success"]
    flow["tasks"].append({"name": "added", "task_type": "scripted"})
    flow["conditions"].append({"name": "from added", "source_task": "added", "target_task_success": target})
    condition["target_task_success"] = "added"


def remove_task(rng: random.Random, flow: Document) -> None:
    """One task less; what led to it leads to an end."""
    if len(flow["tasks"]) == 1:
        return
    task = rng.choice(flow["tasks"])
    name = task["name"]
    flow["tasks"].remove(task)
    flow["conditions"] = [condition for condition in flow["conditions"] if condition["source_task"] != name]
    for condition in flow["conditions"]:
        for field in ("target_task_success", "target_task_failure"):
            if condition.get(field) == name:
                condition[field] = rng.choice(TARGETS)
    if flow["start_task"] == name:
        flow["start_task"] = flow["tasks"][0]["name"]


def change_retry(rng: random.Random, flow: Document) -> None:
    """A task is tried more often, or less, or other errors are worth another attempt."""
    task = rng.choice(flow["tasks"])
    task.pop("retry", None)
    if rng.random() < 0.7:
        errors = rng.choice([[], [], ["OSError"], ["TaskFailed"]])
        attempts = rng.randint(1, 4)
        task["retry"] = {
            "max_attempts": attempts,
            "max_interval": HURRIED_SECONDS / 2,
            "non_retryable_errors": errors,
        }


def change_skipping(rng: random.Random, flow: Document) -> None:
    """A task is skipped in other cases."""
    rng.choice(flow["tasks"])["skip_when"] = random_clauses(rng, [task["name"] for task in flow["tasks"]])


def change_bound(rng: random.Random, flow: Document) -> None:
    """More transitions, or fewer."""
    flow["max_transitions"] = rng.randint(1, 14)


def change_parameters(rng: random.Random, flow: Document) -> None:
    """A task's parameter refers to a result that may not be there."""
    names = [task["name"] for task in flow["tasks"]]
    rng.choice(flow["tasks"])["parameters"] = {"x": {"$from": f"/results/{rng.choice(names)}/data"}}


MUTATIONS: list[Callable[[random.Random, Document], None]] = [
    nothing,
    swap_conditions,
    add_condition,
    remove_condition,
    turn_condition,
    turn_condition,
    add_task,
    remove_task,
    change_retry,
    change_skipping,
    change_bound,
    change_parameters,
]


def mutated_flow(seed: int | str, flow: Document) -> Document:
    """A changed copy of a flow, without errors, always the same for one seed."""
    rng = random.Random(f"mutation {seed}")
    while True:
        changed = copy.deepcopy(flow)
        for mutate in rng.choices(MUTATIONS, k=rng.choice([1, 1, 2])):
            mutate(rng, changed)
        if check_flow(msgspec.convert(changed, FlowConfig)).flow is not None:
            return changed
