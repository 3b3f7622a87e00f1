"""What the one who sends a signal is told of it."""

from __future__ import annotations

import pytest
from small_flows import flow_of, task_of

from flowsm import FlowManager


@pytest.fixture
async def manager(tmp_path):
    async with FlowManager(tmp_path / "flowsm.db", durability="normal") as made:
        yield made


async def test_a_signal_that_ends_the_execution_is_used(manager):
    """It came before the end, which it brought; sent again with its key, it changes nothing, and was of use."""
    handle = await manager.start(flow_of(task_of("ok", "wait_for_signal")))
    while (await handle.status()).status != "waiting":
        pass
    told = await manager.signal(handle.execution_id, "ok", idempotency_key="k")
    await handle
    again = await manager.signal(handle.execution_id, "ok", idempotency_key="k")
    late = await manager.signal(handle.execution_id, "ok")
    assert [(one.recorded, one.used) for one in (told, again, late)] == [(True, True), (False, True), (True, False)]
    assert (told.status, told.warning, again.warning) == ("completed", None, None)
    assert "came after the end" in (late.warning or "")


@pytest.mark.parametrize(
    ("names", "sent", "hint"),
    [
        ([], "go", "its tasks wait for none"),
        (["start", "stop"], "go", "they wait for 'start', 'stop'"),
        ([f"n{number}" for number in range(11)], "go", "'n8', 'n9', …"),
        (["start"], "stat", "did you mean 'start'?"),
        ([{"$from": "/input"}], "go", None),
        (["go"], "go", None),
    ],
)
async def test_a_name_that_no_task_waits_for_is_a_warning(manager, names, sent, hint):
    """Unless a name is only known when its task starts."""
    tasks = [task_of(f"t{number}", "wait_for_signal", parameters={"name": name}) for number, name in enumerate(names)]
    to = tuple((f"t{number}", "success", f"t{number + 1}") for number in range(len(names) - 1))
    execution_id = manager.create_flow_execution(
        flow_of(*(tasks or [task_of("t", "wait", parameters={"seconds": 1})]), to=to)
    )
    told = await manager.signal(execution_id, sent)
    assert told.used
    if hint is None:
        assert told.warning is None
    else:
        assert "no task of flow 'F' waits for signal" in (told.warning or "")
        assert hint in (told.warning or "")
