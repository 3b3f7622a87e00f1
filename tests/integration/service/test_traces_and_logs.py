"""The service: the traceparent of requests, and its log as JSON."""

from __future__ import annotations

import json

import pytest
from serving import serving

pytestmark = pytest.mark.processes

ASKED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FLOW = {"id": "s", "name": "S", "start_task": "fetch_data", "tasks": [{"name": "fetch_data"}]}


def header(value):
    return ("-H", f"traceparent: {value}")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("service"), "--log-format", "json", "--otel") as running:
        yield running


def kept(service, answered):
    return service.curl(f"/flow/{answered.json['execution_id']}").json["traceparent"]


def test_what_creates_keeps_the_traceparent(service):
    """Each request that creates an execution keeps its traceparent; it is no part of what an Idempotency-Key compares."""
    created = service.post("/flow/create", FLOW, *header(ASKED), "-H", "Idempotency-Key: k")
    again = service.post("/flow/create", FLOW, "-H", "Idempotency-Key: k")
    ran = service.post("/flow/execute-sync", FLOW, *header(ASKED))
    later = service.post("/flow/create", {"flow": FLOW, "paused": True}, *header(ASKED))
    assert created.json["execution_id"] == again.json["execution_id"]
    assert [kept(service, one) for one in (created, ran, later)] == [ASKED] * 3
    place = f"/flow/{ran.json['execution_id']}/fork"
    other = ASKED.replace("0af7", "0bf7")
    forked = service.post(place, {"at": 1, "paused": True}, *header(other))
    assert [kept(service, forked), kept(service, service.post(place, {"at": 1, "paused": True}))] == [other, ASKED]


@pytest.mark.parametrize(
    "headers",
    [
        header("nonsense"),
        header(ASKED.upper()),
        header(ASKED.replace("00-", "ff-", 1)),
        header(f"{ASKED}-more"),
        (*header(ASKED), *header(ASKED.replace("0af7", "0bf7"))),
    ],
)
def test_what_is_no_traceparent_is_ignored(service, headers):
    """A header that is none, or comes twice, is as if it were not there: the standard has it so."""
    created = service.post("/flow/create", FLOW, *headers)
    assert created.status == 201
    assert kept(service, created) is None


def test_every_line_is_json(tmp_path):
    """Each line that `flowsm serve --log-format json` writes is JSON: the engine's, uvicorn's, and its own."""
    with serving(tmp_path, "--log-format", "json", PYTHONWARNINGS="default") as service:
        ran = service.post("/flow/execute-sync", FLOW, *header(ASKED))
        assert ran.status == 200
        assert service.curl("/nothing%0a%7b%7d").status == 404
        assert service.stop() == 0
    lines = [json.loads(line) for line in service.said]
    loggers = {line["logger"] for line in lines}
    assert {"flowsm.execution", "flowsm.printed", "uvicorn.access", "uvicorn.error"} <= loggers
    engine = [line for line in lines if line["logger"] == "flowsm.execution"]
    assert [line["event"] for line in engine][:2] == ["execution.created", "execution.started"]
    assert engine[-1]["event"] == "execution.completed"
    assert {line["trace_id"] for line in engine} == {ASKED.split("-")[1]}
    assert {line["execution_id"] for line in engine} == {ran.json["execution_id"]}


def test_requests_are_not_logged_unless_asked(tmp_path):
    """Without --log-format the service says no more than that it serves, and that it stops."""
    with serving(tmp_path) as service:
        assert service.curl("/health").status == 200
        assert service.stop() == 0
    assert [line.split(" ")[1] for line in service.said] == ["serving", "stopping"]
