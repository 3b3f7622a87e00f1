"""How the page looks and reads: light and dark, on a phone, to a screen reader; and how a flow is started on it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Watched, drop
from page_flows import CHOOSY, FAILS
from playwright.sync_api import Page, expect
from serving import Service

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

BROKEN = """() => [...document.querySelectorAll("[role=tab], .brand, h1, .top nav a")].filter((one) => {
  const range = document.createRange();
  range.selectNodeContents(one);
  return new Set([...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.bottom / 12))).size > 1;
}).map((one) => one.textContent)"""
"""Words that are drawn in two lines."""

PLACES = {
    "list": ("#/?status=waiting", ".rows tbody tr"),
    "execution": ("#/flow/{}", "g.state"),
    "state": ("#/flow/{}?tab=state&seq=5", ".diff li"),
    "conditions": ("#/flow/{}?tab=condition", ".decision"),
    "start": ("#/start", ".editor"),
}
"""Places of the page, and what is there once they are drawn."""


def look_around(watched: Watched, execution_id: str, prefix: str) -> Iterator[Page]:
    """Every place, drawn; a picture of each is kept, and axe finds no serious fault in it."""
    for name, (place, there) in PLACES.items():
        page = watched.open(place.format(execution_id))
        expect(page.locator(there).first).to_be_visible()
        watched.shot(f"{prefix}-{name}")
        assert watched.faults() == [], place
        yield page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_stumbles(looking: Any, waiting: str, scheme: str) -> None:
    """Axe finds no serious fault, in light and in dark."""
    with looking(color_scheme=scheme, reduced_motion="reduce") as watched:
        assert len(list(look_around(watched, waiting, scheme))) == len(PLACES)


def test_phone(looking: Any, waiting: str) -> None:
    """On a phone nothing is wider than the screen, and axe finds no serious fault."""
    with looking(**PHONE, reduced_motion="reduce") as watched:
        for page in look_around(watched, waiting, "phone"):
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
        for width, place in ((390, f"#/flow/{waiting}"), (1024, f"#/flow/{waiting}"), (320, "#/")):
            watched.page.set_viewport_size({"width": width, "height": 844})
            page = watched.open(place)
            expect(page.locator("g.state, .rows tbody tr").first).to_be_visible()
            assert page.evaluate(BROKEN) == [], width
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dialogs_read_well(looking: Any, waiting: str) -> None:
    """A dialog takes the focus, axe finds no serious fault in it, and what was typed is not lost by the way."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Approved", exact=True).click()
        expect(page.get_by_label("Reason")).to_be_focused()
        page.get_by_text("The same as a command").click()
        page.get_by_label("Reason").fill("it took long to write this")
        page.mouse.click(4, 4)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_contain_text("Escape once more drops what was written here")
        assert watched.faults() == []
        watched.shot("dialog")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("button", name="Approved", exact=True).click()
        expect(page.get_by_label("Reason")).to_have_value("")
        page.get_by_role("dialog").get_by_role("heading").hover()
        page.mouse.down()
        page.mouse.move(4, 4)
        page.mouse.up()
        expect(page.get_by_label("Reason")).to_be_visible()
        page.mouse.click(4, 4)
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_was_written_is_kept(looking: Any) -> None:
    """What was written on the page that starts flows is there until it is started; an example can be taken back."""
    with looking() as watched:
        page = watched.open("#/start")
        area = page.get_by_label("Flow as JSON")
        area.fill(json.dumps(CHOOSY))
        page.get_by_label("Input").fill('{"who": "Ada"}')
        page.get_by_label("It begins").select_option("paused")
        page.get_by_role("link", name="Executions", exact=True).click()
        expect(area).to_have_count(0)
        page.keyboard.press("n")
        expect(area).to_have_value(json.dumps(CHOOSY))
        page.get_by_role("button", name="An example").click()
        expect(area).to_have_value(re.compile("hello"))
        watched.shot("undo")
        page.reload()
        page.get_by_role("button", name="Undo").click()
        expect(area).to_have_value(json.dumps(CHOOSY))
        expect(page.get_by_label("Input")).to_have_value('{"who": "Ada"}')
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".run-title .status")).to_have_text("paused")
        page.get_by_role("link", name="Start").click()
        expect(area).to_have_value("")
        expect(page.get_by_label("It begins")).to_have_value("now")


def test_theme_is_switched_and_kept(looking: Any) -> None:
    """The colours follow the system until somebody chooses, and the choice is kept."""
    with looking(color_scheme="dark") as watched:
        page = watched.open()
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="Colours").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
        page.reload()
        expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
        page.get_by_role("button", name="Colours").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_findings_stand_beside_the_text(looking: Any) -> None:
    """What is wrong in a flow is told beside it while it is written, and leads to its place; what is dropped is taken."""
    with looking() as watched:
        page = watched.open("#/start")
        wrong = json.dumps(CHOOSY, indent=2).replace("wait_for_signal", "wait_for_signl")
        form = page.locator("form.start")
        drop(form, wrong)
        finding = page.locator(".finding").first
        expect(finding).to_contain_text("wait_for_signal")
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
        finding.click()
        area = page.get_by_label("Flow as JSON")
        assert area.evaluate("(one) => one.value.slice(one.selectionStart, one.selectionEnd)") == '"wait_for_signl"'
        assert page.locator(".gutter .is-error").count() == 1
        watched.shot("findings")
        area.fill(wrong.replace("signl", "signal"))
        expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()
        area.fill("{")
        expect(page.locator(".finding").first).to_contain_text("error")
        drop(form, '{"id": "Café"}', encoding="latin-1")
        expect(page.get_by_role("alert")).to_contain_text("flow.json is not UTF-8")
        drop(form, "id: choosy", "my order.yaml")
        expect(page.get_by_role("alert")).to_contain_text("my order.yaml is YAML, and the page takes JSON")
        expect(page.get_by_role("alert")).to_contain_text("flowsm run 'my order.yaml' --db flows.db")
        expect(area).to_have_value("{")
        watched.shot("yaml")


MISFITS = {
    "": "object",
    '{"n": "x"}': "integer",
    '{"n": 1': "no JSON",
    '{"n": 1, "n": 2}': "each key once",
}
"""Inputs that cannot be, and a word of what is said of them."""


def test_an_input_is_checked_before_it_is_sent(looking: Any) -> None:
    """An input that does not fit its flow is told beside it, and nothing is said to be startable until it fits."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    flow = {"flow": CHOOSY | {"id": "fussy", "input_schema": schema}}
    with looking() as watched:
        page = watched.open("#/start")
        page.get_by_label("Flow as JSON").fill(json.dumps(flow))
        status = page.get_by_label("Findings").get_by_role("status")
        start = page.get_by_role("button", name="Start", exact=True)
        for text, said in MISFITS.items():
            page.get_by_label("Input").fill(text)
            expect(page.locator(".finding")).to_contain_text(said)
            expect(status).to_have_text("1 error.")
            expect(start).to_be_disabled()
        watched.shot("input")
        assert page.locator(".gutter .is-error").count() == 0
        page.locator(".finding").click()
        expect(page.get_by_label("Input")).to_be_focused()
        page.get_by_label("Input").fill('{"n": 1}')
        expect(status).to_have_text("It can be started.")
        page.get_by_label("Flow as JSON").fill(json.dumps(flow | {"input": {"n": "own"}}))
        expect(page.locator(".finding")).to_contain_text("integer")
        page.get_by_label("Flow as JSON").fill(json.dumps(flow | {"input": {"n": 2}}))
        expect(page.locator(".finding")).to_contain_text("an input of its own")
        page.get_by_label("Input").fill("")
        expect(status).to_have_text("It can be started.")
        start.click()
        expect(page.locator(".run-title .status")).to_be_visible()


def test_large_numbers_stay(looking: Any, service: Service) -> None:
    """A number that JavaScript cannot hold is sent, shown and copied as it was written."""
    number = 12345678901234567890
    with looking() as watched:
        page = watched.open("#/start")
        page.get_by_label("Flow as JSON").fill(json.dumps(CHOOSY))
        page.get_by_label("Input").fill(
            json.dumps({"number": number, "price": 10.0, "none": -0.0, "much": 1e300}).replace("e+", "e")
        )
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator(".run-title .status")).to_have_text("waiting")
        execution_id = page.url.rpartition("/")[2]
        page.get_by_role("tab", name="Input").click()
        expect(page.locator(".json-bigint")).to_have_text(str(number))
        assert page.locator(".json-number").all_inner_texts() == ["10.0", "-0.0", "1e300"]
        page.get_by_role("button", name="Approved", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Payload as JSON").click()
        dialog.get_by_label("JSON").fill(json.dumps({"amount": number + 1}))
        dialog.get_by_role("button", name="Approved", exact=True).click()
        expect(dialog).to_have_count(0)
    execution = service.curl(f"/flow/{execution_id}").json
    assert execution["input"] == {"number": number, "price": 10.0, "none": 0.0, "much": 1e300}
    assert execution["task_results"]["approval"]["data"] == {"amount": number + 1}


PRESSED = "[aria-pressed=true], [aria-selected=true], [aria-current], .is-on"
SETS = {
    "#/?status=waiting": [".chip", ".top nav a"],
    "#/flow/{}?seq=3": [".tabs button", ".event"],
    "#/flow/{}": [".slider button"],
}
"""Places, and sets of things of which one is chosen."""

SEEN = """(all) => all.map((one) => {
  const style = getComputedStyle(one);
  return [style.backgroundColor, style.color].join();
})"""
BORDERS = "(one) => ['borderTopColor', 'borderLeftColor'].map((name) => getComputedStyle(one)[name])"


def test_what_is_chosen_is_seen_in_high_contrast(looking: Any, waiting: str) -> None:
    """Where the system chooses the colours, what is chosen looks like nothing beside it, and a triangle is one."""
    with looking(forced_colors="active") as watched:
        for number, (place, sets) in enumerate(SETS.items()):
            page = watched.open(place.format(waiting))
            expect(page.locator(".rows tbody tr, g.state").first).to_be_visible()
            expect(page.locator(".connection")).to_have_text("live")
            for one in sets:
                chosen = page.locator(one).and_(page.locator(PRESSED))
                expect(chosen).to_have_count(1)
                looks = page.locator(one).evaluate_all(SEEN)
                assert looks.count(chosen.evaluate_all(SEEN)[0]) == 1, (one, looks)
            if "seq" in place:
                borders = page.locator(".event-detail .json-arrow").first.evaluate(BORDERS)
                assert borders[0] != borders[1]
                kept = page.locator(".event:not([aria-selected=true])").first.evaluate(BORDERS)[1]
                assert kept == page.evaluate("getComputedStyle(document.body).backgroundColor")
            watched.shot(f"forced-{number}")


def test_text_turns_nothing(looking: Any, service: Service) -> None:
    """What turns the direction of text is written out wherever it is drawn; a joiner in an emoji stays."""
    name = "\u202eeman \U0001f469\u200d\U0001f469"
    body = {"flow": FAILS | {"id": "turned", "name": name}, "input": {"source": "\u202eenog.json", "": None, "a: b": 1}}
    made = service.post("/flow/execute-sync", body).json["execution_id"]
    with looking() as watched:
        page = watched.open("#/?flow=turned")
        row = page.locator(f'tr[data-id="{made}"]')
        expect(row.locator("b")).to_have_text(name.replace("\u202e", "\\u202e"))
        expect(row.locator(".error-text")).to_be_visible()
        assert "\u202e" not in page.locator("body").inner_text()
        watched.shot("turned")
        page = watched.open(f"#/flow/{made}?tab=error")
        expect(page.locator("h1")).to_have_text(name.replace("\u202e", "\\u202e"))
        expect(page.locator(".error-card")).to_contain_text("\\u202eenog.json")
        assert "\u202e" not in page.locator("body").inner_text()
        page.get_by_role("tab", name="Input").click()
        expect(page.locator(".json-key")).to_have_text(["source", '""', '"a: b"'])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper(looking: Any, waiting: str, scheme: str) -> None:
    """On paper there is nothing that can only be pressed, and all is light."""
    with looking(color_scheme=scheme) as watched:
        for place, there in (("#/?status=waiting", ".rows tbody tr"), (f"#/flow/{waiting}?tab=state&seq=5", "g.state")):
            page = watched.open(place)
            page.emulate_media(media="print")
            expect(page.locator(there).first).to_be_visible()
            for pressed in (".top", ".actions", ".slider", ".graph-tools", ".fields", ".json-tools"):
                assert page.locator(pressed).locator("visible=true").count() == 0, pressed
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
            watched.shot(f"paper-{scheme}-{there[1]}")
            page.emulate_media(media="screen")
