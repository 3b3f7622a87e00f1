"""What callers are told whose requests are refused, by an application that is asked in this process."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from flowsm import FlowManager
from flowsm.definition.load import load_flow
from flowsm.errors import LogUnavailable, PluginBroken
from flowsm.service import create_app
from flowsm.service.areas import AREAS
from flowsm.service.desk import Desk
from flowsm.service.openapi import openapi
from flowsm.service.options import ServiceOptions
from flowsm.service.problems import Refusal


def one(task_type: str, **parameters: object) -> dict[str, Any]:
    task = {"name": "t", "task_type": task_type, "parameters": parameters}
    return {"id": "f", "name": "F", "start_task": "t", "tasks": [task]}


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[FlowManager]:
    (tmp_path / "data").mkdir()
    async with FlowManager(tmp_path / "flows.db", durability="normal", data_dir=tmp_path / "data") as made:
        yield made


@pytest.fixture
async def client(manager: FlowManager) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(manager, ServiceOptions(allow_import=True)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


@pytest.mark.parametrize(
    ("task_type", "name", "path"),
    [
        *[("fetch_data", "data_source", path) for path in ("../flows.db.json", "link/a.json", "none.json")],
        *[("store_data", "storage_path", path) for path in ("../flows.db.json", "link/a.json")],
    ],
)
async def test_no_path_of_the_service_is_told(
    client: httpx.AsyncClient, tmp_path: Path, task_type: str, name: str, path: str
) -> None:
    """A file that a task may not touch, or that is not there, is named as the flow named it, and not where it lies."""
    (tmp_path / "data" / "link").symlink_to(tmp_path)
    ran = await client.post("/flow/execute-sync", json=one(task_type, **{name: path}, records=[]))
    error = ran.json()["task_results"]["t"]["error"]
    assert path in error
    assert str(tmp_path) not in error


async def test_no_path_of_an_import_is_told(client: httpx.AsyncClient) -> None:
    """What is wrong with an archive is wrong with the body: where it was kept meanwhile is nobody's affair."""
    told = await client.post("/flow/import", content=b"no archive")
    assert (told.status_code, told.json()["code"]) == (422, "archive_broken")
    assert told.json()["detail"].startswith("the body")
    assert "/" not in told.json()["detail"]


@pytest.mark.parametrize("is_asked_between", [True, False])
async def test_an_id_that_is_chosen_again_is_another_execution(
    client: httpx.AsyncClient, manager: FlowManager, tmp_path: Path, is_asked_between: bool
) -> None:
    """Of an execution that another process archived nothing is shown any more, and nothing of it under its id's next one."""
    body = {"flow": one("fetch_data"), "execution_id": "x"}
    places = ("/state", "/state?at=1", "/diff?first=0&second=1", "/graph?seq=1", "/timeline", "")
    await client.post("/flow/execute-sync", json=body | {"input": "old"})
    assert all([(await client.get(f"/flow/x{place}")).status_code == 200 for place in places])
    async with FlowManager(tmp_path / "flows.db") as other:
        await other.archive(tmp_path / "old.flowarchive", older_than=timedelta(0))
        if is_asked_between:
            assert not [place for place in places if (await client.get(f"/flow/x{place}")).status_code != 404]
        await other.run(load_flow(one("fetch_data")), "new", execution_id="x")
    for place in ("/state", "/state?at=1", "/diff?first=0&second=1"):
        told = (await client.get(f"/flow/x{place}")).text
        assert ("new" in told, "old" in told) == (True, False), place
    state, _ = await manager._loader.load("x")
    assert state.input == "new"


@pytest.mark.parametrize(
    ("chosen", "words"),
    [({"start_at": "2999-01-01T00:00:00Z"}, "begins at 2999-01-01"), ({"paused": True}, "goes on when it is resumed")],
)
async def test_what_cannot_begin_yet_is_accepted_and_says_why(
    client: httpx.AsyncClient, chosen: dict[str, Any], words: str
) -> None:
    """An execution that is to begin later, or is paused, is not kept waiting for, and is not called running."""
    made = (await client.post("/flow/create", json={"flow": one("fetch_data")} | chosen)).json()
    async with asyncio.timeout(5):
        told = await client.post("/flow/execute", json={"execution_id": made["execution_id"]})
    assert (told.status_code, words in told.json()["message"]) == (202, True)


async def test_why_it_does_not_begin_is_told(
    client: httpx.AsyncClient, manager: FlowManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log cannot be written that is why an execution does not begin, and not that there is no room."""
    made = (await client.post("/flow/create", json=one("fetch_data"))).json()

    async def full(*_: object) -> None:
        raise LogUnavailable("flows.db", "the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(manager._log, "append", full)
        async with asyncio.timeout(5):
            told = await client.post("/flow/execute", json={"execution_id": made["execution_id"]})
        assert (told.status_code, "the disk is full" in told.json()["detail"]) == (503, True)
    begun = await client.post("/flow/execute", json={"execution_id": made["execution_id"]})
    assert begun.json()["status"] in {"running", "completed"}


async def test_a_service_that_stops_answers_with_what_is_begun(manager: FlowManager) -> None:
    """Whoever waits for an end when the service stops is told where the execution stands: it is begun, and goes on."""
    desk = Desk(manager, ServiceOptions(), AREAS)
    handle = await manager.start(load_flow(one("wait_for_signal")))
    waiting = asyncio.ensure_future(desk.ended(handle.execution_id))
    await asyncio.sleep(0)
    desk.stop()
    assert (await waiting, await desk.ended(handle.execution_id)) == (None, None)
    await manager.cancel(handle.execution_id)


async def test_a_query_that_nobody_reads_is_refused(client: httpx.AsyncClient) -> None:
    """Who asks for a point in time, or gives a reason, where that is not read, is told so, and nothing is done."""
    made = (await client.post("/flow/create", json={"flow": one("fetch_data"), "execution_id": "x"})).json()
    for method, path in (("GET", "/flow/x/status?at=3"), ("POST", "/flow/x/pause?now=true"), ("DELETE", "/flow/x?a=b")):
        told = await client.request(method, path)
        assert (told.status_code, told.json()["code"], "expected no query" in told.json()["detail"]) == (
            422,
            "invalid",
            True,
        )
    assert (await client.get("/flow/x/status")).json()["status"] == made["status"] == "created"
    assert [(await client.get(path)).status_code for path in ("/?utm=1", "/health?x=1", "/metrics?x=1")] == [200] * 3


async def test_a_word_that_is_none_is_answered_with_those_that_are(client: httpx.AsyncClient) -> None:
    """An unknown status, or form, is refused with the ones that there are."""
    told = (await client.get("/flows?status=nope")).json()["detail"]
    assert "'nope', expected one of created, running, waiting" in told
    told = (await client.get("/flow/x/graph?format=svg")).json()["detail"]
    assert "'svg', expected one of json, mermaid, dot, text" in told
    told = (await client.post("/flow/create", json={"flow": one("wait"), "start_at": "tomorrow"})).json()["detail"]
    assert "expected one such as 2027-01-31T09:30:00Z at /start_at" in told


async def test_definitions_are_paged(client: httpx.AsyncClient) -> None:
    """A cursor of them can stand in an address as it is, and asks for those that come after."""
    for name in ("fetch_data", "process_data"):
        await client.post("/flow/create", json=one(name))
    first = (await client.get("/definitions?limit=1")).json()
    assert re.fullmatch("[A-Za-z0-9_=-]+", first["cursor"])
    second = (await client.get(f"/definitions?limit=1&cursor={first['cursor']}")).json()
    assert (len({first["items"][0]["digest"], second["items"][0]["digest"]}), second["cursor"]) == (2, None)
    assert (await client.get("/definitions?cursor=x")).status_code == 422


async def test_what_a_service_that_stops_did_not_begin(manager: FlowManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution that the service was about to begin when it stopped is not said to be begun."""
    desk = Desk(manager, ServiceOptions(), AREAS)
    name = await manager.create(load_flow(one("fetch_data")))
    asked = asyncio.Event()

    async def never(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(manager._log, "append", never)
    beginning = asyncio.ensure_future(desk.begun(name))
    await asked.wait()
    desk.stop()
    await manager._bound().close()
    with pytest.raises(Refusal, match="is not begun"):
        await beginning


async def test_why_a_plugin_is_broken_is_for_who_operates(
    manager: FlowManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the code of a task type cannot be loaded is told to all, and what its import said to the role operate."""

    def broken(task_type: str) -> None:
        raise PluginBroken(task_type, "acme-tasks", "No module named 'acme' (/srv/acme.py)")

    monkeypatch.setattr(manager.tasks, "info", broken)
    tokens = {"operate": "operate-" + "a" * 20, "read": "read-" + "b" * 20}
    options = ServiceOptions(token=tokens["operate"], read_token=tokens["read"])
    transport = httpx.ASGITransport(app=create_app(manager, options))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
        for role, is_told in (("operate", True), ("read", False)):
            (found, *_) = (await asking.get("/tasks", headers={"Authorization": f"Bearer {tokens[role]}"})).json()
            assert ("distribution 'acme-tasks'" in found["problem"], "/srv" in found["problem"]) == (True, is_told)


async def test_the_log_has_no_path(
    client: httpx.AsyncClient, manager: FlowManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that cannot be used is the log, whatever its file is called."""

    async def fail(*_: object) -> None:
        raise LogUnavailable(str(tmp_path / "flows.db"), "the disk is full")

    monkeypatch.setattr(manager, "ready", fail)
    monkeypatch.setattr(manager, "get_flow_status", fail)
    for path in ("/health", "/flow/x"):
        told = await client.get(path)
        assert (told.status_code, "the log: the disk is full" in told.json()["detail"]) == (503, True)
        assert str(tmp_path) not in told.text


@pytest.mark.parametrize("path", ["/flow/create", "/flow/validate", "/flow/x/signal", "/flow/import"])
async def test_a_compressed_body_is_not_taken(client: httpx.AsyncClient, path: str) -> None:
    """Who sends it is told what to do, and in which coding it is taken; `identity` is none."""
    said = gzip.compress(json.dumps(one("store_data")).encode())
    told = await client.post(path, content=said, headers={"Content-Encoding": "GZip"})
    assert (told.status_code, told.json()["code"]) == (415, "body_encoded")
    assert "'gzip'" in told.json()["detail"]
    assert "without Content-Encoding" in told.json()["detail"]
    assert told.headers["accept-encoding"] == "identity"
    plain = await client.post("/flow/create", json=one("store_data"), headers={"Content-Encoding": "identity"})
    assert plain.status_code == 201
    twice = [("Content-Encoding", "identity"), ("Content-Encoding", "gzip, identity")]
    told = await client.post(path, content=said, headers=twice)
    assert (told.status_code, told.json()["code"]) == (415, "body_encoded")
    twice = [("Content-Encoding", "identity"), ("Content-Encoding", "")]
    assert (await client.post("/flow/create", json=one("store_data"), headers=twice)).status_code == 201


def test_every_body_may_be_refused_for_its_coding() -> None:
    """The description says so wherever a body is taken."""
    taking = [one for area in AREAS for one in area.operations if one.body is not None and not one.hidden]
    paths = openapi(AREAS)["paths"]
    assert taking
    for operation in taking:
        path = operation.path.replace(":path}", "}")
        assert "415" in paths[path][operation.method.lower()]["responses"], path


FLOW = one("store_data")


@pytest.mark.parametrize("path", ["/flow/create", "/flow/execute-sync", "/flow/validate"])
@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        (
            {"flow": FLOW, "pause": True},
            "/pause",
            ("expected only flow, and beside it $schema, input, execution_id, start_at, paused", '"paused"?'),
        ),
        ({"flow_config": {"flow": FLOW}, "x": 1}, "/x", ("flow_config, and beside it $schema, input", "")),
        ({"flow_config": {"flow": FLOW, "input": 1}}, "/flow_config/input", ("a wrapping", "beside flow_config")),
        (FLOW | {"input": 1}, "/input", ("fields of a flow", 'wrapped flow: {"flow": {…}, "input": …}')),
        (FLOW | {"inputs": 1}, "/inputs", ("fields of a flow", "")),
    ],
)
async def test_what_may_stand_beside_a_flow_is_told(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], pointer: str, words: tuple[str, str]
) -> None:
    """Where options are taken, a field that is none is answered with those that are, and with the place for them."""
    (told,) = (await client.post(path, json=body)).json()["findings"]
    assert (told["code"], told["pointer"]) == ("unknown_field", pointer)
    assert words[0] in told["message"]
    assert words[1] in told.get("hint", "")


async def test_a_member_of_no_use_is_answered_with_those_that_are(client: httpx.AsyncClient) -> None:
    """Who has the wrong word for one is told the right ones, of a body and of a query."""
    made = (await client.post("/flow/create", json=FLOW)).json()["execution_id"]
    told = await client.post(f"/flow/{made}/resolve", json={"as": "retry"})
    assert "expected only resolution, outcome, data, message, reason, actor at /as" in told.json()["detail"]
    told = await client.get(f"/flow/{made}/events?form=3")
    assert told.json()["detail"].startswith("expected only after, ")


async def test_nothing_is_told_to_stand_where_nothing_can(client: httpx.AsyncClient) -> None:
    """A flow that is only rehearsed has no options."""
    (told,) = (await client.post("/flow/whatif", json={"flow": FLOW, "x": 1})).json()["findings"]
    assert "start_at" not in told["message"]


async def test_a_moment_without_an_offset_is_answered_with_one(client: httpx.AsyncClient) -> None:
    """The very moment that was sent is shown with an offset: it could mean many."""
    told = await client.post("/flow/create", json={"flow": FLOW, "start_at": "2027-01-31T09:30:00"})
    assert told.status_code == 422
    (finding,) = told.json()["findings"]
    assert (finding["pointer"], finding["value"]) == ("/start_at", '"2027-01-31T09:30:00"')
    assert "2027-01-31T09:30:00Z in UTC, or 2027-01-31T09:30:00+02:00" in finding["message"]
    assert "expected a moment with its offset from UTC" in told.json()["detail"]
    taken = await client.post("/flow/create", json={"flow": FLOW, "start_at": "2027-01-31T09:30:00+02:00"})
    assert taken.status_code == 201


@pytest.mark.parametrize("beside", [{"paused": True}, {"start_at": "2999-01-31T09:30:00Z"}])
async def test_nobody_waits_for_what_cannot_end(client: httpx.AsyncClient, beside: dict[str, Any]) -> None:
    """What is paused, or begins later than the caller would wait, is answered at once, with where it is looked at."""
    headers = {"Idempotency-Key": "k"}
    told = await client.post("/flow/execute-sync", json={"flow": one("store_data"), **beside}, headers=headers)
    assert (told.status_code, told.json()["ended_at"]) == (202, None)
    place = told.headers["location"]
    assert (await client.get(place)).json()["execution_id"] == told.json()["execution_id"]
    assert (await client.post(f"{place}/cancel")).status_code == 200
    again = await client.post("/flow/execute-sync", json={"flow": one("store_data"), **beside}, headers=headers)
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


async def test_what_begins_in_time_is_waited_for(client: httpx.AsyncClient) -> None:
    """A moment that is over is one in time."""
    body = {"flow": one("wait", seconds=0), "start_at": "2020-01-31T09:30:00Z"}
    told = await client.post("/flow/execute-sync", json=body)
    assert (told.status_code, told.json()["status"]) == (200, "completed")


async def test_a_key_is_that_of_a_beginning_too(client: httpx.AsyncClient) -> None:
    """A second start that is paused, or at another moment, under the first one's key is answered with what differs."""
    headers = {"Idempotency-Key": "k"}
    first = await client.post("/flow/create", json={"flow": FLOW, "paused": True}, headers=headers)
    again = await client.post("/flow/create", json={"flow": FLOW, "paused": True}, headers=headers)
    assert first.json()["execution_id"] == again.json()["execution_id"]
    for path in ("/flow/create", "/flow/execute-sync"):
        told = await client.post(path, json={"flow": FLOW}, headers=headers)
        assert (told.status_code, told.json()["code"]) == (409, "start_conflict")
        assert "it was started paused, unlike the one given" in told.json()["detail"]


@pytest.mark.parametrize(
    ("url", "headers", "sent"),
    [
        ("http://localhost:8000", {}, True),
        ("http://127.0.0.2", {}, True),
        ("http://[::1]:8000", {}, True),
        ("http://flows.localhost", {}, True),
        ("https://flows.example", {}, True),
        ("http://flows.example", {"X-Forwarded-Proto": "https"}, True),
        ("http://flows.example", {}, False),
        ("http://10.0.0.7:8000", {"X-Forwarded-Proto": "http"}, False),
        ("http://localhost.example", {}, False),
    ],
)
async def test_the_opener_policy_is_sent_where_it_is_heeded(
    manager: FlowManager, url: str, headers: dict[str, str], sent: bool
) -> None:
    """Over plain http, from another machine, a browser only complains of it; all other headers are sent everywhere."""
    transport = httpx.ASGITransport(app=create_app(manager, ServiceOptions(hosts=frozenset({"*"}))))
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=headers) as client:
        answered = (await client.get("/health/live")).headers
    assert ("cross-origin-opener-policy" in answered) == sent
    assert answered["x-frame-options"] == "DENY"
    assert answered["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00"])
async def test_a_moment_at_the_edge_of_time_is_told_as_it_was_sent(client: httpx.AsyncClient, moment: str) -> None:
    """In UTC it is none: that is said, in no words of the language that this is written in."""
    told = await client.post("/flow/create", json={"flow": FLOW, "start_at": moment})
    assert told.status_code == 422
    assert f"start_at is {moment}, which lies outside the years 1 to 9999 in UTC" in told.json()["detail"]


async def test_a_resolution_that_contradicts_itself_is_refused(client: httpx.AsyncClient) -> None:
    """What is said twice, and differently, is not taken."""
    made = (await client.post("/flow/create", json=FLOW)).json()["execution_id"]
    told = await client.post(f"/flow/{made}/resolve", json={"resolution": "failure", "outcome": "success"})
    assert (told.status_code, told.json()["code"]) == (422, "usage_error")
    assert "outcome 'success' contradicts the resolution 'failure'" in told.json()["detail"]
    told = await client.post(f"/flow/{made}/resolve", json={"resolution": "retry", "data": 3})
    assert (told.status_code, told.json()["code"]) == (422, "usage_error")
    assert "data is 3, but an attempt that is made again has data of its own" in told.json()["detail"]


@pytest.mark.parametrize("verb", ["retry", "fork"])
async def test_a_place_is_set_once(client: httpx.AsyncClient, verb: str) -> None:
    """Two spellings of one place are two values for it, of which neither is meant more than the other."""
    made = (await client.post("/flow/create", json=FLOW)).json()["execution_id"]
    asked = {"overrides": {"input": 1, "/input": 2}} | ({"at": 1} if verb == "fork" else {})
    told = await client.post(f"/flow/{made}/{verb}", json=asked)
    assert (told.status_code, told.json()["code"]) == (422, "usage_error")
    assert "'input' is set twice: give one value for it" in told.json()["detail"]
