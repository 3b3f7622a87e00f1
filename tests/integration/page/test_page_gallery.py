"""What is hard to draw, drawn: large machines, long names and errors, deep data, many attempts; pictures are kept of all.

`FLOWSM_GALLERY` says in which ways: `light` by default, `light dark phone` in .ci/long.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from page_gallery import GALLERY
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
