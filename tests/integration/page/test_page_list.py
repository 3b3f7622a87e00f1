"""The list on the page: counted live, filtered, searched, by keys."""

from __future__ import annotations

import re
from typing import Any

from page_flows import CHOOSY, MANY, NEEDLE
from playwright.sync_api import expect
from serving import Service


def test_ten_thousand_are_paged(looking: Any) -> None:
    """Of ten thousand executions a hundred are shown; the rest come page by page, and "back" leads back."""
    with looking() as watched:
        page = watched.open("#/?flow=hay")
        expect(page.locator(".rows tbody tr")).to_have_count(100)
        assert int(page.locator(".chip").first.locator("b").inner_text().replace(",", "")) > MANY
        first = page.locator(".rows tbody code").first.inner_text()
        page.locator(".rows tbody tr").nth(60).click()
        expect(page.locator(".run-title .status")).to_be_visible()
        page.go_back()
        expect(page.locator(".rows tbody tr").nth(60)).to_be_in_viewport()
        page.get_by_role("button", name="Older").click()
        expect(page.locator(".rows tbody code").first).not_to_have_text(first)
        assert "cursor=" in page.url
        page.get_by_role("button", name="Newer").click()
        expect(page.locator(".rows tbody code").first).to_have_text(first)
        watched.shot("list")


def test_filters_are_in_the_address(looking: Any, waiting: str) -> None:
    """A filter changes the address, and an address with filters opens so."""
    with looking() as watched:
        page = watched.open()
        page.get_by_role("group", name="Status").get_by_role("button", name="waiting").click()
        page.get_by_label("Flow").select_option("choosy")
        expect(page.locator(".rows tbody tr .status").first).to_have_text("waiting")
        expect(page.locator(".rows tbody")).not_to_contain_text("hay")
        assert "status=waiting" in page.url
        assert "flow=choosy" in page.url
        shared = page.url.partition("/#")[2]
        page.get_by_label("Since").select_option("1h")
        assert "since=1h" in page.url
        page.go_back()
        expect(page.get_by_label("Since")).to_have_value("")
        watched.open("#" + shared)
        expect(page.locator(f'tr[data-id="{waiting}"]')).to_be_visible()
        expect(page.get_by_role("button", name="waiting")).to_have_attribute("aria-pressed", "true")


def test_search_looks_at_all(looking: Any) -> None:
    """A search finds the one among ten thousand, from the keyboard alone."""
    with looking() as watched:
        page = watched.open()
        expect(page.locator(".rows tbody tr")).to_have_count(100)
        page.keyboard.press("/")
        page.keyboard.type("needle")
        expect(page.locator(".rows tbody tr")).to_have_count(1)
        expect(page.locator(".list-end")).to_contain_text("1 match in 10,0")
        page.keyboard.press("Enter")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.locator(".run-facts")).to_contain_text(NEEDLE)


def test_keys_move_and_help(looking: Any) -> None:
    """J, K and Enter walk the list; ? shows the keys, and Escape closes them."""
    with looking() as watched:
        page = watched.open("#/?flow=hay")
        expect(page.locator(".rows tbody tr")).to_have_count(100)
        for key in "jjjk":
            page.keyboard.press(key)
        expect(page.locator("tr[aria-selected=true]")).to_have_count(1)
        chosen = page.locator("tr[aria-selected=true]").get_attribute("data-id")
        assert chosen == page.locator(".rows tbody tr").nth(1).get_attribute("data-id")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("Enter")
        expect(page.locator(".run-facts")).to_contain_text(str(chosen))
        page.keyboard.press("u")
        expect(page.locator("h1")).to_have_text("Executions")


def test_counts_are_live(looking: Any, service: Service, waiting: str) -> None:
    """A new execution appears in the list, and in the counts, without anybody asking; the one that is chosen stays chosen."""
    with looking() as watched:
        page = watched.open("#/?status=waiting")
        expect(page.locator(".list-head .connection")).to_have_text("live")
        expect(page.locator(f'tr[data-id="{waiting}"]')).to_be_visible()
        chip = page.get_by_role("group", name="Status").get_by_role("button", name="waiting").locator("b")
        expect(chip).not_to_be_empty()
        before = int(chip.inner_text())
        page.keyboard.press("j")
        chosen = page.locator("tr[aria-selected=true]").get_attribute("data-id")
        made = service.post("/flow/execute-sync", CHOOSY, "-H", "Prefer: wait=1").json
        expect(page.locator(f'tr[data-id="{made["execution_id"]}"]')).to_be_visible()
        expect(chip).to_have_text(str(before + 1))
        expect(page.locator("tr[aria-selected=true]")).to_have_attribute("data-id", str(chosen))
        page.keyboard.press("Enter")
        expect(page.locator(".run-facts")).to_contain_text(str(chosen))
        page.go_back()
        expect(page.locator("tr[aria-selected=true]")).to_have_attribute("data-id", str(chosen))


def test_what_begins_later_says_when(looking: Any, service: Service) -> None:
    """An execution that is to begin later says so in the list."""
    body = {"flow": CHOOSY, "start_at": "2999-01-01T00:00:00Z"}
    made = service.post("/flow/create", body).json["execution_id"]
    with looking() as watched:
        row = watched.open("#/?status=created").locator(f'tr[data-id="{made}"]')
        expect(row.locator(".cell-at")).to_have_text(re.compile("^begins in [0-9,]+ days$"))


def test_back_from_a_search_leads_to_the_filter(looking: Any) -> None:
    """Whoever goes back from a search finds the list as it was before its first word."""
    with looking() as watched:
        page = watched.open()
        page.get_by_role("group", name="Status").get_by_role("button", name="created").click()
        expect(page.locator(".rows tbody tr")).to_have_count(100)
        field = page.get_by_placeholder("Search id, flow, task, error")
        field.fill("hay")
        expect(page).to_have_url(re.compile("q=hay$"))
        field.fill("needle")
        expect(page).to_have_url(re.compile("q=needle"))
        expect(page.locator(".rows tbody tr")).to_have_count(1)
        page.keyboard.press("Enter")
        page.go_back()
        expect(page).to_have_url(re.compile(r"status=created$"))
        expect(page.locator(".rows tbody tr")).to_have_count(100)
        expect(field).to_have_value("")


def test_rows_stay_under_the_pointer(looking: Any, service: Service, waiting: str) -> None:
    """While the pointer is on the rows none moves, though the counts go on and a row changes; then all are there."""
    with looking() as watched:
        page = watched.open("#/?flow=choosy")
        expect(page.locator(".list-head .connection")).to_have_text("live")
        row = page.locator(f'tr[data-id="{waiting}"]')
        expect(row.locator(".status")).to_have_text("waiting")
        chip = page.get_by_role("group", name="Status").get_by_role("button", name="created").locator("b")
        expect(chip).not_to_be_empty()
        before = int(chip.inner_text().replace(",", ""))
        row.hover()
        shown = page.locator(".rows tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
        made = service.post("/flow/create", CHOOSY).json["execution_id"]
        expect(chip).to_have_text(f"{before + 1:,}")
        service.post(f"/flow/{waiting}/cancel", {})
        expect(row.locator(".status")).to_have_text("cancelled")
        assert page.locator(".rows tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.id)") == shown
        page.mouse.move(4, 4)
        expect(page.locator(".rows tbody tr").first).to_have_attribute("data-id", made)
