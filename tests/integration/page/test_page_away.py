"""The page while the service goes away and comes back: cut off, killed, and asked what became of what ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser import watched_page
from page_flows import CHOOSY
from playwright.sync_api import Browser, Page, expect
from serving import Service, serving

HANGS = '''
import asyncio, pathlib
from flowsm import task


@task("charge_card")
async def charge_card():
    """Hangs until the file is there."""
    while not pathlib.Path("open").exists():
        await asyncio.sleep(0.02)
    return {"charged": 100}
'''
ASKS = {
    "id": "asks",
    "name": "Charge the card",
    "start_task": "charge",
    "tasks": [
        {"name": "charge", "task_type": "charge_card", "on_interrupt": "ask"},
        {"name": "ship", "task_type": "process_data", "parameters": {"records": []}},
        {"name": "apologise", "task_type": "process_data", "parameters": {"records": []}},
    ],
    "conditions": [{"source_task": "charge", "target_task_success": "ship", "target_task_failure": "apologise"}],
}
OPTIONS = ("--tasks", "tasks.py", "--allow-task", "charge_card")


def pause_and_resume(page: Page) -> None:
    """A pause that waits for what runs is told at once, and can be taken back."""
    for verb, other in (("Pause", "Resume"), ("Resume", "Pause")):
        page.locator(".actions").get_by_role("button", name=verb).click()
        page.get_by_role("dialog").get_by_role("button", name=verb).click()
        expect(page.locator(".actions").get_by_role("button", name=other)).to_be_visible()
        expect(page.locator(".actions").get_by_role("button", name=verb)).to_have_count(0)
        expect(page.locator(".run-title .status")).to_have_text("running")
        expect(page.locator(".banner.is-paused", has_text="will pause after this task")).to_have_count(
            int(verb == "Pause")
        )


def port_of(service: Service) -> int:
    port = urlsplit(service.url).port
    assert port is not None
    return port


def test_the_page_goes_on_where_it_was_cut_off(browser: Browser, tmp_path: Path) -> None:
    """While the service is away the page says so and shows what it knew; after that it has every event once."""
    with serving(tmp_path) as service:
        made: Any = service.post("/flow/execute-sync", CHOOSY, "-H", "Prefer: wait=1").json
        execution_id, port = made["execution_id"], port_of(service)
        with watched_page(browser, service.url) as watched:
            watched.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET"]
            page = watched.open(f"#/flow/{execution_id}")
            expect(page.locator(".connection")).to_have_text("live")
            expect(page.locator(".event")).to_have_count(8)
            expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
            assert service.stop() == 0
            expect(page.locator(".connection")).to_have_text("not connected, trying again")
            expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
            watched.shot("away")
            page.locator(".actions").get_by_role("button", name="Approved").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("button", name="Approved").click()
            expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
            dialog.get_by_role("button", name="Not now").click()
            with serving(tmp_path, port=port) as again:
                signal = {"name": "approval", "outcome": "rejected"}
                assert again.post(f"/flow/{execution_id}/signal", signal).status == 202
                expect(page.locator(".run-title .status")).to_have_text("failed")
                expect(page.locator(".connection")).to_have_text("live")
                recorded = len(again.curl(f"/flow/{execution_id}/events").json["items"])
                numbers = page.locator(".event-seq").all_inner_texts()
                assert numbers == [str(number) for number in range(1, recorded + 1)]
                expect(page.get_by_role("alert").filter(has_text="does not answer")).to_have_count(0)


def test_the_list_is_right_after_a_cut(browser: Browser, tmp_path: Path) -> None:
    """What was begun while the list was cut off is in it afterwards, though no event told of it."""
    with serving(tmp_path) as service:
        port = port_of(service)
        with watched_page(browser, service.url) as watched:
            watched.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET"]
            page = watched.open()
            expect(page.locator(".connection")).to_have_text("live")
            expect(page.locator(".first")).to_be_visible()
            service.stop()
            expect(page.locator(".connection")).to_have_text("not connected, trying again")
            with serving(tmp_path, db="other.db") as other:
                other.post("/flow/create", CHOOSY | {"id": "elsewhere"})
                other.stop()
            for name in ("flows.db", "flows.db-wal", "flows.db-shm"):
                (tmp_path / name).unlink(missing_ok=True)
            with serving(tmp_path, db="other.db", port=port):
                expect(page.locator(".rows tbody tr")).to_have_count(1)
                expect(page.locator(".connection")).to_have_text("live")


@pytest.mark.parametrize(
    ("resolution", "outcome", "ends_at"),
    [("success", "completed", "ship"), ("failure", "completed", "apologise"), ("retry", "completed", "ship")],
)
def test_somebody_is_asked_what_became_of_it(
    browser: Browser, tmp_path: Path, resolution: str, outcome: str, ends_at: str
) -> None:
    """An attempt that a crash interrupted is asked about: success and failure are taken as said, retry runs it again."""
    (tmp_path / "tasks.py").write_text(HANGS)
    with serving(tmp_path, *OPTIONS) as service:
        made: Any = service.post("/flow/create", ASKS).json
        execution_id = made["execution_id"]
        assert service.post("/flow/execute", {"execution_id": execution_id}).status == 202
        with watched_page(browser, service.url) as watched:
            page = watched.open(f"#/flow/{execution_id}")
            expect(page.locator('g.state[data-state="charge"]')).to_have_attribute("data-look", "running")
            if resolution == "success":
                pause_and_resume(page)
        service.process.kill()
        service.process.wait()
    (tmp_path / "open").touch()
    with serving(tmp_path, *OPTIONS) as service, watched_page(browser, service.url) as watched:
        page = watched.open(f"#/flow/{execution_id}")
        expect(page.locator(".banner.is-waiting")).to_contain_text("charge")
        expect(page.locator(".actions button").first).to_have_text("Resolve")
        watched.shot("interrupted")
        page.locator(".actions").get_by_role("button", name="Resolve").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("It was a").select_option(resolution)
        dialog.get_by_label("Reason").fill("the bank says so")
        if resolution == "success":
            dialog.get_by_text("Result data as JSON").click()
            dialog.get_by_label("JSON", exact=True).fill('{"charged": 99}')
            watched.shot("resolve")
        dialog.get_by_role("button", name="Resolve").click()
        expect(page.locator(".run-title .status")).to_have_text(outcome)
        expect(page.locator(f'g.state[data-state="{ends_at}"]')).to_have_attribute("data-look", "completed")
        found: Any = service.curl(f"/flow/{execution_id}").json
    charged = {"success": {"charged": 99}, "failure": None, "retry": {"charged": 100}}
    assert found["task_results"]["charge"].get("data") == charged[resolution]


def test_the_wrong_log_for_a_while(browser: Browser, tmp_path: Path) -> None:
    """A service that is begun with another file has no such execution: the page says so, and goes on with the right one."""
    with serving(tmp_path) as service:
        made: Any = service.post("/flow/execute-sync", CHOOSY, "-H", "Prefer: wait=1").json
        execution_id, port = made["execution_id"], port_of(service)
        with watched_page(browser, service.url) as watched:
            watched.expected += [
                "ERR_CONNECTION_REFUSED",
                "ERR_INCOMPLETE_CHUNKED_ENCODING",
                "ERR_CONNECTION_RESET",
                "404",
            ]
            page = watched.open(f"#/flow/{execution_id}")
            expect(page.locator(".connection")).to_have_text("live")
            assert service.stop() == 0
            with serving(tmp_path, db="other.db", port=port):
                expect(page.get_by_role("alert")).to_have_text(f"execution '{execution_id}' not found")
                expect(page.locator(".actions")).to_have_count(0)
            with serving(tmp_path, port=port):
                expect(page.locator(".connection")).to_have_text("live", timeout=30_000)
                expect(page.get_by_role("alert")).to_have_count(0)
                expect(page.locator(".event")).to_have_count(8)
                page.locator(".actions").get_by_role("button", name="Approved").click()
