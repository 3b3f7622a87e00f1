from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flowsm import clock as module
from flowsm.clock import SystemClock, timestamp


def test_timestamps_are_of_one_form_and_sort_as_time_does() -> None:
    """Microseconds are always written, and the text sorts as the moments do."""
    moments = [datetime(2026, 1, 31, 12, tzinfo=UTC) + timedelta(microseconds=step) for step in (0, 1, 999_999, 10**9)]
    texts = [timestamp(moment) for moment in moments]
    assert texts[0] == "2026-01-31T12:00:00.000000Z"
    assert texts == sorted(texts)
    assert [datetime.fromisoformat(text) for text in texts] == moments


async def test_the_systems_clock_tells_utc_and_goes_on() -> None:
    """The wall time is aware, the monotonic one never goes back, and a sleep of nothing returns."""
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().tzinfo is UTC
    await clock.sleep(0)
    assert clock.monotonic() >= before


def test_the_machines_own_time_goes_on(monkeypatch, tmp_path) -> None:
    """Boot time never goes back, and has an id; where there is neither, the monotonic clock and a fixed word serve."""
    clock = SystemClock()
    before = clock.boot_ms()
    assert clock.boot_ms() >= before > 0
    assert clock.boot_id() == clock.boot_id() != ""
    monkeypatch.setattr(module, "_BOOT_CLOCK", None)
    assert clock.boot_ms() > 0
    monkeypatch.setattr(module, "_BOOT_ID", tmp_path / "missing")
    module._boot_id.cache_clear()
    assert clock.boot_id() == "unknown"
    module._boot_id.cache_clear()
