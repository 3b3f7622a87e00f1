"""Secrets over HTTP: which flows may use them, and what no caller gets to see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import ROOT, Service, serving

pytestmark = pytest.mark.processes

VALUE = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
TASKS = """
from flowsm import task

@task("pay")
def pay(key: str, context) -> dict:
    print("paying with", len(key))
    context.logger.error("paying with %s", key)
    return {"key": key, "length": len(key)}

@task("refuse")
def refuse(key: str) -> None:
    raise PermissionError(f"401 for {key}")
"""
KEY = {"$secret": "STRIPE_KEY"}


def flow(task_type: str = "pay", parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    given = {"key": KEY} if parameters is None else parameters
    task = {"name": "t", "task_type": task_type, "parameters": given}
    return {"id": "paying", "name": "Paying", "start_task": "t", "tasks": [task], **more}


def allow(*names: str) -> list[str]:
    return [word for name in names for word in ("--allow-secret", name)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("secrets")
    (made / "pay.py").write_text(TASKS)
    return made


OPTIONS = ("--tasks", "pay.py", "--allow-task", "pay", "--allow-task", "refuse", "--allow-import")


@pytest.fixture(scope="module")
def closed(folder: Path) -> Iterator[Service]:
    """A service whose operator allowed no secret."""
    with serving(folder, *OPTIONS, db="closed.db", FLOWSM_SECRET_STRIPE_KEY=VALUE) as running:
        yield running


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Service]:
    """A service whose operator allowed one."""
    options = (*OPTIONS, *allow("STRIPE_KEY"))
    with serving(
        folder, *options, db="opened.db", FLOWSM_SECRET_STRIPE_KEY=VALUE, FLOWSM_SECRET_OTHER=VALUE
    ) as running:
        yield running


SUBFLOW = {"id": "o", "name": "O", "start_task": "s", "tasks": [{"name": "s", "task_type": "subflow"}]}


def within(inner: dict[str, Any]) -> dict[str, Any]:
    return {**SUBFLOW, "tasks": [{"name": "s", "task_type": "subflow", "parameters": {"flow": inner}}]}


@pytest.mark.parametrize(
    ("posted", "place"),
    [
        (flow(), "/tasks/0/parameters/key"),
        (within(flow()), "/tasks/0/parameters/flow/tasks/0/parameters/key"),
        (within({"flow": flow()}), "/tasks/0/parameters/flow/flow/tasks/0/parameters/key"),
        (within(within(flow())), "/tasks/0/parameters/flow/tasks/0/parameters/flow/tasks/0/parameters/key"),
    ],
    ids=["own", "inner", "inner wrapped", "inner inner"],
)
def test_a_posted_flow_uses_no_secret_by_itself(closed: Service, posted: dict[str, Any], place: str) -> None:
    """Without the operator's word each way in is shut, for sub-flows too; the findings say where, and who can help."""
    waiting = closed.post("/flow/create", flow("wait_for_signal", {})).json["execution_id"]
    ways = [
        ("/flow/create", posted, ""),
        ("/flow/execute-sync", {"flow": posted}, "/flow"),
        ("/flow/whatif", posted, ""),
        (f"/flow/{waiting}/upgrade", {"flow": posted}, "/flow"),
        (f"/flow/{waiting}/fork", {"at": 1, "flow": posted}, "/flow"),
    ]
    for path, body, root in ways:
        answer = closed.post(path, body)
        assert (answer.status, answer.json["code"]) == (403, "secret_not_allowed"), (path, answer.body)
        (finding,) = answer.json["findings"]
        assert (finding["pointer"], finding["value"]) == (root + place, "STRIPE_KEY")
        assert "--allow-secret" in finding["hint"]
        assert "--allow-secret" in answer.json["detail"]
    checked = closed.post("/flow/validate", posted).json
    assert (checked["valid"], checked["findings"][0]["code"]) == (False, "secret_not_allowed")


def test_only_the_secrets_that_were_allowed(opened: Service) -> None:
    """One allowed secret is not another; with a task type that is not allowed the answer names both."""
    assert opened.post("/flow/validate", flow()).json["valid"] is True
    answer = opened.post("/flow/create", flow(parameters={"key": {"$secret": "OTHER"}}))
    assert (answer.status, answer.json["code"]) == (403, "secret_not_allowed")
    answer = opened.post("/flow/create", flow("shell", {"key": {"$secret": "OTHER"}}))
    assert answer.status in {403, 422}
    answer = opened.post("/flow/create", flow(parameters={"key": {"$secret": "O-THER"}}))
    assert (answer.status, answer.json["findings"][0]["code"]) == (422, "bad_secret")


def test_imported_flows_use_no_others(folder: Path, opened: Service, closed: Service) -> None:
    """What comes in by a file could be retried: its flows use the secrets that were allowed, or nothing comes in."""
    done = opened.post("/flow/execute-sync", flow()).json
    assert done["status"] == "completed"
    file = folder / "one.flowrun"
    file.write_text(opened.curl(f"/flow/{done['execution_id']}/export").body, newline="")
    answer = closed.curl("/flow/import", "--data-binary", f"@{file}", "-H", "Content-Type: application/x-ndjson")
    assert (answer.status, answer.json["code"]) == (403, "not_allowed")
    assert "'STRIPE_KEY'" in answer.json["detail"]
    assert closed.curl(f"/flow/{done['execution_id']}").status == 404
    answer = opened.curl("/flow/import", "--data-binary", f"@{file}", "-H", "Content-Type: application/x-ndjson")
    assert (answer.status, answer.json["present"]) == (200, 1)


def test_no_answer_no_file_and_no_line_holds_a_value(folder: Path) -> None:
    """Every path that can be read, every command that looks, and all that the service says, show the name alone."""
    environment = {"FLOWSM_SECRET_STRIPE_KEY": VALUE}
    with serving(folder, *OPTIONS, *allow("*"), db="all.db", **environment) as service:
        paid = service.post("/flow/execute-sync", flow()).json
        refused = service.post("/flow/execute-sync", flow("refuse")).json
        assert (paid["status"], refused["status"]) == ("completed", "failed")
        names = (paid["execution_id"], refused["execution_id"])
        assert service.curl(f"/flow/{names[0]}/tasks/t/result").json["data"] == {
            "key": "***STRIPE_KEY***",
            "length": len(VALUE),
        }
        digest = service.curl("/definitions").json["items"][0]["digest"]
        readable = [path for path, methods in service.curl("/openapi.json").json["paths"].items() if "get" in methods]
        looks = {
            path.replace("{execution_id}", name).replace("{task}", "t").replace("{digest}", digest)
            for path in readable
            if not path.endswith("/stream") and "{file}" not in path
            for name in names
        }
        answers = [service.curl(path) for path in sorted(looks)]
        assert sum(answer.status == 200 for answer in answers) > 25
        assert not any(VALUE in answer.body for answer in answers)
        command = ["curl", "--silent", "--max-time", "2", f"{service.url}/flow/{names[1]}/events/stream"]
        stream = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # which stays open
        assert "***STRIPE_KEY***" in stream
        assert VALUE not in stream
        service.stop()
        said = "\n".join(service.said)
    assert "paying with ***STRIPE_KEY***" in said
    assert VALUE not in said
    for words in ("show", "history", "events", "explain", "timeline"):
        assert VALUE not in _flowsm(folder, words, names[1], "--db", "all.db")
    assert VALUE not in _flowsm(folder, "testgen", names[0], "--db", "all.db")
    assert '"$secret": "STRIPE_KEY"' in json.dumps(
        json.loads(_flowsm(folder, "events", names[0], "--json", "--db", "all.db"))
    )
    for file in folder.glob("all.db*"):
        assert VALUE.encode() not in file.read_bytes()


def _flowsm(folder: Path, *words: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSM_")}
    ran = subprocess.run(
        [sys.executable, "-m", "flowsm", *words],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT), "FLOWSM_SECRET_STRIPE_KEY": VALUE},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not ran.stderr, ran.stderr
    return ran.stdout
