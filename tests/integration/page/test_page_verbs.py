"""What executions ask for and are asked, on the page: payloads with schemas, parts of others, retries with other values."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

from page_flows import FAILS
from playwright.sync_api import expect
from serving import Service

SCHEMA = {
    "type": "object",
    "required": ["amount", "currency"],
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "currency": {"enum": ["EUR", "USD"]},
        "note": {"type": "string"},
    },
}
PICKY = {
    "id": "picky",
    "name": "Picky",
    "start_task": "approval",
    "tasks": [{"name": "approval", "task_type": "wait_for_signal", "parameters": {"schema": SCHEMA}}],
    "conditions": [{"source_task": "approval", "outcome": "approved", "target_task_success": "end"}],
}
WAITS = {
    "id": "waits",
    "name": "Waits",
    "start_task": "answer",
    "tasks": [{"name": "answer", "task_type": "wait_for_signal"}],
}
WHOLE = {
    "id": "whole",
    "name": "The whole",
    "start_task": "part",
    "tasks": [
        {
            "name": "part",
            "task_type": "subflow",
            "parameters": {
                "flow": {
                    "id": "part",
                    "name": "A part",
                    "start_task": "answer",
                    "tasks": [{"name": "answer", "task_type": "wait_for_signal"}],
                }
            },
        }
    ],
}


def started(service: Service, flow: Any, input: Any = None) -> str:
    """The id of an execution that has come as far as it can."""
    made = service.post("/flow/execute-sync", {"flow": flow, "input": input}, "-H", "Prefer: wait=1").json
    execution_id: str = made["execution_id"]
    return execution_id


def test_a_payload_has_to_fit(looking: Any, service: Service) -> None:
    """A signal whose payload has a schema begins with what fits it nearly; what does not fit is refused, and said why."""
    execution_id = started(service, PICKY)
    with looking() as watched:
        watched.expected.append("409")
        page = watched.open(f"#/flow/{execution_id}")
        page.locator(".actions").get_by_role("button", name="Approved").click()
        dialog = page.get_by_role("dialog")
        payload = dialog.get_by_label("JSON", exact=True)
        expect(payload).to_be_focused()
        expect(dialog.get_by_label("Reason")).to_have_count(0)
        assert json.loads(payload.input_value()) == {"amount": None, "currency": None}, (
            "what is approved is said by who approves"
        )
        dialog.get_by_text("What it has to fit").click()
        assert watched.faults() == []
        payload.fill('{"amount": 0, "currency": "EUR"}')
        dialog.get_by_role("button", name="Approved").click()
        expect(dialog.get_by_role("alert")).to_contain_text("amount")
        watched.shot("payload")
        payload.fill('{"amount": 1,')
        expect(dialog.get_by_role("button", name="Approved")).to_be_enabled()
        dialog.get_by_role("button", name="Approved").click()
        expect(dialog.get_by_role("alert")).to_contain_text("cannot be read")
        payload.fill('{"amount": 7, "currency": "USD"}')
        dialog.get_by_role("button", name="Approved").click()
        expect(page.locator(".run-title .status")).to_have_text("completed")
    result = service.curl(f"/flow/{execution_id}").json["task_results"]["approval"]
    assert result["data"] == {"amount": 7, "currency": "USD"}


def test_a_payload_with_room_for_a_reason(looking: Any, service: Service) -> None:
    """Where a payload's schema has room for a reason, there is a field for it, and it goes into the payload."""
    flow = copy.deepcopy(PICKY)
    del flow["tasks"][0]["parameters"]["schema"]["additionalProperties"]  # type: ignore[index]
    execution_id = started(service, flow)
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        page.locator(".actions").get_by_role("button", name="Approved").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("JSON", exact=True).fill('{"amount": 1, "currency": "EUR"}')
        dialog.get_by_label("Reason").fill("within the budget")
        watched.shot("payload-reason")
        dialog.get_by_role("button", name="Approved").click()
        expect(page.locator(".run-title .status")).to_have_text("completed")
    result = service.curl(f"/flow/{execution_id}").json["task_results"]["approval"]
    assert result["data"] == {"amount": 1, "currency": "EUR", "reason": "within the budget"}


def test_parts_lead_to_the_whole_and_back(looking: Any, service: Service) -> None:
    """An execution and its part lead to one another, while it waits for it and when both have ended."""
    execution_id = started(service, WHOLE)
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        expect(page.locator(".relations")).to_contain_text("waits for")
        page.locator(".relations a").click()
        expect(page.locator("h1")).to_have_text("A part")
        expect(page.locator(".relations")).to_contain_text(f"a part of {execution_id}")
        watched.shot("part")
        page.locator(".actions").get_by_role("button", name="Approve").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        expect(page.locator(".run-title .status")).to_have_text("completed")
        page.locator(".relations a").click()
        expect(page.locator("h1")).to_have_text("The whole")
        expect(page.locator(".run-title .status")).to_have_text("completed")
        expect(page.locator(".relations")).to_contain_text("at part it ran")
        page.locator(".relations a").click()
        expect(page.locator("h1")).to_have_text("A part")


def test_retry_with_other_values(looking: Any, service: Service) -> None:
    """A failed execution goes on with values that somebody gives in place of those that were recorded."""
    execution_id = started(service, FAILS, {"source": "nowhere.json"})
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        expect(page.locator(".banner.is-failed")).to_contain_text("nowhere.json")
        page.get_by_role("button", name="Retry", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("the other source")
        dialog.get_by_text("With other values").click()
        dialog.get_by_label("Places and values").fill("no place at all")
        dialog.get_by_role("button", name="Retry", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text("expected PLACE=VALUE")
        dialog.get_by_label("Places and values").fill("input.source=sample")
        watched.shot("retry")
        dialog.get_by_role("button", name="Retry", exact=True).click()
        expect(page.locator(".run-title .status")).to_have_text("completed")
    events = service.curl(f"/flow/{execution_id}/events").json["items"]
    redriven = next(one["data"] for one in events if one["type"] == "execution.redriven")
    assert redriven["reason"] == "the other source"
    assert redriven["overrides"] == {"/input/source": "sample"}


def test_what_was_removed_says_so(looking: Any, service: Service) -> None:
    """An execution that is removed while it is looked at says so, is not offered to be retried, and is forked as before."""
    execution_id = started(service, FAILS, {"source": "nowhere.json"})
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        expect(page.locator(".actions button")).to_have_text(["Retry", "Fork"])
        service.curl(f"/flow/{execution_id}", "-X", "DELETE", "-d", '{"reason": "an old one", "actor": "Ada"}')
        expect(page.locator(".run-title .role")).to_have_text("removed from the lists")
        expect(page.locator(".run-removed")).to_have_text(re.compile("^Removed .+ by Ada: an old one$"))
        expect(page.locator(".actions button")).to_have_text(["Fork"])
        watched.shot("removed")
        page.locator(".actions").get_by_role("button", name="Fork").click()
        page.get_by_role("dialog").get_by_role("button", name="Fork", exact=True).click()
        expect(page.locator(".relations")).to_contain_text(f"from {execution_id}")


def test_an_answer_while_it_is_paused(looking: Any, service: Service) -> None:
    """What was answered while the execution is paused is said to have come, and is not asked for a second time."""
    execution_id = started(service, WAITS)
    with looking() as watched:
        watched.expected.append("412")
        page = watched.open(f"#/flow/{execution_id}")
        approve = page.locator(".actions").get_by_role("button", name="Approve", exact=True)
        approve.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Reason").fill("as agreed")
        service.post(f"/flow/{execution_id}/pause", {"reason": "lunch"})
        expect(page.locator(".run-title .status")).to_have_text("paused")
        dialog.get_by_role("button", name="Approve", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text("has moved on since this was opened")
        expect(dialog.get_by_label("Reason")).to_have_value("as agreed")
        watched.shot("moved-on")
        dialog.get_by_role("button", name="Approve all the same").click()
        expect(page.locator(".banner.is-paused")).to_contain_text("has come with event")
        expect(approve).to_have_count(0)
        page.locator(".actions").get_by_role("button", name="Resume").click()
        dialog.get_by_role("button", name="Resume").click()
        expect(page.locator(".run-title .status")).to_have_text("completed")
    assert service.curl(f"/flow/{execution_id}").json["task_results"]["answer"]["data"] == {"reason": "as agreed"}


def test_a_verb_for_what_has_ended_meanwhile(looking: Any, service: Service) -> None:
    """Whoever is about to ask something of an execution that ends is told so, and cannot send it."""
    execution_id = started(service, WAITS)
    with looking() as watched:
        page = watched.open(f"#/flow/{execution_id}")
        page.locator(".actions").get_by_role("button", name="Pause").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Pause")).to_be_enabled()
        service.post(f"/flow/{execution_id}/cancel", {})
        expect(dialog.locator(".banner")).to_have_text("It has ended meanwhile.")
        expect(dialog.get_by_role("button", name="Pause")).to_be_disabled()
