"""Forks, retries with other values, and upgrades over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from children import until
from serving import Service, serving

FLOW: dict[str, Any] = {
    "id": "orders",
    "name": "Orders",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data", "parameters": {"limit": 2}},
        {"name": "approve", "task_type": "wait_for_signal"},
        {"name": "store", "task_type": "store_data", "parameters": {"failure_rate": 0}},
    ],
    "conditions": [
        {"source_task": "fetch", "target_task_success": "approve"},
        {"source_task": "approve", "target_task_success": "store"},
    ],
}
FAILS = {
    "id": "fails",
    "name": "Fails",
    "start_task": "fetch",
    "tasks": [
        {"name": "fetch", "task_type": "fetch_data", "parameters": {"limit": {"$from": "/input/limit"}}},
    ],
}
SHELL_TASK = """
from flowsm import task

@task("shell")
def shell() -> None:
    raise AssertionError
"""
SHELL = {"id": "orders", "name": "Orders", "start_task": "x", "tasks": [{"name": "x", "task_type": "shell"}]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("versions")
    (folder / "shell.py").write_text(SHELL_TASK)
    with serving(folder, "--tasks", "shell.py") as running:
        yield running


async def _waiting(service: Service) -> str:
    execution_id: str = service.post("/flow/create", FLOW).json["execution_id"]
    assert service.post("/flow/execute", {"execution_id": execution_id}).status == 202
    await _comes_to(service, execution_id, "waiting")
    return execution_id


async def _comes_to(service: Service, execution_id: str, status: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def there() -> bool:
        found.update(service.curl(f"/flow/{execution_id}").json)
        return bool(found["status"] == status)

    await until(there)
    return found


async def test_a_fork_goes_on_by_itself(service: Service) -> None:
    """It is 201 with its place, shares the other's results with other values, ends by itself, and is in the tree."""
    origin = await _waiting(service)
    at = service.curl(f"/flow/{origin}").json["seq"]
    planned = service.post(f"/flow/{origin}/fork", {"at": at, "dry_run": True})
    assert (planned.status, planned.json["task"], planned.json["done"]) == (200, "approve", ["fetch"])
    body = {"at": at, "fork_id": f"{origin}-fork", "overrides": {"results.fetch.data.count": 7}, "reason": "why not"}
    made = service.post(f"/flow/{origin}/fork", body)
    assert made.status == 201, made.body
    fork = made.json["execution_id"]
    assert (fork, made.headers["location"]) == (f"{origin}-fork", f"/flow/{origin}-fork")
    assert service.curl(f"/flow/{fork}").json["task_results"]["fetch"]["data"]["count"] == 7
    service.post(f"/flow/{fork}/signal", {"name": "approve"})
    await _comes_to(service, fork, "completed")
    again = service.post(f"/flow/{origin}/fork", body)
    assert (again.status, again.json["code"]) == (409, "execution_exists")
    tree = service.curl(f"/flow/{fork}/forks").json
    assert [(one["execution_id"], one["forked_from"], one["forked_at"]) for one in tree] == [
        (origin, None, 0),
        (fork, origin, at),
    ]
    assert [one["status"] for one in tree] == ["waiting", "completed"]


async def test_a_fork_is_made_once(service: Service) -> None:
    """The same `Idempotency-Key` gives the same fork, other content is 409, and a stale `If-Match` makes none: 412."""
    origin = await _waiting(service)
    at, place = service.curl(f"/flow/{origin}").json["seq"], f"/flow/{origin}/fork"
    first, second = (
        service.post(place, {"at": at, "reason": why}, "-H", f"Idempotency-Key: {origin}") for why in ("one", "two")
    )
    assert (first.status, second.status) == (201, 201)
    assert first.json["execution_id"] == second.json["execution_id"]
    other = service.post(place, {"at": at, "paused": True}, "-H", f"Idempotency-Key: {origin}")
    assert (other.status, other.json["code"]) == (409, "start_conflict")
    stale = service.post(place, {"at": at}, "-H", f'If-Match: "{at - 1}"')
    assert (stale.status, stale.json["state"]) == (412, {"seq": at})
    assert service.post(place, {"at": at}, "-H", f'If-Match: "{at}"').status == 201
    assert len(service.curl(f"/flow/{origin}/forks").json) == 3


async def test_a_fork_with_another_version(service: Service) -> None:
    """A paused one waits; a version that does not take the path so far is 409; one that may not be posted is 403."""
    origin = await _waiting(service)
    at = service.curl(f"/flow/{origin}").json["seq"]
    other = FLOW | {"name": "Orders, renamed"}
    made = service.post(f"/flow/{origin}/fork", {"at": at, "flow": other, "paused": True})
    assert (made.status, made.json["status"], made.json["flow_name"]) == (201, "paused", "Orders, renamed")
    parted = service.post(f"/flow/{origin}/fork", {"at": at, "flow": FLOW | {"start_task": "store"}})
    assert (parted.status, parted.json["code"]) == (409, "upgrade_refused")
    ended = service.post("/flow/execute-sync", FAILS | {"start_task": "fetch"}).json
    refused = service.post(f"/flow/{ended['execution_id']}/fork", {"at": ended["seq"]})
    assert (refused.status, refused.json["code"]) == (409, "fork_refused")


@pytest.mark.parametrize("verb", ["fork", "upgrade"])
async def test_a_given_flow_is_checked_as_a_posted_one(service: Service, verb: str) -> None:
    """Task types that are not allowed are 403, errors 422 with all of them: with their places in the body."""
    origin = await _waiting(service)
    asked: dict[str, Any] = {"at": 1} if verb == "fork" else {}
    for dry in (True, False):
        answer = service.post(f"/flow/{origin}/{verb}", asked | {"flow": SHELL, "dry_run": dry})
        assert (answer.status, answer.json["findings"][0]["pointer"]) == (403, "/flow/tasks/0/task_type")
    broken = service.post(f"/flow/{origin}/{verb}", asked | {"flow": {"id": "x"}})
    assert broken.status == 422
    assert all(finding["pointer"].startswith("/flow") for finding in broken.json["findings"])
    for nothing in (None, 3, "flow.json", []):
        assert service.post(f"/flow/{origin}/{verb}", asked | {"flow": nothing}).status == 422


def test_a_retry_with_other_values(service: Service) -> None:
    """A failed execution goes on with them; a place that cannot have one is 409, and what is no place 422."""
    failed = service.post("/flow/execute-sync", {"flow": FAILS, "input": {"limit": "many"}}).json
    assert failed["status"] == "failed"
    place = f"/flow/{failed['execution_id']}/retry"
    absent = service.post(place, {"overrides": {"results.other.data": 1}})
    assert (absent.status, absent.json["code"]) == (409, "override_refused")
    whole = service.post(place, {"overrides": {"": 1}})
    assert (whole.status, whole.json["code"]) == (409, "override_refused")
    assert service.post(place, {"overrides": [1]}).status == 422
    ran = service.post(place, {"overrides": {"input.limit": 2}}, "-H", "Prefer: wait=20")
    assert (ran.status, ran.json["status"]) == (200, "completed")


async def test_an_upgrade(service: Service) -> None:
    """A dry run gives the verdict; then it goes on with the version; what is not safe is 409 with its reasons."""
    origin = await _waiting(service)
    tasks = [*FLOW["tasks"][:2], {"name": "store", "task_type": "process_data"}]
    better, place = FLOW | {"tasks": tasks, "name": "Better"}, f"/flow/{origin}/upgrade"
    verdict = service.post(place, {"flow": better, "dry_run": True})
    assert (verdict.status, verdict.json["safe"], verdict.json["seq"]) == (200, True, None)
    stale = service.post(place, {"flow": better}, "-H", 'If-Match: "1"')
    assert (stale.status, stale.json["code"]) == (412, "conflict")
    done = service.post(place, {"flow": better, "reason": "a bug", "actor": "Ada"})
    assert (done.status, done.json["flow_name"]) == (202, "Better"), done.body
    assert done.headers["etag"] == f'"{done.json["seq"]}"'
    assert service.post(place, {"flow": better}).json["seq"] == done.json["seq"]
    refused = service.post(place, {"flow": better | {"start_task": "store"}})
    assert (refused.status, refused.json["code"]) == (409, "upgrade_refused")
    service.post(f"/flow/{origin}/signal", {"name": "approve"})
    ended = await _comes_to(service, origin, "completed")
    assert "stored" not in ended["task_results"]["store"]["data"]


def test_what_is_not_there(service: Service) -> None:
    """Unknown executions are 404 for each of them, and events that are not there 422."""
    assert service.curl("/flow/unknown/forks").status == 404
    assert service.post("/flow/unknown/fork", {"at": 1}).status == 404
    assert service.post("/flow/unknown/upgrade", {"flow": FLOW}).status == 404
    ended = service.post("/flow/execute-sync", FAILS | {"start_task": "fetch"}).json["execution_id"]
    assert service.post(f"/flow/{ended}/fork", {"at": 99}).status == 422


async def test_a_dry_run_reads_the_headers_too(service: Service) -> None:
    """What could not be asked for in earnest is refused: an ETag, or a key, that is none."""
    origin = await _waiting(service)
    for verb, asked, header, status in (
        ("upgrade", {"flow": FLOW}, "If-Match: x", 400),
        ("fork", {"at": 1}, "If-Match: x", 400),
        ("fork", {"at": 1}, f"Idempotency-Key: {'x' * 401}", 422),
    ):
        answer = service.post(f"/flow/{origin}/{verb}", asked | {"dry_run": True}, "-H", header)
        assert answer.status == status, (verb, header, answer.body)
