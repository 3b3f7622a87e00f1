"""What is hard to draw, drawn: large machines, long names and errors, deep data, many attempts; pictures are kept of all.

`FLOWSM_GALLERY` says in which ways: `light` by default, `light dark phone` in .ci/long.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from page_gallery import GALLERY, LARGEST
from playwright.sync_api import Page, expect
from serving import Service

ENDS = {"large": "waiting", "names": "waiting", "error": "failed", "deep": "completed", "retries": "failed"}
WAYS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll(".edge text")].map((one) => [one.textContent, one.getBoundingClientRect()]);
  return boxes.flatMap(([first, one], index) => boxes.slice(index + 1).filter(([, two]) => one.left < two.right - 1 &&
    two.left < one.right - 1 && one.top + 3 < two.bottom && two.top + 3 < one.bottom).map(([second]) => `${first} | ${second}`));
}"""

OUTSIDE = """() => {
  const box = document.querySelector(".graph-box").getBoundingClientRect();
  return [...document.querySelectorAll("g.state")].filter((one) => {
    const its = one.getBoundingClientRect();
    return its.left < box.left || its.right > box.right || its.top < box.top || its.bottom > box.bottom;
  }).length;
}"""
"""How many states are not to be seen."""


@pytest.fixture(scope="module")
def shown(service: Service) -> dict[str, str]:
    """The executions, as far as they get, by short names."""
    made = {
        name: service.post("/flow/execute-sync", flow, "-H", "Prefer: wait=2").json for name, flow in GALLERY.items()
    }
    return {name: one["execution_id"] for name, one in made.items()}


def at_ease(page: Page, width: int) -> None:
    """Nothing is wider than the window."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("way", os.environ.get("FLOWSM_GALLERY", "light").split())
def test_what_is_hard_to_draw(looking: Any, shown: dict[str, str], way: str) -> None:
    """All of it fits its window, with few elements, and axe finds no serious fault."""
    options = WAYS[way]
    width = options.get("viewport", {"width": 1360})["width"]
    with looking(**options, reduced_motion="reduce") as watched:
        for name, execution_id in shown.items():
            page = watched.open(f"#/flow/{execution_id}")
            expect(page.locator(".run-title .status")).to_have_text(ENDS[name])
            expect(page.locator("g.state").first).to_be_visible()
            at_ease(page, width)
            assert watched.faults() == [], name
            watched.shot(f"{way}-{name}")
            tab = {"error": "error", "retries": "error", "deep": "output", "large": "condition"}.get(name, "definition")
            page = watched.open(f"#/flow/{execution_id}?tab={tab}")
            expect(page.locator(".tab-panel .json, .decision, .error-card").first).to_be_visible()
            at_ease(page, width)
            assert watched.faults() == [], (name, tab)
            assert page.locator("*").count() < 1500
            watched.shot(f"{way}-{name}-{tab}")
        page = watched.open()
        expect(page.locator(".rows tbody tr").first).to_be_visible()
        at_ease(page, width)
        watched.shot(f"{way}-gallery")


def test_labels_do_not_cover_one_another(looking: Any, shown: dict[str, str]) -> None:
    """In a large machine with loops, and with all its ways out, no edge's words cover another's."""
    with looking(viewport={"width": 1360, "height": 2400}) as watched:
        for name in ("large", "names"):
            page = watched.open(f"#/flow/{shown[name]}")
            expect(page.locator("g.state").first).to_be_visible()
            page.get_by_label("all ways out").check()
            assert page.evaluate(OVERLAPS) == []


def test_every_attempt_is_there(looking: Any, shown: dict[str, str]) -> None:
    """Of fifty attempts each is a bar, by events, and thirty errors are shown before one asks for more."""
    with looking() as watched:
        page = watched.open(f"#/flow/{shown['retries']}?tab=error")
        page.get_by_text("by events").click()
        expect(page.locator(".bar")).to_have_count(51)
        watched.shot("fifty-attempts")
        expect(page.locator(".error-card")).to_have_count(30)
        page.get_by_role("button", name="20 earlier ones").click()
        expect(page.locator(".error-card")).to_have_count(50)


@pytest.mark.parametrize("shape", LARGEST)
def test_the_largest_is_seen_whole(looking: Any, service: Service, shape: str) -> None:
    """Sixty tasks are legible at first, seen whole at a key or a button, larger and smaller, and dragged."""
    execution_id = service.post("/flow/create", LARGEST[shape]).json["execution_id"]
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        state = page.locator('g.state[data-state="task 0"]')
        expect(state).to_be_visible()
        legible = state.bounding_box()
        assert legible is not None
        assert legible["height"] > 26
        assert page.evaluate(OUTSIDE) > 30
        watched.shot(f"{shape}-legible")
        page.keyboard.press("0")
        expect(page.get_by_role("button", name="The whole of it")).to_have_attribute("aria-pressed", "true")
        assert page.evaluate(OUTSIDE) == 0
        watched.shot(f"{shape}-whole")
        page.keyboard.press("+")
        page.get_by_role("button", name="Smaller").click()
        assert page.evaluate(OUTSIDE) == 0
        page.get_by_role("button", name="The whole of it").click()
        expect(state).to_be_in_viewport()
        before = state.bounding_box()
        assert before is not None
        page.mouse.move(before["x"] + 20, before["y"] + 10)
        page.mouse.down()
        page.mouse.move(before["x"] - 30, before["y"] - 40)
        page.mouse.up()
        after = state.bounding_box()
        assert after is not None
        assert (before["x"] - after["x"], before["y"] - after["y"]) == ((50, 0) if shape == "fan" else (0, 50))
        expect(state).to_have_attribute("aria-pressed", "false")
