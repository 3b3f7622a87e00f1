"""Live events of a real service: each stream has every event once and in order, whatever happens to its connection."""

from __future__ import annotations

import asyncio
import json
import os
import random
from pathlib import Path

import httpx
import pytest
from serving import Service, serving

from flowsm import FlowManager

CLIENTS = int(os.environ.get("STREAM_CLIENTS", "50"))
EXECUTIONS = int(os.environ.get("STREAM_EXECUTIONS", "50"))
DEADLINE_SECONDS = 60
STEPS = 6
FLOW = {
    "id": "steps",
    "name": "Steps",
    "start_task": "s0",
    "tasks": [{"name": "go", "task_type": "wait_for_signal"}]
    + [{"name": f"s{n}", "task_type": "wait", "parameters": {"seconds": 0.05}} for n in range(STEPS)],
    "conditions": [{"source_task": f"s{n}", "target_task_success": f"s{n + 1}"} for n in range(STEPS - 1)]
    + [{"source_task": f"s{STEPS - 1}", "target_task_success": "go"}],
}


def batched(ids: list[str], size: int) -> list[list[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


async def _events(lines, want):
    """The events in the lines of a stream, at most so many."""
    found, number = [], None
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "data" and number is not None:
            found.append((number, json.loads(value)))
            number = None
            if len(found) == want:
                return found, False
        elif line == "event: end":
            return found, True
    return found, True


async def _watch(client: httpx.AsyncClient, path: str, chance: random.Random) -> list[int]:
    """Every id that a client was told, until the execution ended, over connections that break off by chance."""
    seen: list[int] = []
    while True:
        headers = {"Last-Event-ID": str(seen[-1])} if seen else {}
        async with client.stream("GET", path, params={"until_ended": "true"}, headers=headers) as response:
            if response.status_code == 204:
                return seen
            assert response.status_code == 200
            found, ended = await _events(response.aiter_lines(), chance.randrange(1, 40))
            for number, event in found:
                assert event["seq"] == number
            seen += [number for number, _ in found]
            if ended and found and found[-1][1]["type"] == "execution.completed":
                return seen


@pytest.mark.processes
async def test_every_client_is_told_every_event_once(tmp_path: Path) -> None:
    """Many clients of many running executions, whose connections break off: no gap, no double."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with serving(tmp_path, "--durability", "normal") as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30, limits=limits) as client:
            ids = [f"e{number}" for number in range(EXECUTIONS)]
            chance = random.Random(7)
            watching: list[asyncio.Future[list[int]]] = []

            async def begin(execution_id: str) -> None:
                made = await client.post("/flow/create", json={"flow": FLOW, "execution_id": execution_id})
                assert made.status_code == 201
                begun = await client.post("/flow/execute", json={"execution_id": execution_id})
                assert begun.status_code == 202, begun.text

            async def tell(execution_id: str) -> None:
                told = await client.post(f"/flow/{execution_id}/signal", json={"name": "go"})
                assert told.status_code in {200, 202}, told.text

            for some in batched(ids, 10):
                await asyncio.gather(*map(begin, some))
                watching += [
                    asyncio.ensure_future(_watch(client, f"/flow/{execution_id}/events/stream", chance))
                    for execution_id in some[: CLIENTS - len(watching)]
                ]
            for some in batched(ids, 10):
                await asyncio.gather(*map(tell, some))
            async with asyncio.timeout(DEADLINE_SECONDS):
                all_seen = await asyncio.gather(*watching)
            for execution_id, seen in zip(ids, all_seen, strict=False):
                last = (await client.get(f"/flow/{execution_id}")).json()["seq"]
                assert seen == list(range(1, last + 1))
        assert service.stop() == 0


async def test_a_slow_client_holds_up_nobody(tmp_path: Path) -> None:
    """While one client reads nothing, work goes on; then it is told all that it missed, in order."""
    big = {"id": "b", "name": "B", "start_task": "store_data", "tasks": [{"name": "store_data"}]}
    big["tasks"][0]["parameters"] = {"records": [{"text": "x" * 30_000}]}
    with serving(tmp_path, "--durability", "normal") as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
            async with client.stream("GET", "/events/stream", params={"after": 0}) as slow:
                for _ in range(15):
                    asked = (client.post("/flow/execute-sync", json=big) for _ in range(10))
                    for ran in await asyncio.gather(*asked):
                        assert ran.json()["status"] == "completed"
                summary = (await client.get("/flows/summary")).json()
                assert summary["status_counts"] == {"completed": 150}
                last = (await client.get("/flows", params={"limit": 1})).json()["items"][0]["execution_id"]
                end = (await client.get(f"/flow/{last}/events")).json()["items"][-1]["position"]
                async with asyncio.timeout(DEADLINE_SECONDS):
                    found, _ = await _events(slow.aiter_lines(), end)
            assert [number for number, _ in found] == list(range(1, end + 1))
            types = {event["type"] for _, event in found}
            assert {"execution.created", "task.completed", "execution.completed"} <= types


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("streams")) as running:
        yield running


async def test_all_events_from_now_on(service: Service) -> None:
    """Without a place a stream of all begins with what comes; `types` picks events, `Last-Event-ID` goes on."""
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        await client.post("/flow/execute-sync", json={"flow": _quick(), "execution_id": "before"})
        query = {"types": ["execution.created", "execution.completed"]}
        async with client.stream("GET", "/events/stream", params=query) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            await client.post("/flow/execute-sync", json={"flow": _quick(), "execution_id": "after"})
            found, _ = await _events(lines, 2)
        assert [event["type"] for _, event in found] == query["types"]
        assert {event["stream"] for _, event in found} == {"after"}
        assert [number for number, _ in found] == [event["position"] for _, event in found]
        again = {"Last-Event-ID": str(found[0][0])}
        async with client.stream("GET", "/events/stream", params=query, headers=again) as stream:
            assert await _events(stream.aiter_lines(), 1) == (found[1:], False)


async def test_another_process_is_seen(tmp_path: Path) -> None:
    """What another process records in the file is told, too."""
    with serving(tmp_path) as mine:
        async with httpx.AsyncClient(base_url=mine.url, timeout=30) as client:
            async with client.stream("GET", "/events/stream") as stream:
                lines = stream.aiter_lines()
                await anext(lines)
                async with FlowManager(tmp_path / "flows.db") as manager:
                    execution = await manager.run(_quick())
                async with asyncio.timeout(DEADLINE_SECONDS):
                    found, _ = await _events(lines, execution.seq)
            assert [event["seq"] for _, event in found] == list(range(1, execution.seq + 1))


@pytest.mark.parametrize("given", ["x", "-1", "1.5", str(2**70)])
def test_an_id_that_is_none(service: Service, given: str) -> None:
    """What is no id of an event is 422; so is a type that does not exist."""
    assert service.curl("/events/stream", "-H", f"Last-Event-ID: {given}").status == 422
    assert service.curl("/events/stream?types=task.strated").status == 422
    assert service.curl("/flow/nobody/events/stream").status == 404


async def test_streams_end_with_the_service(tmp_path: Path) -> None:
    """A stream that is open does not hold up the stop, and says why it ends."""
    with serving(tmp_path) as running:
        async with (
            httpx.AsyncClient(base_url=running.url, timeout=30) as client,
            client.stream("GET", "/events/stream") as stream,
        ):
            lines = stream.aiter_lines()
            await anext(lines)
            code = await asyncio.to_thread(running.stop)
            said = [line async for line in lines]
        assert code == 0
        assert ": the service stops" in said


def _quick():
    return {"id": "q", "name": "Q", "start_task": "fetch_data", "tasks": [{"name": "fetch_data"}]}
