"""An interpreter of flows that shares no code with flowsm: the routing of conditions, over the JSON document."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

__all__ = ["reference"]


def ref_value(scope: Any, pointer: str) -> tuple[bool, Any]:
    for token in pointer.split("/")[1:]:
        word = token.replace("~1", "/").replace("~0", "~")
        if isinstance(scope, dict) and word in scope:
            scope = scope[word]
        elif isinstance(scope, list) and word.isdigit() and int(word) < len(scope):
            scope = scope[int(word)]
        else:
            return False, None
    return True, scope


def ref_same(one: Any, other: Any) -> bool:
    """Equality of JSON: the texts are the same once numbers are written in one way."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value if isinstance(value, bool) or not isinstance(value, int | float) else float(value)

    return json.dumps(plain(one), sort_keys=True) == json.dumps(plain(other), sort_keys=True)


def ref_holds(clause: dict[str, Any], scope: Any) -> bool:
    there, seen = ref_value(scope, clause["path"])
    op, wanted = clause["op"], clause.get("value")
    if op == "exists":
        return there == (wanted is not False)
    if op == "empty":
        return (not there or json.dumps(seen) in {"null", '""', "[]", "{}"}) == (wanted is not False)
    if op in {"ne", "not_in"}:
        positive = {"ne": "eq", "not_in": "in"}[op]
        return not (there and ref_compare(positive, seen, wanted))
    return there and ref_compare(op, seen, wanted)


def ref_compare(op: str, seen: Any, wanted: Any) -> bool:
    if op == "eq":
        return ref_same(seen, wanted)
    if op == "in":
        return any(ref_same(seen, item) for item in wanted)
    if op == "contains":
        if isinstance(seen, list):
            return any(ref_same(item, wanted) for item in seen)
        return isinstance(seen, str | dict) and isinstance(wanted, str) and wanted in seen
    if op == "starts_with":
        return isinstance(seen, str) and isinstance(wanted, str) and seen[: len(wanted)] == wanted
    numbers = [isinstance(value, int | float) and not isinstance(value, bool) for value in (seen, wanted)]
    if not all(numbers) and not (isinstance(seen, str) and isinstance(wanted, str)):
        return False
    return {"lt": seen < wanted, "le": seen <= wanted, "gt": seen > wanted, "ge": seen >= wanted}[op]


def reference(flow: dict[str, Any], script: list[dict[str, Any]], value: Any) -> dict[str, Any]:
    """The route of a flow whose n-th attempt comes to the n-th entry of the script (the last one again and again)."""
    tasks = {task["name"]: task for task in flow["tasks"]}
    results: dict[str, Any] = {}
    path, attempts, transitions, starts, failures, here = [], Counter(), 0, 0, 0, flow["start_task"]
    while True:
        path.append(here)
        task, scope = tasks[here], {"input": value, "results": results}
        skip = task.get("skip_when", [])
        if skip and all(ref_holds(clause, scope) for clause in skip):
            results[here] = {"status": "skipped", "outcome": "skipped", "message": None, "data": None, "error": None}
        else:
            for _ in range(task.get("retry", {}).get("max_attempts", 1)):
                attempts[here] += 1
                given = script[min(starts, len(script) - 1)]
                starts += 1
                failed = given["status"] == "failure"
                error = {"type": "TaskFailed", "message": "broken"} if failed else None
                results[here] = {"message": None, "error": error} | given
                failures += failed
                if not failed or "TaskFailed" in task.get("retry", {}).get("non_retryable_errors", []):
                    break
        ended = results[here]
        status = None
        if transitions >= flow["max_transitions"]:
            status = "failed"
        else:
            transitions += 1
            asked = [condition for condition in flow["conditions"] if condition["source_task"] == here]
            target = asked[-1].get("target_task_failure", "end") if asked else "end"
            for condition in asked:
                met = condition.get("outcome", "success") == ended["outcome"]
                if met and all(ref_holds(clause, scope) for clause in condition.get("when", [])):
                    target = condition["target_task_success"]
                    break
            if target in tasks:
                here = target
                continue
            fails = target == "end_failure" or (target == "end" and ended["status"] == "failure")
            status = "failed" if fails else "completed"
        never = [name for name in tasks if name not in path]
        return {
            "path": path,
            "status": status,
            "skipped": never,
            "attempts": dict(attempts),
            "starts": starts,
            "failures": failures,
            "transitions": transitions,
            "results": {
                name: (result["status"], result["outcome"], result["data"]) for name, result in results.items()
            },
        }
