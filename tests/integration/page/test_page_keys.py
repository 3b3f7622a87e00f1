"""The page without a mouse, and for those who do not look at it: keys, focus, what is said aloud, and motion."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect
from serving import Service

HERE = "document.activeElement"
FITS = """() => [...document.querySelectorAll("g.state")].filter((one) => {
  const box = one.querySelector("rect").getBoundingClientRect();
  return [...one.querySelectorAll(".state-name, .state-type")].some((text) => text.getBoundingClientRect().right > box.right);
}).map((one) => one.dataset.state)"""


def test_an_approval_from_the_keyboard_alone(looking: Any, waiting: str) -> None:
    """From the list to an approval and back no mouse is needed; the focus is never lost on the way."""
    with looking(reduced_motion="reduce") as watched:
        page = watched.open("#/?status=waiting")
        expect(page.locator(f'tr[data-id="{waiting}"]')).to_be_visible()
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
        assert page.evaluate(f"{HERE}.id") == "main"
        pause = page.locator(".actions").get_by_role("button", name="Pause")
        pause.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Reason")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(pause).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Reason")).to_be_focused()
        page.keyboard.type("lunch")
        page.get_by_role("dialog").get_by_role("button", name="Pause").press("Enter")
        expect(page.locator(".run-title .status")).to_have_text("paused")
        expect(page.locator(".actions button").first).to_be_focused()
        expect(page.locator(".run-title [aria-live=polite]")).to_have_text("paused")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("u")
        expect(page.locator("main")).to_be_focused()
        expect(page.locator(".rows tbody tr").first).to_be_visible()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()


def test_keys_of_an_execution(looking: Any, waiting: str) -> None:
    """Arrows, J, K, Home, End, L and the numbers of the tabs lead where the help says."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}")
        expect(page.locator(".slider-said")).to_contain_text("8 of 8")
        for key, place in {"ArrowLeft": 7, "k": 6, "ArrowRight": 7, "j": 8, "Home": 1, "End": 8}.items():
            page.keyboard.press(key)
            expect(page.locator(".slider-said")).to_contain_text(f"{place} of 8")
        page.keyboard.press("l")
        expect(page).not_to_have_url(re.compile("seq="))
        for number, name in enumerate(("Events", "Input", "Output", "Error", "Condition", "State", "Definition"), 1):
            page.keyboard.press(str(number))
            expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "none"), ("no-preference", "breathe")])
def test_motion_is_reduced(looking: Any, motion: str, animation: str) -> None:
    """What breathes while it runs stands still for who wants that."""
    with looking(reduced_motion=motion) as watched:
        page = watched.open()
        expect(page.locator(".rows tbody tr").first).to_be_visible()
        style = """() => {
          const bar = document.createElementNS("http://www.w3.org/2000/svg", "g");
          bar.setAttribute("class", "bar is-running");
          bar.append(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
          document.body.append(bar);
          return getComputedStyle(bar.firstChild).animationName;
        }"""
        assert page.evaluate(style) == animation


def test_names_stay_in_their_boxes(looking: Any, service: Service) -> None:
    """Names of states, however long and wide, are cut where their box ends."""
    names = ["w" * 80, "日本語の長い名前" * 6, "MMMM WWWW " * 6 + "x", "short"]
    tasks = [{"name": name, "task_type": "process_data", "parameters": {"records": []}} for name in names]
    conditions = [{"source_task": one, "target_task_success": other} for one, other in pairwise(names)]
    flow = {"id": "wide", "name": "Wide", "start_task": names[0], "tasks": tasks, "conditions": conditions}
    execution_id = service.post("/flow/execute-sync", flow).json["execution_id"]
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        expect(page.locator("g.state")).to_have_count(6)
        assert page.evaluate(FITS) == []
