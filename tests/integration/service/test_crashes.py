"""The service under load is killed, or told to stop: nothing that it answered is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from children import until
from serving import Service, serving

EXECUTIONS = int(os.environ.get("CRASH_EXECUTIONS", "60"))
STOP_SECONDS = 5
FLOW = {
    "id": "slow",
    "name": "Slow",
    "start_task": "first",
    "tasks": [
        {"name": "first", "task_type": "wait", "parameters": {"seconds": 0.3}},
        {"name": "second", "task_type": "fetch_data"},
        {"name": "third", "task_type": "wait", "parameters": {"seconds": 0.3}},
    ],
    "conditions": [
        {"source_task": "first", "target_task_success": "second"},
        {"source_task": "second", "target_task_success": "third"},
    ],
}


async def _load(service: Service, enough: int) -> list[str]:
    """Start executions from several sides until so many were answered; those that were."""
    accepted: list[str] = []

    async def one(client: httpx.AsyncClient, number: int) -> None:
        try:
            made = await client.post("/flow/create", json=FLOW)
            execution_id = made.json()["execution_id"]
            begun = await client.post("/flow/execute", json={"execution_id": execution_id})
        except (httpx.HTTPError, KeyError, ValueError):
            return
        if begun.status_code == 202:
            accepted.append(execution_id)

    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        for start in range(0, EXECUTIONS, 20):
            await asyncio.gather(*(one(client, number) for number in range(start, start + 20)))
            if len(accepted) >= enough:
                break
    return accepted


async def _all_finish(folder: Path, accepted: list[str]) -> None:
    with serving(folder) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:

            async def done() -> bool:
                counts = (await client.get("/flows/summary")).json()["status_counts"]
                return set(counts) <= {"completed", "created"} and counts.get("completed", 0) >= len(accepted)

            await until(done)
            for execution_id in accepted:
                status = (await client.get(f"/flow/{execution_id}/status")).json()
                assert (status["status"], status["completed_tasks"]) == ("completed", ["first", "second", "third"])
        assert service.stop() == 0


@pytest.mark.processes
async def test_killed_under_load(tmp_path: Path) -> None:
    """After kill -9 and a start, every execution that was answered for finishes."""
    with serving(tmp_path) as service:
        accepted = await _load(service, EXECUTIONS)
        service.process.send_signal(signal.SIGKILL)
        service.process.wait(10)
    assert len(accepted) == EXECUTIONS
    await _all_finish(tmp_path, accepted)


@pytest.mark.processes
async def test_told_to_stop_under_load(tmp_path: Path) -> None:
    """At SIGTERM the process leaves within five seconds, and what was answered for goes on later."""
    with serving(tmp_path) as service:
        accepted = await _load(service, EXECUTIONS // 2)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < STOP_SECONDS
        assert "Traceback" not in "\n".join(service.said)
    await _all_finish(tmp_path, accepted)


async def test_who_waits_for_an_end_is_told_of_the_stop(tmp_path: Path) -> None:
    """A request that waits is answered when the service stops: with what is begun, its place, and that it goes on later."""
    waits = {"id": "w", "name": "W", "start_task": "wait_for_signal", "tasks": [{"name": "wait_for_signal"}]}
    with serving(tmp_path) as service:
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
            body = {"flow": waits, "execution_id": "mine"}
            asking = asyncio.ensure_future(client.post("/flow/execute-sync", json=body))

            async def waiting() -> bool:
                return (await client.get("/flow/mine")).json().get("status") == "waiting"

            await until(waiting)
            assert await asyncio.to_thread(service.stop) == 0
            answer = await asking
        assert (answer.status_code, answer.json()["status"], answer.headers["location"]) == (
            202,
            "waiting",
            "/flow/mine",
        )
        assert "retry-after" not in answer.headers
