"""Hostile callers of a real service."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serving import ROOT, Service, serving

pytestmark = pytest.mark.processes

TOKEN = "operate-0123456789abcdef"
READ_TOKEN = "read-0123456789abcdef"
FLOW = {"id": "f", "name": "F", "start_task": "fetch_data", "tasks": [{"name": "fetch_data"}]}
FAILING = """
from flowsm import task

@task("broken")
def broken() -> None:
    raise ValueError("not today")
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One that has a task type of its own, which posted flows may not use."""
    folder = tmp_path_factory.mktemp("open")
    (folder / "tasks.py").write_text(FAILING)
    with serving(folder, "--tasks", "tasks.py") as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One that asks for tokens, and lets posted flows use a task type of its own."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "tasks.py").write_text(FAILING)
    options = ("--tasks", "tasks.py", "--allow-task", "broken")
    with serving(folder, *options, FLOWSM_TOKEN=TOKEN, FLOWSM_READ_TOKEN=READ_TOKEN) as running:
        yield running


def _bearer(token: str) -> tuple[str, str]:
    return ("-H", f"Authorization: Bearer {token}")


def _exchange(service: Service, data: bytes, seconds: float = 15) -> bytes:
    """What the service answers to these bytes until it closes the connection."""
    address = urlsplit(service.url)
    got = b""
    with socket.create_connection((address.hostname, address.port), timeout=seconds) as connection:
        connection.sendall(data)
        while part := connection.recv(65536):
            got += part
    return got


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", ""])
def test_another_name_is_turned_away(service: Service, host: str) -> None:
    """A name that was made to point here is none of the service's."""
    answer = service.curl("/flows", "-H", f"Host: {host}" if host else "Host;")
    assert answer.status in {400, 421}
    assert service.curl("/flows", "-H", "Host: localhost:9").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        ("Origin: http://evil.example",),
        ("Origin: null",),
        ("Origin: http://127.0.0.1:1",),
        ("Sec-Fetch-Site: cross-site",),
        ("Sec-Fetch-Site: same-site",),
    ],
)
def test_a_foreign_page_may_not_act(service: Service, headers: tuple[str, ...]) -> None:
    """What a page of another origin sends is refused, as a form or as anything else; the service's own page may act."""
    words = [word for header in headers for word in ("-H", header)]
    refused = service.curl("/flow/create", "-d", json.dumps(FLOW), *words)
    assert (refused.status, refused.json["code"]) == (403, "foreign_origin")
    own = service.curl("/flow/create", "-d", json.dumps(FLOW), "-H", f"Origin: {service.url}")
    assert own.status == 201


def test_answers_carry_safe_headers(service: Service) -> None:
    """Every answer says what a browser may do with it; no other origin is let in."""
    for path in ("/", "/flows", "/nothing"):
        headers = service.curl(path, "-H", "Origin: http://evil.example").headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["vary"] == "Accept, Authorization"  # a page for people, tracebacks for who operates
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_tokens(locked: Service) -> None:
    """Without a token nothing is told; the one for looking does not act; the other one does."""
    assert locked.curl("/health/ready").status == 200
    none = locked.curl("/flows")
    assert (none.status, none.headers["www-authenticate"]) == (401, 'Bearer realm="flowsm"')
    assert locked.curl("/flows", *_bearer(READ_TOKEN)).status == 200
    looking = locked.post("/flow/create", FLOW, *_bearer(READ_TOKEN))
    assert (looking.status, looking.json["code"]) == (403, "read_only")
    assert locked.post("/flow/create", FLOW, *_bearer(TOKEN)).status == 201


def test_a_caller_is_told_its_role(locked: Service, service: Service) -> None:
    """`GET /` says what its caller may do, and the log's name to who may operate: all of them where no token is asked for."""
    answers = [locked.curl("/", *_bearer(token)).json for token in (TOKEN, READ_TOKEN, "x")]
    answers += [locked.curl("/").json, service.curl("/").json]
    shown = [(one["role"], one["log"]) for one in answers]
    assert shown == [("operate", "flows.db"), ("read", None), (None, None), (None, None), ("operate", "flows.db")]


@pytest.mark.parametrize(
    "guess", ["", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "x" * 10_000, "ö", "null", f"{TOKEN} {TOKEN}", "\udcff"]
)
def test_guesses_of_a_token(locked: Service, guess: str) -> None:
    """None of them lets anybody in, and all are answered alike."""
    answer = locked.curl("/flows", *_bearer(guess))
    assert answer.status == 401
    assert answer.json == locked.curl("/flows").json


def test_other_schemes_are_no_bearer(locked: Service) -> None:
    """The token in another scheme's place lets nobody in."""
    assert locked.curl("/flows", "-H", f"Authorization: Basic {TOKEN}").status == 401
    assert locked.curl("/flows", "-H", f"Authorization: {TOKEN}").status == 401
    assert locked.curl(f"/flows?token={TOKEN}").status == 401


def test_tracebacks_are_for_those_who_operate(locked: Service) -> None:
    """An attempt's recorded traceback is data for one role, and left out for the other, wherever it would be."""
    flow = {"id": "b", "name": "B", "start_task": "broken", "tasks": [{"name": "broken"}]}
    execution = locked.post("/flow/execute-sync", flow, *_bearer(TOKEN)).json["execution_id"]
    seen = set()
    for path in ("events", "state", "timeline", "explain", "diff?first=1", "events/stream?until_ended=true", ""):
        place = f"/flow/{execution}/{path}".rstrip("/")
        both = [locked.curl(place, "-N", *_bearer(token)).body for token in (TOKEN, READ_TOKEN)]
        if "Traceback (most recent call last)" in both[0]:
            seen.add(path)
        assert "Traceback (most recent" not in both[1], path
        assert "not today" in both[1], path
    assert {"events", "state", "events/stream?until_ended=true"} <= seen
    assert locked.curl(f"/flow/{execution}/export", *_bearer(READ_TOKEN)).status == 403


@pytest.mark.parametrize(
    ("options", "environment", "word"),
    [
        (("--host", "0.0.0.0"), {}, "FLOWSM_TOKEN"),
        (("--host", "0.0.0.0"), {"FLOWSM_TOKEN": "short"}, "16"),
        ((), {"FLOWSM_READ_TOKEN": READ_TOKEN}, "FLOWSM_TOKEN"),
        (("--host", "192.0.2.1"), {"FLOWSM_TOKEN": TOKEN}, "cannot listen"),
    ],
)
def test_it_does_not_begin_unsafely(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], word: str
) -> None:
    """Beyond loopback a token is demanded, and one that cannot be guessed."""
    command = [sys.executable, "-m", "flowsm", "serve", "x.db", "--port", "0", *options]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSM_")}
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 2
    assert word in ran.stderr
    assert "Traceback" not in ran.stderr


def test_beyond_loopback_with_a_token(tmp_path: Path) -> None:
    """With a token it listens everywhere, under any name."""
    with serving(tmp_path, "--host", "0.0.0.0", FLOWSM_TOKEN=TOKEN) as running:
        running.url = running.url.replace("0.0.0.0", "127.0.0.1")
        assert running.curl("/flows", "-H", "Host: flows.example", *_bearer(TOKEN)).status == 200
        assert running.curl("/flows").status == 401


@pytest.mark.parametrize("path", ["/flow/create", "/flow/execute-sync", "/flow/validate", "/flow/execute"])
def test_a_body_that_is_too_large(service: Service, path: str) -> None:
    """It is 413, as soon as that is known: from its length, or on the way."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
    declared = _exchange(service, f"{head}Content-Length: 999999999\r\n\r\n".encode())
    assert declared.startswith(b"HTTP/1.1 413")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    sent = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 21 + b"0\r\n\r\n"
    assert _exchange(service, sent).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        '{"a":' * 100_000,
        '{"flow": ' + '{"a":' * 70 + "1" + "}" * 71,
        '{"id": "a", "id": "b"}',
        '{"id": NaN}',
        "\ufeff",
        "null",
        "[]",
        '"text"',
        "12",
        "[" + "1," * 500_001 + "1]",
    ],
    ids=["brackets", "braces", "deep", "twice", "nan", "mark", "null", "list", "text", "number", "many"],
)
def test_bodies_that_are_no_flow(service: Service, text: str) -> None:
    """Whatever is sent is a problem of the sender's."""
    for path in ("/flow/create", "/flow/execute-sync", "/flow/whatif", "/flow/execute"):
        answer = service.post(path, text)
        assert answer.status in {400, 413, 422}, (path, answer.status)
        assert answer.json["detail"]
    assert service.post("/flow/validate", text).json["valid"] is False


@pytest.mark.parametrize(
    "execution_id",
    ["..%2F..%2Fetc%2Fpasswd", "%2e%2e", "$log", "a%00b", "x" * 101, "%C3%28", "a%20b", "*", "%24log", "-"],
)
def test_ids_that_lead_nowhere(service: Service, execution_id: str) -> None:
    """A path in place of an id, or what can be no id, is not found."""
    for rest in ("", "/status", "/events", "/state", "/export", "/events/stream", "/graph"):
        assert service.curl(f"/flow/{execution_id}{rest}", "--path-as-is").status == 404
    assert service.curl(f"/page/{execution_id}", "--path-as-is").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/..%2fapp.py",
        "/page/%2e%2e/app.py",
        "/assets/../../errors/base.py",
        "/page//etc/passwd",
    ],
)
def test_files_that_are_not_served(service: Service, path: str) -> None:
    """Only the files of the page and of the documentation are."""
    assert service.curl(path, "--path-as-is").status == 404


def _task(task_type: str, **parameters: object) -> dict[str, object]:
    task = {"name": "t", "task_type": task_type, "parameters": parameters}
    return {"id": "h", "name": "H", "start_task": "t", "tasks": [task]}


@pytest.mark.parametrize(
    "flow",
    [
        _task("store_data", storage_path="../../escape.json"),
        _task("store_data", storage_path="escape.json"),
        _task("store_data", storage_path="~/escape.json"),
        _task("store_data", storage_path="flows.db", format="json"),
        _task("fetch_data", data_source="/etc/hostname", format="csv"),
        _task("fetch_data", data_source="file:///etc/hostname"),
        _task("fetch_data", data_source="http://127.0.0.1:1/"),
        _task("fetch_data", data_source="http://169.254.169.254/latest/meta-data/"),
        _task("fetch_data", data_source="http://localhost/"),
        _task("fetch_data", data_source="http://[::1]/"),
        _task("fetch_data", data_source="http://2130706433/"),
        _task("fetch_data", data_source="gopher://127.0.0.1/"),
    ],
    ids=lambda flow: str(flow["tasks"][0]["parameters"]),
)
def test_no_file_and_no_host_is_touched(service: Service, flow: dict[str, object]) -> None:
    """A posted flow's task that names a file, or a host, fails: none is allowed unless the operator says so."""
    answer = service.post("/flow/execute-sync", flow)
    assert (answer.status, answer.json["status"]) == (200, "failed")
    error = answer.json["error"]
    assert any(word in error for word in ("not allowed", "expected a path", "stands for no folder", "records")), error


@pytest.mark.parametrize(
    "flow",
    [
        _task("broken"),
        _task("subflow", flow="operators-own"),
        _task("subflow", flow={"$from": "/input/flow"}),
        _task("subflow", flow=_task("broken")),
        _task("subflow", flow={"flow": _task("subflow", flow={"flow_config": {"flow": _task("broken")}})}),
    ],
    ids=["type", "named", "from data", "inner", "inner inner"],
)
def test_task_types_that_are_not_allowed(service: Service, flow: dict[str, object]) -> None:
    """A posted flow uses no code but what the operator allowed, sub-flows included; the findings say where."""
    for path in ("/flow/create", "/flow/execute-sync"):
        answer = service.post(path, {"flow": flow})
        assert (answer.status, answer.json["code"]) == (403, "task_type_not_allowed")
        assert answer.json["findings"][0]["pointer"].startswith("/flow/tasks/0")
    assert service.post("/flow/validate", {"flow": flow}).json["valid"] is False
    listed = {view["task_type"]: view["allowed"] for view in service.curl("/tasks").json}
    assert (listed["broken"], listed["fetch_data"]) == (False, True)


def test_imports_are_for_whoever_the_operator_lets(service: Service) -> None:
    """What is imported could be retried, whatever its tasks are: it is refused by default."""
    answer = service.curl("/flow/import", "--data-binary", "x")
    assert (answer.status, answer.json["code"]) == (403, "import_not_allowed")


def test_what_the_operator_allows(tmp_path: Path) -> None:
    """A folder of the service's own, in which relative paths begin, and which none leaves; a flow by its name."""
    (tmp_path / "tasks.py").write_text(FAILING)
    options = ("--tasks", "tasks.py", "--data-dir", "data/own", "--allow-flow", "operators-own")
    with serving(tmp_path, *options) as service:
        records = {"records": [{"a": 1}], "format": "json"}
        stored = service.post("/flow/execute-sync", _task("store_data", storage_path="orders/one.json", **records))
        assert stored.json["status"] == "completed", stored.json["error"]
        assert json.loads((tmp_path / "data/own/orders/one.json").read_text())
        fetched = service.post("/flow/execute-sync", _task("fetch_data", data_source="orders/one.json"))
        assert fetched.json["status"] == "completed", fetched.json["error"]
        (tmp_path / "data/secret.json").write_text("[]")
        for path in ("../secret.json", str(tmp_path / "data/secret.json"), "orders/../../secret.json"):
            refused = service.post("/flow/execute-sync", _task("fetch_data", data_source=path)).json
            assert "not allowed" in refused["error"]
        named = service.post("/flow/execute-sync", _task("subflow", flow="operators-own"))
        assert (named.status, "no flow with id 'operators-own'" in named.json["error"]) == (200, True), named.json
        taken = service.post("/flow/create", _task("fetch_data") | {"id": "operators-own"})
        assert (taken.status, taken.json["code"]) == (403, "flow_id_not_allowed")
        inside = _task("subflow", flow=_task("fetch_data") | {"id": "operators-own"})
        assert (
            service.post("/flow/execute-sync", inside).json["findings"][0]["pointer"] == "/tasks/0/parameters/flow/id"
        )
        other = service.post("/flow/create", _task("subflow", flow="another"))
        assert (other.status, other.json["findings"][0]["hint"]) == (
            403,
            "the service's operator allows it with --allow-flow",
        )


def test_nothing_stands_beside_a_flow_that_is_rehearsed(service: Service) -> None:
    """What would have no meaning there is refused, not ignored."""
    answer = service.post("/flow/whatif", {"flow": FLOW, "input": 1, "paused": True})
    assert (answer.status, [finding["pointer"] for finding in answer.json["findings"]]) == (422, ["/input", "/paused"])
    assert service.post("/flow/whatif", {"flow": FLOW}).status == 200


@pytest.mark.parametrize(
    ("given", "pointer"), [("null", "/input"), ('{"n": "x"}', "/input/n"), ('{"n": 1, "n": 2}', "/input/n")]
)
def test_an_input_is_checked_with_its_flow(service: Service, given: str, pointer: str) -> None:
    """Whoever lets a flow be checked with an input beside it is told what is wrong about that, too."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    task = {"name": "fetch", "task_type": "fetch_data"}
    flow = json.dumps({"id": "fussy", "name": "Fussy", "start_task": "fetch", "tasks": [task], "input_schema": schema})
    answer = service.post("/flow/validate", f'{{"flow": {flow}, "input": {given}}}').json
    assert (answer["valid"], [one["pointer"] for one in answer["findings"]]) == (False, [pointer])
    assert service.post("/flow/validate", f'{{"flow": {flow}, "input": {{"n": 1}}}}').json["valid"] is True
    assert service.post("/flow/validate", flow).json["valid"] is True
