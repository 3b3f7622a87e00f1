"""The conventions of HTTP that the service keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from serving import Service, serving

from flowsm import FlowManager
from flowsm.service import create_app
from flowsm.service.description import main, openapi_text

ROOT = Path(__file__).parents[3]
FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "fetch_data",
    "tasks": [{"name": "fetch_data", "parameters": {"limit": 2}}],
}
WAITS = {"id": "w", "name": "W", "start_task": "wait_for_signal", "tasks": [{"name": "wait_for_signal"}]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("conventions")) as running:
        yield running


def _waiting(service: Service) -> str:
    """An execution that waits for a signal."""
    execution_id: str = service.post("/flow/create", WAITS).json["execution_id"]
    assert service.post("/flow/execute", {"execution_id": execution_id}).status == 202
    return execution_id


def test_a_key_makes_one_execution(service: Service) -> None:
    """The same key and content is answered with the same execution; the same key with other content is a conflict."""
    key = ("-H", "Idempotency-Key: order-1")
    first = service.post("/flow/create", FLOW, *key)
    assert first.json["execution_id"] == service.post("/flow/create", FLOW, *key).json["execution_id"]
    ran = service.post("/flow/execute-sync", FLOW, *key)
    assert (ran.json["execution_id"], ran.json["status"]) == (first.json["execution_id"], "completed")
    other = service.post("/flow/create", FLOW | {"name": "Other"}, *key)
    assert (other.status, other.json["code"]) == (409, "start_conflict")


def test_what_can_be_a_key(service: Service) -> None:
    """Printable ASCII, with spaces between as a task's name may have them; of other letters no two clients send the same."""
    for key in ("a", "order 4711:pay by card:1", "x" * 400):
        assert service.post("/flow/create", FLOW, "-H", f"Idempotency-Key: {key}").status == 201, key
    for key in ("x" * 401, "größe", "a\tb"):
        refused = service.post("/flow/create", FLOW, "-H", f"Idempotency-Key: {key}")
        assert (refused.status, refused.json["code"]) == (422, "invalid"), key
        assert "Idempotency-Key: expected 1 to 400 printable characters of ASCII" in refused.json["detail"]
    assert service.post("/flow/create", FLOW, "-H", "Idempotency-Key;").status == 422
    assert service.post("/flow/create", FLOW, "-H", "Idempotency-Key: a", "-H", "Idempotency-Key: b").status == 422


def test_signals_with_a_key(service: Service) -> None:
    """A signal that comes again with its key changes nothing, and says so."""
    execution_id = _waiting(service)
    key = ("-H", "Idempotency-Key: s-1")
    told = service.post(f"/flow/{execution_id}/signal", {"name": "wait_for_signal", "payload": 1}, *key)
    again = service.post(f"/flow/{execution_id}/signal", {"name": "wait_for_signal", "payload": 1}, *key)
    assert (told.json["recorded"], again.json["recorded"]) == (True, False)
    changed = service.post(f"/flow/{execution_id}/signal", {"name": "wait_for_signal", "payload": 2}, *key)
    assert (changed.status, changed.json["code"]) == (409, "signal_conflict")
    stale = service.post(
        f"/flow/{execution_id}/signal", {"name": "wait_for_signal", "payload": 1}, *key, "-H", 'If-Match: "1"'
    )
    assert (stale.status, stale.json["recorded"]) == (again.status, False), "who had no answer asks again"


def test_etags(service: Service) -> None:
    """The seq is the ETag: what is known already is 304; a verb that expects another seq is refused with the present one."""
    execution_id = _waiting(service)
    shown = service.curl(f"/flow/{execution_id}")
    etag = shown.headers["etag"]
    assert etag == f'"{shown.json["seq"]}"'
    for path in ("", "/status", "/state"):
        known = service.curl(f"/flow/{execution_id}{path}", "-H", f"If-None-Match: {etag}")
        assert (known.status, known.body) == (304, "")
    stale = service.post(f"/flow/{execution_id}/pause", {}, "-H", 'If-Match: "1"')
    assert (stale.status, stale.json["state"]) == (412, {"seq": shown.json["seq"]})
    paused = service.post(f"/flow/{execution_id}/pause", {"reason": "lunch"}, "-H", f"If-Match: {etag}")
    assert (paused.status, paused.json["status"]) == (202, "paused")
    assert paused.headers["etag"] != etag
    signalled = service.post(f"/flow/{execution_id}/signal", {"name": "x"}, "-H", f"If-Match: {etag}")
    assert signalled.status == 412
    assert service.post(f"/flow/{execution_id}/resume", {}, "-H", "If-Match: nonsense").status == 400


def test_a_state_never_changes(service: Service) -> None:
    """With `at` a state may be kept for ever; an event that is not there is 422."""
    execution_id = _waiting(service)
    first = service.curl(f"/flow/{execution_id}/state?at=2")
    assert "immutable" in first.headers["cache-control"]
    assert first.json["seq"] == 2
    service.post(f"/flow/{execution_id}/cancel", {})
    assert service.curl(f"/flow/{execution_id}/state?at=2").body == first.body
    assert "immutable" not in service.curl(f"/flow/{execution_id}/state").headers["cache-control"]
    assert service.curl(f"/flow/{execution_id}/state?at=999").status == 422


def test_who_prefers_to_wait(service: Service) -> None:
    """`Prefer: wait=N` answers at the end, or after so long; where it is looked at is always said."""
    took = service.post("/flow/execute-sync", WAITS, "-H", "Prefer: wait=1")
    assert (took.status, took.json["status"]) == (202, "waiting")
    place = took.headers["location"]
    ended = service.post(f"{place}/signal", {"name": "wait_for_signal"})
    assert ended.headers["location"] == place
    created = service.post("/flow/create", FLOW).json["execution_id"]
    ran = service.post("/flow/execute", {"execution_id": created}, "-H", "Prefer: respond-async, wait=10")
    assert (ran.status, ran.json["status"]) == (200, "completed")


def test_conflicts_say_what_is_possible(service: Service) -> None:
    """A verb that the state does not allow is 409 with the state and what it allows."""
    ended = service.post("/flow/execute-sync", FLOW).json["execution_id"]
    for verb, body in {
        "cancel": {},
        "pause": {},
        "resume": {},
        "retry": {},
        "resolve": {"resolution": "retry"},
    }.items():
        refused = service.post(f"/flow/{ended}/{verb}", body)
        assert (refused.status, refused.json["possible"]) == (409, ["remove"])
        assert refused.json["state"] == {"status": "completed"}


def test_every_misfit_is_told(service: Service) -> None:
    """A body, or a query, that does not fit is 422 with all findings and their pointers."""
    execution_id = _waiting(service)
    answer = service.post(f"/flow/{execution_id}/signal", {"nmae": "x", "outcome": 3, "actor": []})
    assert answer.status == 422
    found = {(finding["code"], finding["pointer"]) for finding in answer.json["findings"]}
    assert found == {
        ("unknown_field", "/nmae"),
        ("wrong_value", "/outcome"),
        ("wrong_value", "/actor"),
        ("missing_field", ""),
    }
    hints = {finding.get("hint") for finding in answer.json["findings"]}
    assert 'did you mean "name"?' in hints
    query = service.curl("/flows?limit=0&status=done&sort=up&since=noon").json["findings"]
    assert {finding["pointer"] for finding in query} == {"/query/limit", "/query/status", "/query/sort"}
    since = service.curl("/flows?since=noon")
    assert (since.status, since.json["findings"][0]["pointer"]) == (422, "/query/since")
    invalid = service.post("/flow/create", {"flow": FLOW | {"input_schema": {"type": "object"}}, "input": 3})
    assert (invalid.status, invalid.json["findings"][0]["pointer"]) == (422, "/input")


def test_pages(service: Service) -> None:
    """Lists are gone through by cursor, events by seq."""
    for _ in range(3):
        service.post("/flow/execute-sync", FLOW | {"id": "paged"})
    seen: list[str] = []
    cursor = ""
    while True:
        page = service.curl(f"/flows?flow=paged&limit=2{cursor}").json
        seen += [item["execution_id"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert len(seen) == len(set(seen)) == 3
    page = service.curl(f"/flow/{seen[0]}/events?limit=3").json
    assert [event["seq"] for event in page["items"]] == [1, 2, 3]
    assert service.curl(f"/flow/{seen[0]}/events?after={page['after']}").json["items"][0]["seq"] == 4
    stored = service.curl("/definitions?flow=paged").json["items"]
    assert service.curl(f"/definitions/{stored[0]['digest']}").json["id"] == "paged"


def test_an_export_can_be_imported(service: Service, tmp_path: Path) -> None:
    """What one service exports another takes in, where its operator allows that; a second time changes nothing."""
    ended = service.post("/flow/execute-sync", FLOW).json["execution_id"]
    exported = service.curl(f"/flow/{ended}/export")
    (tmp_path / "x.flowrun").write_text(exported.body)
    with serving(tmp_path, "--allow-import") as other:
        for imported, present in ((1, 0), (0, 1)):
            report = other.curl("/flow/import", "--data-binary", f"@{tmp_path / 'x.flowrun'}")
            assert report.status == 200, report.body
            assert (report.json["imported"], report.json["present"]) == (imported, present)
        assert other.curl(f"/flow/{ended}/status").json["status"] == "completed"
        broken = other.curl("/flow/import", "--data-binary", exported.body[:300])
        assert (broken.status, broken.json["code"]) == (422, "archive_broken")


def test_the_description_is_kept(service: Service, tmp_path: Path) -> None:
    """`schemas/openapi.json` is what the code makes and the service serves: `python -m flowsm.service.description schemas`."""
    text = openapi_text()
    assert (ROOT / "schemas" / "openapi.json").read_text("utf-8") == text
    assert service.curl("/openapi.json").json == json.loads(text)
    assert main([str(tmp_path)]) == 0
    assert (tmp_path / "openapi.json").read_text("utf-8") == text
    assert main([]) == 2


def test_every_reference_is_resolved() -> None:
    """The document holds all that it refers to, and each operation and parameter says what it is."""
    document = json.loads(openapi_text())

    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "$ref" and isinstance(item, str):
                    yield item
                else:
                    yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in set(references(document)):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    operations = [one for path in document["paths"].values() for one in path.values()]
    assert len({one["operationId"] for one in operations}) == len(operations) > 30
    assert all(one["summary"] and one["description"] for one in operations)


def test_documentation_needs_no_network(service: Service) -> None:
    """Both pages name only files that the service itself has."""
    for path, script in (("/docs", "swagger-ui/swagger-ui-bundle.js"), ("/redoc", "redoc/redoc.standalone.js")):
        page = service.curl(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "://" not in page.body
        assert f"assets/{script}" in page.body
        assert service.curl(f"/assets/{script}").status == 200
    assert service.curl("/assets/docs.js").headers["content-type"].startswith("text/javascript")
    assert "Apache License" in (ROOT / "flowsm/service/assets/swagger-ui/LICENSE").read_text()


async def test_it_can_be_mounted(tmp_path: Path) -> None:
    """In another application it lies below a path, which its links and its description know."""
    async with FlowManager(tmp_path / "flows.db") as manager:
        outer = FastAPI()
        outer.mount("/engine", create_app(manager))
        transport = httpx.ASGITransport(app=outer)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            ran = await client.post("/engine/flow/execute-sync", json=FLOW)
            assert (ran.status_code, ran.json()["status"]) == (200, "completed")
            assert ran.headers["location"] == f"/engine/flow/{ran.json()['execution_id']}"
            assert (await client.get(ran.headers["location"])).json() == ran.json()
            assert (await client.get("/engine/openapi.json")).json()["servers"] == [{"url": "/engine"}]
            assert (await client.get("/engine/nothing")).json()["code"] == "no_such_path"
            assert (await client.put("/engine/flow/create")).headers["allow"] == "POST"


def test_behind_a_proxy_that_takes_a_prefix_off(tmp_path: Path) -> None:
    """What the service says of places has the prefix before it, and what it is asked for has none."""
    with serving(tmp_path, "--root-path", "/engine/") as service:
        ran = service.post("/flow/execute-sync", FLOW)
        assert ran.headers["location"] == f"/engine/flow/{ran.json['execution_id']}"
        assert service.curl("/openapi.json").json["servers"] == [{"url": "/engine"}]
        assert service.curl("/page/js/main.js").status == 200


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--name", "http://flows/", "expected a host's name without a port"),
        ("--root-path", "engine", "expected a path that begins with a slash"),
        ("--allow-task", "nosuch", "task type 'nosuch' is not registered"),
    ],
)
def test_options_that_could_mean_nothing(tmp_path: Path, option: str, value: str, words: str) -> None:
    """A name, a prefix or a task type that cannot be meant is refused before anything is served."""
    command = [sys.executable, "-m", "flowsm", "serve", str(tmp_path / "f.db"), "--port", "0", option, value]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode in {2, 4}, words in ran.stderr) == (True, True), ran.stderr


@pytest.mark.parametrize("path", ["/flows?status=null", "/flow/x/state?at=null", "/flow/x/explain?seq=null"])
def test_a_query_has_no_null(service: Service, path: str) -> None:
    """What is not wanted is left out: the word `null` is another value."""
    answer = service.curl(path)
    assert (answer.status, answer.json["code"]) == (422, "invalid")
    assert answer.json["findings"][0]["pointer"].startswith("/query/")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("100000000000000000000", 422),
        ("[NaN]", 422),
        ("1e999", 422),
        ("-Infinity", 422),
        ('{"a": 1, "a": 2}', 400),
        ('"\\ud800"', 400),
    ],
)
def test_an_input_is_taken_as_it_is_or_not_at_all(service: Service, value: str, status: int) -> None:
    """What cannot be recorded as it was sent is refused with its place; what can is recorded to the letter."""
    flow = json.dumps(FLOW)
    for path in ("/flow/create", "/flow/execute-sync"):
        answer = service.post(path, f'{{"flow": {flow}, "input": {{"amount": {value}}}}}')
        assert answer.status == status, answer.body
        assert answer.json["findings"][0]["pointer"].startswith("/input/amount")
    kept = '{"amount":10.0,"large":18446744073709551615,"null":null}'
    made = service.post("/flow/create", f'{{"flow": {flow}, "input": {kept}}}').json["execution_id"]
    assert f'"input":{kept}' in service.curl(f"/flow/{made}/events").body
