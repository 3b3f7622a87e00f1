"""Where one looks: places in the address, and the machine as it was then."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Route, expect
from serving import Service

EVENTS = re.compile(r"/events(\?|/stream)")


def test_the_machine_stays_as_one_looks_back(looking: Any, service: Service) -> None:
    """Before a failure the way to it is drawn already, as what is to come; the end that it did not come to is not."""
    task = {"name": "read", "task_type": "fetch_data", "parameters": {"data_source": "nowhere.json"}}
    flow = {"id": "f", "name": "F", "start_task": "read", "tasks": [task]}
    made = service.post("/flow/execute-sync", flow).json["execution_id"]
    with looking() as watched:
        for place in ("", "?seq=3"):
            page = watched.open(f"#/flow/{made}{place}")
            expect(page.locator("g.state")).to_have_count(3)
            names = page.locator("g.state").evaluate_all("states => states.map((state) => state.dataset.state)")
            assert names == ["created", "read", "failed"], place


def test_places_that_are_none(looking: Any, waiting: str) -> None:
    """What is no seq is as if it were not there; and a key that is pressed before a place has come leaves it alone."""
    with looking() as watched:
        for nonsense in ("abc", "-1", "1.5", "0"):
            page = watched.open(f"#/flow/{waiting}?seq={nonsense}")
            expect(page.locator(".event")).not_to_have_count(0)
            expect(page.locator(".banner.is-past")).to_have_count(0)
        held: list[Route] = []
        is_open: list[bool] = []
        page.goto("about:blank")
        page.route(EVENTS, lambda route: route.continue_() if is_open else held.append(route))
        page = watched.open(f"#/flow/{waiting}?seq=5")
        expect(page.locator(".run-title")).to_be_visible()
        page.keyboard.press("ArrowRight")
        is_open.append(True)
        for route in held:
            if route.request.failure is None:
                route.continue_()
        expect(page.locator(".banner.is-past")).to_contain_text("You look at event 5")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".banner.is-past")).to_contain_text("You look at event 6")
