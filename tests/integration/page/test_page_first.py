"""The first five minutes on the page, and what it says when something is not there, or fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browser import watched_page
from page_flows import CHOOSY
from playwright.sync_api import Browser, Route, expect
from serving import Service, serving


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of a log in which nothing has been run."""
    with serving(tmp_path_factory.mktemp("empty")) as running:
        yield running


def test_the_first_five_minutes(browser: Browser, empty: Service) -> None:
    """An empty log says what to do; the example is started, approved and completes with a few clicks."""
    with watched_page(browser, empty.url) as watched:
        page = watched.open()
        expect(page.locator(".first")).to_contain_text("Nothing has been run yet")
        expect(page.locator(".first code").last).to_have_text(f"curl -d @flow.json {empty.url}/flow/execute-sync")
        assert page.locator(".filters").count() == 0
        assert watched.faults() == []
        watched.shot("first")
        page.get_by_role("link", name="Try the example").click()
        expect(page.get_by_label("Findings").get_by_role("status")).to_have_text("It can be started.")
        page.get_by_role("button", name="Start", exact=True).click()
        page.locator(".actions").get_by_role("button", name="Approved").click()
        page.get_by_role("dialog").get_by_role("button", name="Approved").click()
        expect(page.locator(".run-title .status")).to_have_text("completed")
        watched.shot("completed")
        page.get_by_role("link", name="Executions", exact=True).click()
        expect(page.locator(".rows tbody tr")).to_have_count(1)
        expect(page.locator(".filters")).to_be_visible()


def test_a_start_at_a_later_time(looking: Any, service: Service) -> None:
    """A flow that is to begin later says so, and is recorded with that moment in the user's own time."""
    with looking(timezone_id="America/New_York") as watched:
        page = watched.open("#/start")
        page.get_by_label("Flow as JSON").fill(json.dumps({"flow": CHOOSY}))
        page.get_by_label("It begins").select_option("later")
        page.get_by_label("At", exact=True).fill("2126-07-01T09:30")
        watched.shot("start-later")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".banner")).to_contain_text("2126")
        expect(page.locator(".banner")).to_contain_text(re.compile(r"in \d+ years"))
        execution_id = page.url.rpartition("/")[2]
    first = service.curl(f"/flow/{execution_id}/events").json["items"][0]
    assert datetime.fromisoformat(first["data"]["start_at"]) == datetime.fromisoformat("2126-07-01T13:30:00+00:00")
    service.post(f"/flow/{execution_id}/cancel", {})


NO_STARTS = {
    "2016-07-01T09:30": "This moment has passed",
    "2126-03-31T02:30": "The clocks skip this time on that day",
    "2126-03-31T02:30:15": "The clocks skip this time on that day",
}


def test_a_moment_at_which_nothing_can_start(looking: Any) -> None:
    """A moment that has passed, or that is none, is said to be so, and nothing is started."""
    with looking(timezone_id="Europe/Berlin") as watched:
        page = watched.open("#/start?example=1")
        page.get_by_label("It begins").select_option("later")
        at, start = page.get_by_label("At", exact=True), page.get_by_role("button", name="Start", exact=True)
        for moment, said in NO_STARTS.items():
            at.fill(moment)
            expect(page.get_by_role("alert")).to_have_count(0)
            start.click()
            expect(page.get_by_role("alert")).to_contain_text(said)
        watched.shot("start-passed")
        at.fill("20260-07-01T09:30")
        start.click()
        expect(page.locator("input:invalid")).to_be_focused()
        at.fill("2126-07-01T09:30:15")
        assert [asked for asked in watched.asked if asked.endswith("/flow/create")] == []
        start.click()
        expect(page.locator(".banner")).to_contain_text("09:30:15")


def test_a_time_to_come_is_counted_down(looking: Any, service: Service) -> None:
    """How far off a moment is that is waited for is told anew each second, and not to those who listen."""
    begins = datetime.now(UTC) + timedelta(minutes=20)
    document = {"flow": CHOOSY, "start_at": begins.isoformat()}
    execution_id = service.post("/flow/create", document).json["execution_id"]
    with looking() as watched:
        watched.page.clock.install()
        page = watched.open(f"#/flow/{execution_id}")
        said = page.get_by_role("status").filter(has_text="It starts at")
        expect(said).to_have_text(re.compile(r", in 19 min \d+ s\.$"))
        page.clock.fast_forward(19 * 60 * 1000)
        expect(said).to_have_text(re.compile(r", in [45]\d s\.$"))
        page.clock.fast_forward(60 * 1000)
        expect(said).to_have_text(re.compile(r", \d+ s ago\.$"))
        expect(said.locator(".off")).to_have_attribute("aria-hidden", "true")
    service.post(f"/flow/{execution_id}/cancel", {})


def test_a_start_that_is_paused(looking: Any) -> None:
    """A flow that is started paused waits, and goes on when it is resumed."""
    with looking() as watched:
        page = watched.open("#/start?example=1")
        page.get_by_label("It begins").select_option("paused")
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".run-title .status")).to_have_text("paused")
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("dialog").get_by_role("button", name="Resume").click()
        expect(page.locator(".run-title .status")).to_have_text("waiting")


@pytest.mark.parametrize("execution_id", ["nobody-knows-it", "%2e%2e%2fflows", "a%20b", "%00", "%E2%98%83"])
def test_an_id_that_leads_nowhere(looking: Any, execution_id: str) -> None:
    """An execution that does not exist is said not to, and leads back to those that do."""
    with looking() as watched:
        watched.expected.append("404")
        page = watched.open(f"#/flow/{execution_id}")
        expect(page.locator("h1")).to_have_text("There is no such execution")
        page.get_by_role("link", name="All executions").click()
        expect(page.locator(".rows tbody tr").first).to_be_visible()


def test_an_address_that_is_no_place(looking: Any) -> None:
    """An address with nonsense in it shows something, and its problem."""
    with looking() as watched:
        watched.expected.append("422")
        page = watched.open("#/?status=nonsense")
        expect(page.get_by_role("alert")).to_contain_text("status")
        page = watched.open("#/nowhere/at/all")
        expect(page.locator("h1")).to_have_text("There is no such page")
        page = watched.open("#/flow/some-id/anything")
        expect(page.locator("h1")).to_have_text("There is no such page")


def test_a_failing_service_is_said_to_fail(looking: Any, waiting: str) -> None:
    """What the service cannot answer is shown as its problem, never as nothing; once it can, that is gone."""
    problem = {"title": "Internal", "status": 500, "code": "internal", "detail": "the service failed"}
    fails = True

    def answer(route: Route) -> None:
        if fails:
            route.fulfill(status=500, content_type="application/problem+json", body=json.dumps(problem))
        else:
            route.fallback()

    with looking() as watched:
        watched.expected += ["500", "ERR_FAILED"]
        watched.page.route(re.compile(r"/flows\b|/flow/[\w-]+$|/graph\?"), answer)
        watched.page.route(re.compile("/events/stream"), lambda route: route.abort())  # an event would ask again, too
        page = watched.open()
        expect(page.get_by_role("alert")).to_contain_text("the service failed")
        watched.shot("failing")
        watched.open(f"#/flow/{waiting}")
        expect(page.locator(".nothing")).to_contain_text("the service failed")
        fails = False
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("heading", name="Choosy")).to_be_visible()
        expect(page.get_by_text("the service failed")).to_have_count(0)


def test_an_answer_that_makes_no_sense(looking: Any, waiting: str) -> None:
    """What cannot be drawn is said to be so, and the rest of the page can be used."""
    with looking() as watched:
        watched.expected.append("")
        watched.page.route(
            re.compile(r"/graph\?"), lambda route: route.fulfill(json={"states": [None], "edges": [None]})
        )
        page = watched.open(f"#/flow/{waiting}")
        expect(page.get_by_role("alert")).to_contain_text("This cannot be drawn")
        page.get_by_role("link", name="Executions", exact=True).click()
        expect(page.locator(".rows tbody tr").first).to_be_visible()
