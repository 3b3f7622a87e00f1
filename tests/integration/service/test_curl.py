"""The endpoints of the earlier flow manager, asked with plain curl of a real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Service, serving

pytestmark = pytest.mark.processes

FLOW = {
    "id": "sample",
    "name": "Sample",
    "start_task": "fetch_data",
    "tasks": [{"name": "fetch_data"}, {"name": "process_data"}, {"name": "store_data"}],
    "conditions": [
        {"source_task": "fetch_data", "target_task_success": "process_data"},
        {"source_task": "process_data", "target_task_success": "store_data"},
    ],
}
FAILING = {
    "id": "failing",
    "name": "Failing",
    "start_task": "fetch_data",
    "tasks": [{"name": "fetch_data", "parameters": {"failure_rate": 1}}],
}
STATUS_KEYS = {
    "execution_id",
    "flow_name",
    "status",
    "current_task",
    "completed_tasks",
    "started_at",
    "ended_at",
    "task_results",
}
RESULT_KEYS = {"task_name", "status", "message", "data", "execution_time", "timestamp", "error"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    (folder / "sample.json").write_text(json.dumps({"flow": FLOW}))
    with serving(folder) as running:
        yield running


def test_root_lists_the_endpoints(service: Service) -> None:
    """`GET /` says what the service is and what can be asked of it."""
    answer = service.curl("/")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["service"] == "flowsm"
    assert {"POST /flow/create", "GET /flows", "DELETE /flow/{execution_id}"} <= answer.json["endpoints"].keys()


def test_health(service: Service) -> None:
    """`GET /health`, alive and ready, are 200 while the service works."""
    for path in ("/health", "/health/live", "/health/ready"):
        answer = service.curl(path)
        assert (answer.status, answer.json["status"]) == (200, "ok")


@pytest.mark.parametrize(
    "wrapped", [FLOW, {"flow": FLOW}, {"flow_config": {"flow": FLOW}}], ids=["bare", "flow", "config"]
)
def test_create_then_execute(service: Service, wrapped: object) -> None:
    """A flow in any wrapping is created, executed in the background, and its status and results are there."""
    created = service.post("/flow/create", wrapped)
    assert created.status == 201, created.body
    assert created.json.keys() == {"execution_id", "flow_name", "status", "message"}
    assert (created.json["flow_name"], created.json["status"]) == ("Sample", "created")
    execution_id = created.json["execution_id"]
    assert created.headers["location"] == f"/flow/{execution_id}"

    executed = service.post("/flow/execute", {"execution_id": execution_id}, "-H", "Prefer: wait=20")
    assert executed.status == 200, executed.body
    assert (executed.json["execution_id"], executed.json["status"]) == (execution_id, "completed")

    status = service.curl(f"/flow/{execution_id}/status")
    assert status.status == 200
    assert status.json.keys() >= STATUS_KEYS
    assert status.json["status"] == "completed"
    assert status.json["completed_tasks"] == ["fetch_data", "process_data", "store_data"]
    assert status.json["current_task"] is None
    assert status.json["task_results"]["fetch_data"].keys() >= RESULT_KEYS
    assert status.json["task_results"]["fetch_data"]["status"] == "success"

    result = service.curl(f"/flow/{execution_id}/tasks/fetch_data/result")
    assert result.json == status.json["task_results"]["fetch_data"]
    assert service.curl(f"/flow/{execution_id}/tasks/other/result").status == 404


def test_execute_answers_at_once(service: Service) -> None:
    """Without a preference the answer is 202, and says where to look."""
    waits = {"id": "w", "name": "W", "start_task": "wait_for_signal"}
    waits |= {"tasks": [{"name": "wait_for_signal", "parameters": {"name": "go"}}]}
    created = service.post("/flow/create", waits).json["execution_id"]
    executed = service.post("/flow/execute", {"execution_id": created})
    assert executed.status == 202
    assert executed.headers["location"] == f"/flow/{created}"
    assert executed.json["message"]
    assert service.curl(f"/flow/{created}").json["started_at"] is not None


def test_execute_sync_takes_a_file_as_curl_sends_it(service: Service, tmp_path: Path) -> None:
    """`curl -d @sample.json` runs a flow to its end, without a word about content types."""
    path = tmp_path / "sample.json"
    path.write_text(json.dumps({"flow": FLOW}, indent=2))
    answer = service.curl("/flow/execute-sync", "-d", f"@{path}")
    assert answer.status == 200, answer.body
    assert (answer.json["status"], answer.json["flow_name"]) == ("completed", "Sample")
    assert answer.json["task_results"]["store_data"]["data"]["stored"] == 8


def test_execute_sync_of_a_failing_flow(service: Service) -> None:
    """A flow that fails is answered with 200 and its execution."""
    answer = service.post("/flow/execute-sync", FAILING)
    assert (answer.status, answer.json["status"]) == (200, "failed")
    assert answer.json["task_results"]["fetch_data"]["status"] == "failure"
    assert answer.json["error"]


def test_input_stands_beside_a_wrapped_flow(service: Service) -> None:
    """`input` and `execution_id` beside the flow are the execution's; an id that is taken is a conflict."""
    body = {"flow": FLOW, "input": {"customer": 7}, "execution_id": "mine"}
    assert service.post("/flow/execute-sync", body).json["input"] == {"customer": 7}
    again = service.post("/flow/execute-sync", body)
    assert (again.status, again.json["code"]) == (409, "execution_exists")


def test_lists_and_summary(service: Service) -> None:
    """`GET /flows` lists executions, `GET /flows/summary` counts them, and tells of types and tasks."""
    service.post("/flow/execute-sync", FLOW)
    listed = service.curl("/flows?limit=2&status=completed").json
    assert {item["status"] for item in listed["items"]} == {"completed"}
    assert len(listed["items"]) <= 2
    summary = service.curl("/flows/summary").json
    assert summary["total_flows"] == sum(summary["status_counts"].values()) > 0
    assert "fetch_data" in summary["registered_task_types"]
    fetch = next(
        line for line in summary["task_metrics"] if (line["flow_id"], line["task"]) == ("sample", "fetch_data")
    )
    assert fetch["success_rate"] == 1.0
    assert fetch["mean_seconds"] >= 0


def test_delete(service: Service) -> None:
    """An ended execution is taken out of the lists; one that has not ended is a conflict, which says what is possible."""
    ended = service.post("/flow/execute-sync", FLOW).json["execution_id"]
    deleted = service.curl(f"/flow/{ended}", "-X", "DELETE")
    assert (deleted.status, deleted.json["execution_id"]) == (200, ended)
    assert ended not in {item["execution_id"] for item in service.curl("/flows").json["items"]}
    created = service.post("/flow/create", FLOW).json["execution_id"]
    refused = service.curl(f"/flow/{created}", "-X", "DELETE")
    assert (refused.status, refused.json["code"]) == (409, "illegal_command")
    assert refused.json["state"] == {"status": "created"}
    assert "cancel" in refused.json["possible"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/flow/unknown"),
        ("GET", "/flow/unknown/status"),
        ("GET", "/flow/unknown/tasks/fetch_data/result"),
        ("DELETE", "/flow/unknown"),
    ],
)
def test_unknown_ids(service: Service, method: str, path: str) -> None:
    """An execution that is not there is 404, with the string `detail` that FastAPI's clients read."""
    answer = service.curl(path, "-X", method)
    assert (answer.status, answer.json["code"]) == (404, "execution_not_found")
    assert answer.headers["content-type"] == "application/problem+json"
    assert isinstance(answer.json["detail"], str)
    assert answer.json["status"] == 404


def test_execute_of_an_unknown_id(service: Service) -> None:
    """It is 404, too."""
    assert service.post("/flow/execute", {"execution_id": "unknown"}).status == 404


@pytest.mark.parametrize("path", ["/flow/create", "/flow/execute-sync", "/flow/execute"])
def test_malformed_bodies(service: Service, path: str) -> None:
    """What is no JSON is 400."""
    for body in ('{"id": ', "\udcff", "[" * 100_000):
        answer = service.post(path, body)
        assert answer.status == 400, (path, answer.body)


def test_invalid_flows(service: Service) -> None:
    """A flow with errors is 422 with all of them: their codes and JSON pointers."""
    broken = {"flow": FLOW | {"start_task": "fecth_data", "tasks": [{"name": "fetch_data", "task_type": "nope"}]}}
    answer = service.post("/flow/create", broken)
    assert (answer.status, answer.json["code"]) == (422, "document_invalid")
    found = {(finding["code"], finding["pointer"]) for finding in answer.json["findings"]}
    assert any(pointer == "/flow/start_task" for _, pointer in found)
    assert any(pointer == "/flow/tasks/0/task_type" for _, pointer in found)


def test_unknown_paths_and_methods(service: Service) -> None:
    """They are problems too; a method that is not possible is told which are."""
    assert service.curl("/nothing").json["code"] == "no_such_path"
    answer = service.curl("/flow/create", "-X", "PUT")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


def test_it_stops_at_sigterm(tmp_path: Path) -> None:
    """SIGTERM ends the process with exit code 0, without a traceback."""
    with serving(tmp_path) as running:
        assert running.curl("/health").status == 200
        assert running.stop() == 0
        assert "Traceback" not in "\n".join(running.said)
