"""Tokens on the page: asked for and kept, and what those see who may only look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser import Watched, watched_page
from page_flows import CHOOSY
from playwright.sync_api import Browser, Locator, expect
from serving import Service, serving

TOKEN = "open-sesame-" * 4
READ_TOKEN = "look-at-sesame-" * 4
SIGNAL = re.compile(r"/signal$")
STREAM = re.compile(r"/events/stream")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for tokens."""
    with serving(tmp_path_factory.mktemp("locked"), FLOWSM_TOKEN=TOKEN, FLOWSM_READ_TOKEN=READ_TOKEN) as running:
        yield running


@contextmanager
def opened_with(browser: Browser, service: Service, token: str) -> Iterator[Watched]:
    """The page, once the token that it asked for was given."""
    with watched_page(browser, service.url) as watched:
        page = watched.open()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Token").fill(token)
        dialog.get_by_role("button", name="Use it").click()
        expect(page.locator(".list-head .connection")).to_have_text("live")
        yield watched


def test_token_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    """A service with a token is asked with it, once somebody gave it: lists, streams and verbs alike; it is kept."""
    with serving(tmp_path, FLOWSM_TOKEN=TOKEN) as service, opened_with(browser, service, TOKEN) as watched:
        page = watched.page
        expect(page.locator(".nothing")).to_contain_text("Nothing has been run yet")
        page.keyboard.press("n")
        page.get_by_role("button", name="An example").click()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".run-title .status")).to_have_text("waiting")
        page.get_by_role("button", name="Copy as curl").hover()
        assert 'Bearer $FLOWSM_TOKEN"' in str(page.get_by_role("button", name="Copy as curl").get_attribute("title"))
        page.reload()
        expect(page.locator(".run-title .status")).to_have_text("waiting")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_wrong_token_is_asked_for_again(browser: Browser, locked: Service) -> None:
    """A token that is none of the service's is asked for again, and it is said why; until then nothing is asked in vain."""
    with watched_page(browser, locked.url) as watched:
        page = watched.open("#/flow/some-id")
        dialog = page.get_by_role("dialog")
        for wrong in ("open-barley-" * 4, "••••"):
            dialog.get_by_label("Token").fill(wrong)
            dialog.get_by_role("button", name="Use it").click()
            expect(dialog).to_contain_text("not one of its tokens")
            expect(dialog.get_by_label("Token")).to_have_value("")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        watched.shot("locked")
        page.get_by_role("button", name="Give one").click()
        expect(dialog.get_by_label("Token")).to_be_focused()
        paths = {urlsplit(asked).path for asked in watched.asked}
        assert {path for path in paths if not path.startswith("/page/")} == {"/"}


def give(dialog: Locator, token: str) -> None:
    dialog.get_by_label("Token").fill(token)
    dialog.get_by_role("button", name="Use it").click()
    expect(dialog).to_have_count(0)


def test_a_token_that_is_taken_away(browser: Browser, locked: Service) -> None:
    """A page whose token does not count any more asks for another one; what was typed is still there then."""
    bearer = ("-H", f"Authorization: Bearer {TOKEN}")
    made: Any = locked.post("/flow/execute-sync", CHOOSY, "-H", "Prefer: wait=1", *bearer).json
    with opened_with(browser, locked, TOKEN) as watched:
        watched.expected.append("401")
        page = watched.open(f"#/flow/{made['execution_id']}")
        page.get_by_role("button", name="Approved", exact=True).click()
        verb = page.get_by_role("dialog", name="Choosy")
        verb.get_by_label("Reason").fill("it took long to write this")
        page.route(SIGNAL, lambda route: route.fulfill(status=401, json={}))
        verb.get_by_role("button", name="Approved").click()
        asked = page.get_by_role("dialog", name="asks for a token")
        expect(asked).to_contain_text("not one of its tokens")
        page.unroute(SIGNAL)
        give(asked, TOKEN)
        expect(verb.get_by_label("Reason")).to_have_value("it took long to write this")
        verb.get_by_role("button", name="Approved").click()
        expect(verb).to_have_count(0)
        expect(page.locator(".event-type", has_text="signal.received")).to_be_visible()


def test_a_stream_that_is_refused(browser: Browser, locked: Service) -> None:
    """A stream that a token does not open any more goes on with another one; what that may do is offered then."""
    with opened_with(browser, locked, READ_TOKEN) as watched:
        watched.expected.append("401")
        page = watched.open("#/start")
        page.route(STREAM, lambda route: route.fulfill(status=401, json={}))
        watched.open("#/")
        asked = page.get_by_role("dialog", name="asks for a token")
        expect(asked).to_contain_text("not one of its tokens")
        page.unroute(STREAM)
        give(asked, TOKEN)
        expect(page.locator(".list-head .connection")).to_have_text("live")
        expect(page.locator(".role")).to_have_count(0)


def test_who_may_only_look_is_offered_nothing_else(browser: Browser, locked: Service) -> None:
    """With a read token everything is shown, and no verb is offered; with the other one they are."""
    bearer = ("-H", f"Authorization: Bearer {TOKEN}")
    made: Any = locked.post("/flow/execute-sync", CHOOSY, "-H", "Prefer: wait=1", *bearer).json
    place = f"#/flow/{made['execution_id']}"
    with opened_with(browser, locked, READ_TOKEN) as watched:
        page = watched.page
        expect(page.locator(".role")).to_have_text("read only")
        expect(page.locator(".rows tbody tr").first).to_be_visible()
        page.keyboard.press("n")
        expect(page.get_by_role("link", name="Start")).to_have_count(0)
        watched.open(place)
        expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
        expect(page.locator(".role")).to_be_visible()
        assert page.locator(".actions").count() == 0
        watched.shot("read-only")
        watched.open("#/start")
        page.get_by_role("button", name="An example").click()
        expect(page.get_by_label("Findings").get_by_role("status")).to_contain_text("It can be started")
        assert page.get_by_role("button", name="Start", exact=True).count() == 0
        assert watched.faults() == []
    with opened_with(browser, locked, TOKEN) as watched:
        page = watched.open(place)
        expect(page.locator(".actions").get_by_role("button", name="Approved", exact=True)).to_be_visible()
        assert page.locator(".role").count() == 0
