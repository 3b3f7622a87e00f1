"""What is copied from the page: each command is run, and does what its button would have done.

`FLOWSM_COMMANDS` says of which kinds: `CLI` by default, `curl CLI Python` in .ci/long.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import Watched, watched_page
from page_flows import CHOOSY, FAILS
from playwright.sync_api import Browser, Locator, Page, expect
from serving import ROOT, Service, serving

KINDS = os.environ.get("FLOWSM_COMMANDS", "CLI").split()
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))"
TOKEN = 'it\'s-"quoted"-$sesame-' * 2
WORDS = 'it\'s "late", $HOME `id` \\ 日本語 -x\nand a second line'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with serving(folder, "--allow-dir", ".", FLOWSM_TOKEN=TOKEN) as running:
        yield running


@contextmanager
def looking_at(browser: Browser, service: Service, place: str) -> Iterator[Watched]:
    with watched_page(browser, service.url, permissions=["clipboard-read", "clipboard-write"]) as watched:
        watched.page.add_init_script(f"sessionStorage.setItem('flowsm.token', {json.dumps(TOKEN)})")
        watched.open(place)
        yield watched


def post(service: Service, path: str, document: Any) -> Any:
    answer = service.post(path, document, "-H", f"Authorization: Bearer {TOKEN}", "-H", "Prefer: wait=1")
    assert answer.status < 300, answer.body
    return answer.json


def told(service: Service, execution_id: str) -> list[dict[str, Any]]:
    """The events of an execution."""
    answer = service.curl(f"/flow/{execution_id}/events", "-H", f"Authorization: Bearer {TOKEN}")
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def ran(command: str, kind: str, folder: Path) -> str:
    """What a command says that somebody pasted into a shell, or into a program, where the log is."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSM_")} | {
        "PYTHONPATH": str(ROOT),
        "FLOWSM_TOKEN": TOKEN,
        "PYTHONIOENCODING": "utf-8",
    }
    if kind == "Python":
        lines = ["import asyncio", "from flowsm import FlowManager", "async def main():"]
        lines += ["    async with FlowManager('flows.db') as manager:", textwrap.indent(f"print({command})", " " * 8)]
        words = [sys.executable, "-c", "\n".join([*lines, "asyncio.run(main())"])]
    else:
        words = ["bash", "-c", f'flowsm() {{ "{sys.executable}" -m flowsm "$@"; }}\n{command}']
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def copied(page: Page, dialog: Locator, kind: str) -> str:
    """What the dialog's button puts on the clipboard."""
    dialog.get_by_text("The same as a command").click()
    page.evaluate(DRAWN)  # what was typed just now
    dialog.get_by_role("button", name=f"Copy as {kind}").click()
    expect(dialog.get_by_role("button", name="copied")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def write_version(dialog: Locator, document: Any) -> None:
    """Another version in place of the one with which the editor begins, once that is there."""
    editor = dialog.get_by_label("Flow as JSON")
    expect(editor).not_to_have_value("")
    editor.fill(json.dumps(document, ensure_ascii=False))


def open_verb(page: Page, name: str) -> Locator:
    page.locator(".actions").get_by_role("button", name=name, exact=True).click()
    return page.get_by_role("dialog")


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_show(browser: Browser, service: Service, folder: Path, kind: str) -> None:
    """What is copied beside the id shows the execution."""
    execution_id = post(service, "/flow/execute-sync", CHOOSY)["execution_id"]
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        watched.page.get_by_role("button", name=f"Copy as {kind}").click()
        command = watched.page.evaluate("navigator.clipboard.readText()")
    said = ran(command, kind, folder)
    assert execution_id in said
    assert "waiting" in said


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_signal(browser: Browser, service: Service, folder: Path, kind: str) -> None:
    """An approval as a command gives the same word, payload and name."""
    execution_id = post(service, "/flow/execute-sync", CHOOSY)["execution_id"]
    payload = {"amount": 12345678901234567890, "note": WORDS, "nested": [None, True, -1.5e-7, {}]}
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        dialog = open_verb(watched.page, "Rejected")
        dialog.get_by_label("Who asks").fill("Ada")
        dialog.get_by_text("Payload as JSON").click()
        dialog.get_by_label("JSON", exact=True).fill(json.dumps(payload))
        command = copied(watched.page, dialog, kind)
        dialog.get_by_role("button", name="Not now").click()
        dialog = open_verb(watched.page, "Signal …")
        dialog.get_by_label("Signal").fill("--help")
        ran(copied(watched.page, dialog, kind), kind, folder)
    ran(command, kind, folder)
    other, given = [one["data"] for one in told(service, execution_id) if one["type"] == "signal.received"]
    assert (given["outcome"], given["actor"], given["payload"]) == ("rejected", "Ada", payload)
    assert other["name"] == "--help"


def test_commands_with_a_reason(browser: Browser, service: Service, folder: Path) -> None:
    """Verbs with a reason keep it to the letter, however they are asked."""
    execution_id = post(service, "/flow/execute-sync", CHOOSY)["execution_id"]
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        for verb, kind in (("Pause", "CLI"), ("Resume", "Python"), ("Cancel", "curl")):
            dialog = open_verb(watched.page, verb)
            dialog.get_by_label("Reason").fill(f"-{verb}: {WORDS}")
            ran(copied(watched.page, dialog, kind), kind, folder)
            dialog.get_by_role("button", name="Not now").click()
    reasons = [one["data"]["reason"] for one in told(service, execution_id) if one["data"].get("reason")]
    assert reasons[:3] == [f"-{verb}: {WORDS}" for verb in ("Pause", "Resume", "Cancel")]


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_retry(browser: Browser, service: Service, folder: Path, kind: str) -> None:
    """A retry with other values, from a chosen task, goes on with them."""
    made = post(service, "/flow/execute-sync", {"flow": FAILS, "input": {"source": "nowhere.json"}})
    execution_id = made["execution_id"]
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        dialog = open_verb(watched.page, "Retry")
        dialog.get_by_label("From task").select_option("read")
        dialog.get_by_text("With other values").click()
        dialog.get_by_label("Places and values").fill("input.source=sample")
        command = copied(watched.page, dialog, kind)
    ran(command, kind, folder)
    (redriven,) = [one["data"] for one in told(service, execution_id) if one["type"] == "execution.redriven"]
    assert (redriven["task"], redriven["overrides"]) == ("read", {"/input/source": "sample"})


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_fork(browser: Browser, service: Service, folder: Path, kind: str) -> None:
    """A fork with other values and another version, paused, is that fork."""
    flow = copy.deepcopy(CHOOSY) | {"name": f"Choosier: {WORDS.splitlines()[0]}"}
    execution_id = post(service, "/flow/execute-sync", CHOOSY)["execution_id"]
    with looking_at(browser, service, f"#/flow/{execution_id}?seq=7") as watched:
        dialog = open_verb(watched.page, "Fork at 7")
        dialog.get_by_label("paused").check()
        dialog.get_by_text("With other values").click()
        dialog.get_by_label("Places and values").fill('results.fetch.data.count=80\nresults.fetch.data.source="it\'s"')
        dialog.get_by_text("With another version").click()
        write_version(dialog, {"flow_config": {"flow": flow}})
        command = copied(watched.page, dialog, kind)
    ran(command, kind, folder)
    bearer = ("-H", f"Authorization: Bearer {TOKEN}")
    family = service.curl(f"/flow/{execution_id}/forks", *bearer).json
    (fork,) = [one for one in family if one["forked_from"] == execution_id]
    assert (fork["forked_at"], fork["status"]) == (7, "paused")
    found = service.curl(f"/flow/{fork['execution_id']}", *bearer).json
    assert found["flow_name"] == flow["name"]
    assert (
        found["task_results"]["fetch"]["data"] | {"count": 80, "source": "it's"}
        == found["task_results"]["fetch"]["data"]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_upgrade(browser: Browser, service: Service, folder: Path, kind: str) -> None:
    """An upgrade as a command carries the whole version."""
    flow = copy.deepcopy(CHOOSY) | {"name": f"Choosiest {kind}", "description": WORDS}
    execution_id = post(service, "/flow/execute-sync", CHOOSY)["execution_id"]
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        dialog = open_verb(watched.page, "Upgrade")
        write_version(dialog, flow)
        dialog.get_by_label("Reason").fill(WORDS)
        command = copied(watched.page, dialog, kind)
    ran(command, kind, folder)
    last = next(one for one in told(service, execution_id) if one["type"] == "execution.upgraded")
    assert last["data"]["reason"] == WORDS


@pytest.mark.parametrize("kind", KINDS)
def test_commands_that_run(browser: Browser, service: Service, folder: Path, kind: str) -> None:
    """An execution that is only recorded is run."""
    flow = {
        "id": "short",
        "name": "Short",
        "start_task": "fetch",
        "tasks": [{"name": "fetch", "task_type": "fetch_data"}],
    }
    execution_id = post(service, "/flow/create", flow)["execution_id"]
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        dialog = open_verb(watched.page, "Run")
        command = copied(watched.page, dialog, kind)
    ran(command, kind, folder)
    with looking_at(browser, service, f"#/flow/{execution_id}") as watched:
        watched.page.locator(".run-title .status", has_text="completed").wait_for()
