"""Executions that are hard to draw: large machines, loops, long names, long errors, deep data, many attempts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

__all__ = ["GALLERY", "LARGEST"]

_LONG = "reconcile-the-quarterly-ledger-of-the-northern-subsidiary"
_WORDS = "the upstream ledger of the northern subsidiary answered with something that nobody expected. "


def _task(name: str, task_type: str = "process_data", **more: Any) -> dict[str, Any]:
    parameters = more.pop("parameters", {"records": []} if task_type == "process_data" else {})
    return {"name": name, "task_type": task_type, "parameters": parameters, **more}


def _to(source: str, target: str, outcome: str = "success", otherwise: str = "end_failure") -> dict[str, Any]:
    return {
        "name": f"{source} {outcome} {target}",
        "source_task": source,
        "outcome": outcome,
        "target_task_success": target,
        "target_task_failure": otherwise,
    }


def _large() -> dict[str, Any]:
    """Thirty tasks: a long way with branches that meet again, a loop back, and one that waits."""
    tasks, conditions = [], []
    for number in range(10):
        names = [f"step {number}", f"check {number}", f"repair {number}"]
        tasks += [_task(names[0]), _task(names[1]), _task(names[2])]
        after = f"step {number + 1}" if number < 9 else "end"
        conditions += [
            _to(names[0], names[1], otherwise=names[2]),
            _to(names[1], after, otherwise=names[2]),
            _to(names[2], names[0] if number % 3 == 0 else after),
        ]
    tasks[13] = _task("check 4", "wait_for_signal", parameters={"name": "continue"})
    conditions[13:14] = [_to("check 4", "step 5", "approved"), _to("check 4", "step 0", "again", "repair 4")]
    return _flow("large", "Thirty tasks with loops", tasks, conditions)


def _flow(id: str, name: str, tasks: list[Any], conditions: list[Any]) -> dict[str, Any]:
    return {"id": id, "name": name, "start_task": tasks[0]["name"], "tasks": tasks, "conditions": conditions}


def _names() -> dict[str, Any]:
    first, second = f"fetch {_LONG} 日本語の名前も", f"{_LONG}-and-wait-for-a-person"
    return _flow(
        "long-names",
        f"Quarterly: {_LONG}, and everything that belongs to it",
        [_task(first, "fetch_data"), _task(second, "wait_for_signal")],
        [_to(first, second), _to(second, "end", f"approved-by-{_LONG}"[:60])],
    )


def _error() -> dict[str, Any]:
    place = "missing/" + "/".join(_WORDS.split() * 3) + ".json"
    return _flow("long-error", "A long error", [_task("fetch", "fetch_data", parameters={"data_source": place})], [])


def _deep() -> dict[str, Any]:
    data: Any = {"innermost": _WORDS * 12, "list": list(range(300))}
    for depth in range(18):
        data = {f"level {depth}": data, "flag": depth % 2 == 0, "empty": {}, "none": None}
    return _flow("deep", "Deep data", [_task("deep", parameters={"records": [data, {"wide": [{}] * 40}]})], [])


def _retries() -> dict[str, Any]:
    retry = {"max_attempts": 50, "initial_interval": 0.002, "backoff_coefficient": 1.0}
    task = _task("flaky", "fetch_data", parameters={"data_source": "nowhere.json"}, retry=retry)
    return _flow("retries", "Fifty attempts", [_task("before"), task], [_to("before", "flaky")])


GALLERY = {"large": _large(), "names": _names(), "error": _error(), "deep": _deep(), "retries": _retries()}
"""The flows, by short names."""


def _largest() -> dict[str, dict[str, Any]]:
    names = [f"task {number}" for number in range(60)]
    tasks = [_task(name) for name in names]
    chain = [_to(one, other) for one, other in pairwise(names)]
    fan = [_to(names[0], name, f"to {name}") for name in names[1:]]
    return {"chain": _flow("chain", "A chain", tasks, chain), "fan": _flow("fan", "A fan", tasks, fan)}


LARGEST = _largest()
"""Sixty tasks, one after another, and all but the first beside one another."""
