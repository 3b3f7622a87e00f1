"""What a Prometheus server is told, read with Prometheus' own parser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from children import until
from prometheus_client.parser import text_string_to_metric_families

from flowsm import FlowManager
from flowsm.service import create_app, metrics

FLOW = {"id": "f", "name": "F", "start_task": "fetch_data", "tasks": [{"name": "fetch_data"}]}
FAILS = {
    "id": 'odd "\\name"',
    "name": "G",
    "start_task": "fetch_data",
    "tasks": [{"name": "fetch_data", "parameters": {"failure_rate": 1}}],
}
WAITS = {
    "id": "w",
    "name": "W",
    "start_task": "wait_for_signal",
    "tasks": [{"name": "wait_for_signal"}, {"name": "fetch_data"}],
    "conditions": [{"source_task": "wait_for_signal", "target_task_success": "fetch_data"}],
}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def client(manager: FlowManager) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(manager))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


@pytest.fixture
async def manager() -> AsyncIterator[FlowManager]:
    async with FlowManager(":memory:", durability="normal") as made:
        yield made


async def _asked(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def _comes_to_wait(manager: FlowManager, execution_id: str) -> None:
    async def waits() -> bool:
        return (await manager.get_flow_status(execution_id)).status == "waiting"

    await until(waits)


def _of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


async def test_what_is_told_is_what_happened(client: httpx.AsyncClient, manager: FlowManager) -> None:
    """Executions by flow and status, attempts by outcome with their durations, and the log's own figures."""
    for _ in range(3):
        await manager.run(FLOW)
    await manager.run(FAILS)
    waits = await manager.start(WAITS)
    await _comes_to_wait(manager, waits.execution_id)
    manager.create_flow_execution(FLOW)
    told = await _asked(client)
    assert _of(told, "flowsm_executions", flow="w", status="waiting") == 1
    assert _of(told, "flowsm_executions", flow="f", status="created") == 1
    assert _of(told, "flowsm_execution_duration_seconds_count", flow="f", status="completed") == 3
    assert _of(told, "flowsm_execution_duration_seconds_count", flow=FAILS["id"], status="failed") == 1
    task = {"flow": "f", "task": "fetch_data", "outcome": "success"}
    assert _of(told, "flowsm_attempt_duration_seconds_count", **task) == 3
    assert _of(told, "flowsm_attempt_duration_seconds_sum", **task) >= 0
    assert _of(told, "flowsm_events_total") == (await manager.tail(None, None, 1)).position
    assert _of(told, "flowsm_append_duration_seconds_bucket", le="+Inf") > 5
    assert _of(told, "flowsm_append_duration_seconds_count") == _of(told, "flowsm_group_commit_size_count")
    assert _of(told, "flowsm_append_duration_seconds_sum") > 0
    assert _of(told, "flowsm_group_commit_size_sum") >= _of(told, "flowsm_group_commit_size_count")
    assert _of(told, "flowsm_database_bytes") > 0
    assert _of(told, "flowsm_wal_bytes") > 0
    assert _of(told, "flowsm_workers") == 1
    assert _of(told, "flowsm_recovery_lag_seconds") == 0
    assert _of(told, "flowsm_streams") == 0


async def test_who_waits_for_a_worker_lags(tmp_path: Path) -> None:
    """What is due and nobody's counts as waiting for a worker, and tells for how long; later there is none of it."""
    async with FlowManager(tmp_path / "a.db") as first:
        await first.start(WAITS | {"id": "later"}, paused=True)
        await first.start({**WAITS, "id": "left"}, execution_id="left")
        await _comes_to_wait(first, "left")
    teller = FlowManager(tmp_path / "a.db")  # it drives nothing
    await teller.signal("left", "wait_for_signal")
    await teller.close()
    async with FlowManager(tmp_path / "a.db") as second:
        transport = httpx.ASGITransport(app=create_app(second))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            told = await _asked(client)
            assert _of(told, "flowsm_queue", waiting_for="worker") == 1
            assert 0 < _of(told, "flowsm_recovery_lag_seconds") < 60
            await second.finish("left")
            told = await _asked(client)
            assert _of(told, "flowsm_queue", waiting_for="worker") == 0
            assert _of(told, "flowsm_recovery_lag_seconds") == 0


async def test_labels_are_bounded(
    client: httpx.AsyncClient, manager: FlowManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many series of a family the rest is one, and nothing is left out of the sum."""
    monkeypatch.setattr(metrics, "METRICS_ROWS_MAX", 2)
    for number in range(5):
        await manager.run(FLOW | {"id": f"f{number}"})
        manager.create_flow_execution(FLOW | {"id": f"f{number}"})
    told = await _asked(client)
    for name, others in (
        ("flowsm_executions", {"flow": "(others)", "status": "created"}),
        ("flowsm_execution_duration_seconds_count", {"flow": "(others)", "status": "(others)"}),
        ("flowsm_attempt_duration_seconds_count", dict.fromkeys(("flow", "task", "outcome"), "(others)")),
    ):
        counts = [value for (found, _), value in told.items() if found == name]
        assert (len(counts), sum(counts)) == (3, 5)
        assert _of(told, name, **others) == 3
