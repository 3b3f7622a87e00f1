"""Executions that go on otherwise, from the page: upgraded, or forked with another version of their flow."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import drop
from page_flows import CHOOSY
from playwright.sync_api import Page, Route, expect
from serving import Service

ITS_OWN = re.compile('"id": "choosy"')


def version_with(**changes: Any) -> dict[str, Any]:
    """The flow, but for a few members of its last task."""
    flow = copy.deepcopy(CHOOSY)
    tasks: list[dict[str, Any]] = flow["tasks"]  # type: ignore[assignment]
    tasks[-1] |= changes
    return flow


def drop_version(page: Page, document: Any, name: str = "flow.json") -> None:
    """Drop a file on the form in the dialog."""
    drop(page.get_by_role("dialog").locator(".version"), json.dumps(document, indent=2), name)


def test_upgrade_to_a_dropped_version(looking: Any, service: Service, waiting: str) -> None:
    """A version that is dropped is checked, rehearsed, and then the execution goes on with it, for a reason."""
    safe = version_with(parameters={"source": "fetch", "records": []})
    with looking() as watched:
        watched.expected.append("409")
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Upgrade", exact=True).click()
        dialog = page.get_by_role("dialog")
        area = dialog.get_by_label("Flow as JSON")
        expect(area).to_have_value(ITS_OWN)
        drop_version(page, CHOOSY)
        expect(area).not_to_have_value(re.compile('"fetch:success"'))  # as it was posted: its conditions have no names
        expect(dialog).to_contain_text("It has this version already")
        drop_version(page, {}, "other.toml")
        command = f"flowsm upgrade {waiting} --to other.toml --db flows.db"
        expect(dialog.get_by_role("alert")).to_contain_text(f"the command line takes both: {command}")
        expect(area).to_have_value(ITS_OWN)
        send = dialog.get_by_role("button", name="Upgrade", exact=True)
        expect(send).to_be_disabled()
        drop_version(page, {"flow": dict(reversed(json.loads(area.input_value()).items()))})
        expect(area).to_have_value(re.compile('^{\\s*"flow"'))
        expect(dialog).to_contain_text("It has this version already")
        drop_version(page, {"flow": version_with(task_type="nothing_at_all")})
        expect(dialog.locator(".finding").first).to_contain_text("nothing_at_all")
        expect(send).to_be_disabled()
        unsafe = copy.deepcopy(CHOOSY)
        unsafe["conditions"][0]["target_task_success"] = "store"  # type: ignore[index]
        drop_version(page, unsafe)
        expect(dialog.locator(".plan.is-failed")).to_contain_text("It would not be safe")
        expect(send).to_be_disabled()
        watched.shot("upgrade-unsafe")
        drop_version(page, {"flow": safe})
        expect(dialog.locator(".plan.is-completed")).to_contain_text("it goes on at approval")
        dialog.get_by_label("Reason").fill("no records any more")
        assert watched.faults() == []
        watched.shot("upgrade")
        send.click()
        expect(dialog).to_have_count(0)
        expect(page.locator(".event-type").last).to_have_text("execution.upgraded")
    upgraded = service.curl(f"/flow/{waiting}/events").json["items"][-1]
    assert upgraded["data"]["reason"] == "no records any more"


@pytest.fixture(scope="module")
def other(service: Service) -> str:
    """The digest of another stored version, that is in the list already when the dialog opens."""
    made = service.post("/flow/create", version_with(parameters={"source": "fetch", "limit": 3}))
    assert made.status == 201, made.body
    digest: str = service.curl("/definitions?flow=choosy").json["items"][0]["digest"]
    return digest


def test_upgrade_to_a_stored_version(looking: Any, other: str, waiting: str) -> None:
    """A version that is stored in the log is chosen from the list of the flow's versions."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Upgrade", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("A stored version").select_option(other)
        expect(dialog.locator(".plan.is-completed")).to_be_visible()
        dialog.get_by_role("button", name="Upgrade", exact=True).click()
        expect(dialog).to_have_count(0)
        expect(page.locator(".event-type").last).to_have_text("execution.upgraded")


def test_fork_with_another_version(looking: Any, service: Service, waiting: str) -> None:
    """A fork is begun with another version and another value; what it would do is said before."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}?seq=7")
        page.get_by_role("button", name="Fork at 7").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("With other values").click()
        dialog.get_by_label("Places and values").fill("results.fetch.data.count=80")
        expect(dialog).to_contain_text("results/fetch/data/count=80")
        dialog.get_by_text("With another version").click()
        expect(dialog.get_by_label("Flow as JSON")).to_have_value(ITS_OWN)
        drop_version(page, version_with(name="store well"))
        expect(dialog.locator(".findings [role=status]")).to_contain_text("error")
        expect(dialog.get_by_role("button", name="Fork", exact=True)).to_be_disabled()
        flow = version_with()
        flow["name"] = "Choosier"
        drop_version(page, flow)
        expect(dialog.locator(".findings [role=status]")).to_contain_text("It is a flow")
        expect(dialog).to_contain_text("It shares 1 result (fetch); it goes on at approval")
        watched.shot("fork")
        dialog.get_by_role("button", name="Fork", exact=True).click()
        expect(page.locator(".relations")).to_contain_text(f"forked at 7 from {waiting}")
        expect(page.locator("h1")).to_have_text("Choosier")
        fork = page.url.rpartition("/")[2]
    assert service.curl(f"/flow/{fork}").json["task_results"]["fetch"]["data"]["count"] == 80


@pytest.fixture
def held(looking: Any, waiting: str) -> Iterator[tuple[Page, Callable[[], None]]]:
    """A page with the dialog of a fork, whose stored version comes when it is let through."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    with looking() as watched:
        watched.page.route(re.compile(r"/definitions/\w+"), hold)
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Fork", exact=True).click()
        with page.expect_request(re.compile(r"/definitions/\w+")):
            page.get_by_role("dialog").get_by_text("With another version").click()

        def let_through() -> None:
            with page.expect_response(re.compile(r"/definitions/\w+")):
                routes.pop(0).continue_()

        yield page, let_through


def test_what_was_written_stays(held: tuple[Page, Callable[[], None]]) -> None:
    """A stored version that comes late does not take the place of what somebody wrote meanwhile."""
    page, let_through = held
    area = page.get_by_role("dialog").get_by_label("Flow as JSON")
    area.fill(json.dumps(version_with(description="mine")))
    let_through()
    expect(page.get_by_role("dialog").get_by_text("It is a flow")).to_be_visible()
    expect(area).to_have_value(re.compile('"mine"'))


def test_what_was_chosen_stays(other: str, held: tuple[Page, Callable[[], None]]) -> None:
    """The version with which the editor would begin does not hold up another one that is chosen before it has come."""
    page, let_through = held
    dialog = page.get_by_role("dialog")
    with page.expect_request(re.compile(rf"/definitions/{other}")):
        dialog.get_by_label("A stored version").select_option(other)
    let_through()
    let_through()
    expect(dialog.get_by_label("Flow as JSON")).to_have_value(re.compile('"limit": 3'))


def test_the_focus_stays_when_the_version_comes(held: tuple[Page, Callable[[], None]]) -> None:
    """Who is already in the editor stays there when its text comes, and can go on at once."""
    page, let_through = held
    area = page.get_by_role("dialog").get_by_label("Flow as JSON")
    area.focus()
    let_through()
    expect(area).to_have_value(ITS_OWN)
    expect(area).to_be_focused()
