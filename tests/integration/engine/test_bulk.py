"""Operators' verbs for many executions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowsm import FlowManager, FlowStatus
from flowsm.errors import LogUnavailable, UsageError
from flowsm.limits import BULK_PAGE_EXECUTIONS
from flowsm.runtime.bulk import Operated

WAITS = {
    "id": "refund",
    "name": "Refund",
    "start_task": "approve",
    "tasks": [{"name": "approve", "task_type": "wait_for_signal"}],
}
OTHER = WAITS | {"id": "other", "name": "Other"}


def create(manager: FlowManager, count: int, flow=WAITS) -> list[str]:
    return [manager.create_flow_execution(flow, execution_id=f"{flow['id']}-{number}") for number in range(count)]


async def test_any_number_page_by_page(manager) -> None:
    """More than a page of them are all asked, the newest first; those of other flows are left alone."""
    ids = create(manager, 2 * BULK_PAGE_EXECUTIONS + 5)
    others = create(manager, 3, OTHER)
    report = await manager.in_bulk("cancel", flow="refund", reason="a recall", actor="ada")
    assert (report.verb, report.matched, report.done, report.refused) == ("cancel", len(ids), len(ids), 0)
    assert [one.execution_id for one in report.executions] == ids[::-1]
    assert {one.status for one in report.executions} == {"cancelled"}
    assert (await manager.summary()).status_counts[FlowStatus.CREATED] == len(others)
    (asked,) = [event.fact for event in await manager.events(ids[0]) if event.type == "execution.cancelling"]
    assert (asked.reason, asked.actor) == ("a recall", "ada")


async def test_what_is_refused_is_named_and_hinders_nobody(manager) -> None:
    """What one's state does not allow is said of that one."""
    create(manager, 4)
    await manager.cancel("refund-2")
    dry = await manager.in_bulk("pause", flow="Refund", dry_run=True)
    report = await manager.in_bulk("pause", flow="Refund")
    assert [(one.refused is None) for one in dry.executions] == [(one.refused is None) for one in report.executions]
    assert {one.status for one in dry.executions} == {"created", "cancelled"}
    assert (dry.matched, dry.done, dry.refused) == (report.matched, report.done, report.refused) == (4, 3, 1)
    (refused,) = [one for one in report.executions if one.refused]
    assert refused.execution_id == "refund-2"
    assert "cannot pause execution 'refund-2': it is cancelled" in (refused.refused or "")
    assert {one.status for one in report.executions if not one.refused} == {"paused"}


async def test_a_dry_run_records_nothing(manager) -> None:
    """The log is as long as before."""
    create(manager, 2)
    report = await manager.in_bulk("cancel", everything=True, dry_run=True)
    assert report.done == 2
    assert [len(await manager.events(name)) for name in ("refund-0", "refund-1")] == [1, 1]


async def test_each_is_called_in_place_of_a_list(manager) -> None:
    """So any number of them takes no memory."""
    ids = create(manager, 3)
    told: list[Operated] = []
    report = await manager.in_bulk("pause", status="created", now=True, each=told.append)
    assert [one.execution_id for one in told] == ids[::-1]
    assert (report.executions, report.done) == ([], 3)
    assert (await manager.in_bulk("resume", status=FlowStatus.PAUSED)).done == 3


async def test_failed_ones_go_on(manager, script, sample) -> None:
    """`retry` has them driven at once by the manager that is asked; filters are those of `executions`."""
    script.failing = {"process": 3}
    for number in range(3):
        await manager.run(sample, execution_id=f"x{number}")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert (await manager.in_bulk("retry", status="failed", since=tomorrow)).matched == 0
    assert (await manager.in_bulk("retry", status="failed", task="nowhere")).refused == 3
    assert (await manager.in_bulk("retry", status="failed", since=tomorrow - timedelta(days=2))).done == 3
    for number in range(3):
        assert (await manager.finish(f"x{number}")).status == "completed"
    assert (await manager.in_bulk("remove", status="completed")).done == 3
    assert (await manager.executions()).items == []


async def test_a_damaged_execution_hinders_nobody(manager, path) -> None:
    """Its events are not what was recorded: it is named, the others are done."""
    import sqlite3  # noqa: PLC0415

    create(manager, 3)
    await manager.close()
    with sqlite3.connect(path) as file:
        file.execute("DROP TRIGGER events_are_not_updated")
        file.execute("UPDATE events SET at = 'then' WHERE stream = 'refund-1'")
    file.close()
    async with FlowManager(path, durability="normal") as again:
        report = await again.in_bulk("cancel", everything=True)
        (refused,) = [one for one in report.executions if one.refused]
    assert (report.done, refused.execution_id) == (2, "refund-1")


async def test_a_log_that_cannot_be_written_ends_it(manager, monkeypatch) -> None:
    """What concerns all of them is an error, once each that was asked is answered."""
    create(manager, 3)

    async def fails(*_: object) -> None:
        raise LogUnavailable("flowsm.db", "the disk is full")

    monkeypatch.setattr(manager, "operate", fails)
    with pytest.raises(LogUnavailable, match="the disk is full"):
        await manager.in_bulk("cancel", everything=True)


@pytest.mark.parametrize(
    ("verb", "options", "said"),
    [
        ("cancel", {}, "expected a filter"),
        ("cancel", {"everything": True, "flow": "x"}, "give one of them"),
        ("cancel", {"status": "runing"}, "status 'runing' is not one of"),
        ("cancel", {"since": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - that is the point
        ("signal", {"everything": True}, "verb is 'signal', expected one of cancel, pause, resume, retry, remove"),
        ("cancel", {"everything": True, "now": True}, "now is an option of pause"),
        ("pause", {"everything": True, "task": "x"}, "task is an option of retry"),
    ],
)
async def test_what_cannot_be_meant_is_refused(manager, verb, options, said) -> None:
    """Nothing is done."""
    create(manager, 1)
    with pytest.raises(UsageError, match=said):
        await manager.in_bulk(verb, **options)
    assert len(await manager.events("refund-0")) == 1
