"""An execution on the page: started, watched, answered, scrubbed, failed, retried."""

from __future__ import annotations

import json
import re
from typing import Any

from page_flows import CHOOSY, HOSTILE, LONG_ID, Folder
from playwright.sync_api import Page, Route, expect
from serving import Service


def look_of(page: Page, state: str) -> str | None:
    """What a state of the machine is lit as."""
    return page.locator(f'g.state[data-state="{state}"]').get_attribute("data-look")


def answer(page: Page, button: str, reason: str) -> None:
    """Press a button, give a reason, and send it."""
    page.locator(".actions").get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_label("Who asks").fill("Ada")
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_have_count(0)


def test_from_a_file_to_a_retry(looking: Any, service: Service, folder: Folder, flow_file: Any) -> None:
    """A flow is started from a file, watched live, approved, fails, is explained, and completes when it is retried."""
    with looking() as watched:
        watched.expected.append("409")
        page = watched.open("#/start")
        page.locator("input[type=file]").set_input_files(flow_file({"flow": CHOOSY}))
        expect(page.get_by_label("Findings").get_by_role("status")).to_contain_text("It can be started")
        page.get_by_label("Input").fill('{"who": "Ada"}')
        watched.shot("start")
        page.get_by_role("button", name="Start", exact=True).click()

        expect(page.locator(".run-title .status")).to_have_text("waiting")
        expect(page.locator(".banner.is-waiting")).to_contain_text("waits for signal 'approval'")
        expect(page).to_have_title(re.compile("^Choosy: waiting"))
        expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
        assert (look_of(page, "fetch"), look_of(page, "store")) == ("completed", "never")
        watched.shot("waiting")

        answer(page, "Approved", "it's within the budget")
        expect(page.locator(".run-title .status")).to_have_text("failed")
        expect(page.locator('g.state[data-state="pause a little"]')).to_have_attribute("data-look", "completed")
        expect(page.locator(".banner.is-failed")).to_contain_text("late.json")
        expect(page.locator('g.state[data-state="read late"]')).to_have_attribute("data-look", "failed")
        page.get_by_role("button", name="Look at the error").click()
        expect(page.locator(".error-card").first).to_contain_text("late.json")
        watched.shot("failed")

        folder.write("late.json")
        answer(page, "Retry", "the file is there now")
        expect(page.locator(".run-title .status")).to_have_text("completed")
        expect(page.locator('g.state[data-state="store"]')).to_have_attribute("data-look", "completed")
        execution_id = page.url.rpartition("/")[2].partition("?")[0]
    events = service.curl(f"/flow/{execution_id}/events").json["items"]
    said = {one["type"]: one["data"] for one in events}
    assert said["execution.created"]["input"] == {"who": "Ada"}
    assert said["signal.received"]["payload"] == {"reason": "it's within the budget"}
    assert (said["execution.redriven"]["reason"], said["execution.redriven"]["actor"]) == (
        "the file is there now",
        "Ada",
    )


def test_history_is_scrubbed(looking: Any, waiting: str) -> None:
    """The slider lights the machine as it was, greys what came after, shows state and diff, and goes back to live."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}?tab=state")
        expect(page.locator(".slider-said")).to_contain_text("wait.started")
        slider = page.get_by_role("slider", name="Event")
        last = int(slider.input_value())
        slider.focus()
        page.keyboard.press("Home")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(page.locator(".slider-said")).to_contain_text("task.started")
        expect(page.locator('g.state[data-state="fetch"]')).to_have_attribute("data-look", "running")
        assert look_of(page, "approval") == "never"
        assert page.locator('.bar[data-look="future"]').count() == 1
        expect(page.locator(".diff")).to_contain_text("/phase")
        expect(page.get_by_role("group", name="state", exact=True)).to_contain_text('phase: "running"')
        expect(page.locator(".banner.is-past")).to_contain_text("the past")
        page.get_by_role("tab", name="Events").click()
        assert page.locator(".event.is-future").count() == last - 4
        watched.shot("scrubbed")

        page.locator("h1").click()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".slider-said")).to_contain_text("transition.taken")
        page.keyboard.press("j")
        expect(page.locator(".slider-said")).to_contain_text("task.started")
        page.keyboard.press("l")
        expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
        expect(page).not_to_have_url(re.compile("seq"))


def test_live_is_live(looking: Any, service: Service, waiting: str) -> None:
    """What somebody else does is shown without anybody asking; while the past is looked at, the past stays."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}")
        expect(page.locator(".run-title .status")).to_have_text("waiting")
        page.keyboard.press("Home")
        expect(page.locator(".slider-said")).to_contain_text("execution.created")
        service.post(f"/flow/{waiting}/signal", {"name": "approval", "outcome": "rejected", "actor": "Bob"})
        expect(page.locator(".run-title")).to_contain_text("failed now")
        expect(page.locator(".slider-said")).to_contain_text("execution.created")
        page.get_by_role("button", name="Back to live").click()
        expect(page.locator('g.state[data-state="apologise"]')).to_have_attribute("data-look", "completed")
        expect(page.locator('g.state[data-state="store"]')).to_have_attribute("data-look", "skipped")


def test_many_windows(looking: Any, service: Service, waiting: str) -> None:
    """Seven windows of one browser, which has six connections, show what happens; one takes the place of another."""
    lists, run = "#/?status=waiting&flow=choosy", f"#/flow/{waiting}"
    with looking() as watched:
        windows = [watched.page, *(watched.page.context.new_page() for _ in range(6))]
        for window, place in zip(windows, [lists] * 4 + [run, run, lists], strict=True):
            window.goto(f"{service.url}/{place}", wait_until="commit")
        for window in windows:
            expect(window.locator(".connection")).to_have_text(re.compile("^(live|every second)$"))
            expect(window.get_by_text(waiting).first).to_be_visible()
        said = [window.locator(".connection").inner_text() for window in windows]
        assert sorted(said) == ["every second"] * 3 + ["live"] * 4
        service.post(f"/flow/{waiting}/signal", {"name": "approval", "outcome": "rejected"})
        for window in windows[4:6]:
            expect(window.locator(".run-title .status")).to_have_text("failed")
        for window in (*windows[:4], windows[6]):
            expect(window.locator(f'tr[data-id="{waiting}"]')).to_have_count(0)
        *others, last = (
            window
            for name in ("live", "every second")
            for window, one in zip(windows, said, strict=True)
            if one == name
        )
        for window in others:
            window.close()
        expect(last.locator(".connection")).to_have_text("live")


def test_verbs_pause_resume_cancel(looking: Any, service: Service, waiting: str) -> None:
    """Pause, resume and cancel are offered when they are possible, and recorded with their reasons."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}")
        answer(page, "Pause", "lunch")
        expect(page.locator(".run-title .status")).to_have_text("paused")
        expect(page.locator(".banner.is-paused")).to_contain_text("lunch")
        answer(page, "Resume", "back")
        expect(page.locator(".run-title .status")).to_have_text("waiting")
        answer(page, "Cancel", "no longer wanted")
        expect(page.locator(".run-title .status")).to_have_text("cancelled")
        assert page.locator(".actions button").all_inner_texts() == ["Fork"]
        expect(page.locator('g.state[data-state="cancelled"]')).to_have_attribute("data-look", "cancelled")
    events = service.curl(f"/flow/{waiting}/events").json["items"]
    reasons = [one["data"]["reason"] for one in events if one["data"].get("reason")]
    assert reasons[:3] == ["lunch", "back", "no longer wanted"]


def test_refusal_says_what_is_possible(looking: Any, service: Service, waiting: str) -> None:
    """A verb that comes too late is answered in the dialog, with what is possible instead."""
    with looking() as watched:
        watched.expected += ["409", "412"]
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Approved", exact=True).click()
        service.post(f"/flow/{waiting}/pause", {"reason": "first"})
        page.get_by_role("dialog").get_by_role("button", name="Approved", exact=True).click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("moved on")


def test_a_signal_that_nobody_waits_for(looking: Any, waiting: str) -> None:
    """What the service says of a signal that is of no use is shown, and nothing is sent twice."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Signal …").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Signal").fill("aproval")
        dialog.get_by_role("button", name="Signal", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text("did you mean 'approval'?")
        expect(dialog.get_by_role("button", name="Signal", exact=True)).to_have_count(0)
        dialog.get_by_role("button", name="Close").last.click()
        expect(dialog).to_have_count(0)


def test_an_answer_while_cut_off(looking: Any, service: Service, waiting: str) -> None:
    """Without a stream all parts of the page tell of what an answer led to; a dialog for what is over cannot be sent."""
    with looking() as watched:
        watched.expected.append("ERR_FAILED")
        page = watched.open(f"#/flow/{waiting}")
        expect(page.locator(".connection")).to_have_text("live")
        page.get_by_role("button", name="Approved", exact=True).click()
        service.post(f"/flow/{waiting}/pause", {})
        expect(page.locator(".run-title .status")).to_have_text("paused")
        expect(page.get_by_role("dialog").get_by_role("button", name="Approved", exact=True)).to_be_enabled()
        service.post(f"/flow/{waiting}/cancel", {})
        expect(page.get_by_role("dialog")).to_contain_text("Nobody waits for this any more")
        expect(page.get_by_role("dialog").get_by_role("button", name="Approved", exact=True)).to_be_disabled()
    waits = service.post("/flow/execute-sync", CHOOSY, "-H", "Prefer: wait=1").json["execution_id"]
    with looking() as watched:
        watched.expected.append("ERR_FAILED")
        page = watched.open(f"#/flow/{waits}")
        expect(page.locator(".event")).to_have_count(8)
        page.route(re.compile("/events/stream"), lambda route: route.abort())
        page.evaluate("""() => {
          Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
          for (window.away of [true, false]) document.dispatchEvent(new Event("visibilitychange"));
        }""")
        expect(page.locator(".connection")).to_contain_text("trying again")
        answer(page, "Pause", "lunch")
        expect(page.locator(".run-title .status")).to_have_text("paused")
        expect(page.locator(".banner.is-paused")).to_contain_text("lunch")
        expect(page.locator(".event-type").last).to_have_text("execution.paused")


def test_an_answer_that_was_lost(looking: Any, service: Service, waiting: str) -> None:
    """An approval whose answer was lost is the same one when it is sent again."""

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    with looking() as watched:
        watched.expected += ["ERR_FAILED", "412"]
        watched.page.route(re.compile("/signal$"), lose, times=1)
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Approved", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Approved", exact=True).click()
        expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
        dialog.get_by_role("button", name="Approved", exact=True).click()
        expect(dialog).to_have_count(0)
    events = service.curl(f"/flow/{waiting}/events").json["items"]
    assert [one["type"] for one in events].count("signal.received") == 1


def test_what_is_copied_can_be_run(looking: Any, service: Service, waiting: str) -> None:
    """The id and the commands are copied; the curl does what the button would."""
    with looking(permissions=["clipboard-read", "clipboard-write"]) as watched:
        page = watched.open(f"#/flow/{waiting}")
        page.get_by_role("button", name="Copy the id").click()
        assert page.evaluate("navigator.clipboard.readText()") == waiting
        page.get_by_role("button", name="Copy as CLI").click()
        assert page.evaluate("navigator.clipboard.readText()") == f"flowsm show {waiting} --db flows.db"
        page.get_by_role("button", name="Pause", exact=True).click()
        page.get_by_label("Reason").fill("it's late")
        page.get_by_text("The same as a command").click()
        commands = page.locator(".command code").all_inner_texts()
    assert commands[1] == f"flowsm pause {waiting} --reason 'it'\\''s late' --db flows.db"
    assert commands[2] == f'await manager.pause("{waiting}", reason="it\'s late")'
    said = json.dumps({"reason": "it's late"}, separators=(",", ":")).replace("'", "'\\''")
    assert commands[0] == f"curl -H 'Content-Type: application/json' -d '{said}' {service.url}/flow/{waiting}/pause"


def test_ten_thousand_events(looking: Any) -> None:
    """A stream of ten thousand events is shown with the elements of a short one, and scrubbed."""
    with looking() as watched:
        page = watched.open(f"#/flow/{LONG_ID}")
        expect(page.locator(".slider-said")).to_contain_text("of 9,907")
        assert page.locator(".event").count() < 100
        assert page.locator(".bar").count() < 1500
        page.get_by_role("slider", name="Event").evaluate(
            "(one) => { for (let to = 1; to < 9000; to += 30) { one.value = to; one.dispatchEvent(new Event('input', {bubbles: true})); } }"
        )
        expect(page.locator(".slider-said")).to_contain_text("8,971 of")
        expect(page.locator('.event[aria-selected="true"] .event-seq')).to_have_text("8971")
        expect(page.locator('g.state[data-state="turn"] .visits-text')).to_have_text(re.compile("2990$"))
        expect(page).to_have_url(re.compile("seq=8971"))
        watched.shot("long")


def test_hostile_text_stays_text(looking: Any, service: Service) -> None:
    """Names, results and errors of flows that are markup are shown as they are written."""
    tasks = [
        {"name": HOSTILE, "task_type": "process_data", "parameters": {"records": [{HOSTILE: HOSTILE}]}},
        {"name": "second", "task_type": "fetch_data", "parameters": {"data_source": HOSTILE}},
    ]
    conditions = [{"name": HOSTILE, "source_task": HOSTILE, "target_task_success": "second"}]
    flow = {"id": "hostile", "name": HOSTILE, "start_task": HOSTILE, "tasks": tasks, "conditions": conditions}
    made = service.post("/flow/execute-sync", {"flow": flow, "input": {HOSTILE: HOSTILE, "turned": "\u202ex"}}).json
    with looking() as watched:
        page = watched.open(f"#/flow/{made['execution_id']}")
        expect(page.locator("h1")).to_have_text(HOSTILE)
        assert page.locator(".run-facts code").evaluate("(one) => getComputedStyle(one).unicodeBidi") == "isolate"
        page.get_by_role("tab", name="Input").click()
        expect(page.locator(".json-string").last).to_have_text('"\\u202ex"')
        for tab in ("Events", "Input", "Output", "Error", "Condition", "State", "Definition"):
            page.get_by_role("tab", name=tab).click()
            expect(page.locator(".tab-panel")).to_contain_text("onerror")
            assert page.evaluate("[window.hurt, document.querySelectorAll('main img, main script').length]") == [
                None,
                0,
            ]
        watched.open("#/?q=onerror")
        expect(page.locator(".rows tbody tr")).to_have_count(1)
        expect(page.locator(".rows tbody tr")).to_contain_text(HOSTILE)
        assert page.evaluate("window.hurt") is None


def test_names_that_hide(looking: Any, service: Service) -> None:
    """A name of which nothing can be seen is that of the flow's id, and one that would turn what stands beside it does not."""
    task = "exe.\u202efdp"
    flow = {"start_task": task, "tasks": [{"name": task, "task_type": "wait_for_signal"}]}
    nameless = service.post("/flow/create", flow | {"id": "nameless", "name": " \u200b"}).json["execution_id"]
    turned = service.post("/flow/create", flow | {"id": "turned", "name": "exe.\u202efdp"}).json["execution_id"]
    with looking() as watched:
        page = watched.open(f"#/flow/{turned}")
        expect(page.locator("g.state title", has_text="fdp")).to_contain_text("exe.\\u202efdp, wait_for_signal: ")
        expect(page.locator("g.state .state-name", has_text="fdp")).to_have_text("exe.\\u202efdp")
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_role("dialog", name="Pause: exe.\\u202efdp")).to_be_visible()
        watched.open(f"#/flow/{nameless}")
        expect(page.locator("h1")).to_have_text("nameless")
        expect(page).to_have_title(re.compile("^nameless: created"))
        watched.open("#/?status=created&flow=nameless")
        expect(page.locator(".rows tbody b")).to_have_text("nameless")
        names = page.get_by_label("Flow").locator("option").all_inner_texts()
        assert {"nameless", "exe.\\u202efdp (turned)"} <= set(names)


CUT_OFF = """() => {
  const outer = document.querySelector(".graph svg[role=group]").getBoundingClientRect();
  return [...document.querySelectorAll("g.edge text")].filter((text) => {
    const inner = text.getBoundingClientRect();
    return inner.left < outer.left || inner.right > outer.right;
  }).map((text) => text.textContent);
}"""


def test_what_leads_along_an_edge(looking: Any, service: Service) -> None:
    """An edge says which outcome leads along it, and what else has to hold; of the usual outcome that alone."""
    asked = {"source_task": "fetch", "target_task_success": "many"}
    few = asked | {"name": "few", "outcome": "few", "target_task_success": "end"}
    count = {"path": "/results/fetch/data/count", "op": "gt", "value": 9}
    flow = {
        "id": "asks",
        "name": "Asks",
        "start_task": "fetch",
        "tasks": [{"name": name, "task_type": "fetch_data"} for name in ("fetch", "many")],
        "conditions": [asked | {"name": "most", "when": [count]}, few | {"when": [count | {"op": "lt"}]}],
    }
    made = service.post("/flow/execute-sync", flow).json["execution_id"]
    with looking() as watched:
        page = watched.open(f"#/flow/{made}")
        expect(page.locator("g.edge title", has_text="to many")).to_have_text("fetch to many: fetch.count > 9")
        page.get_by_label("all ways out").check()
        ends = page.locator("g.edge title", has_text=re.compile("^fetch to completed"))
        expect(ends).to_have_text("fetch to completed: few [fetch.count < 9], otherwise")
        watched.shot("edges")
        assert page.evaluate(CUT_OFF) == []


def test_fork_with_another_value(looking: Any, service: Service, waiting: str) -> None:
    """A fork is begun at the event that is looked at, with another value; it says where it came from, and goes on."""
    with looking() as watched:
        page = watched.open(f"#/flow/{waiting}?seq=7")
        expect(page.locator(".banner.is-past")).to_be_visible()
        page.get_by_role("button", name="Fork at 7").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("It shares 1 result (fetch); it goes on at approval")
        dialog.get_by_text("With other values").click()
        dialog.get_by_label("Places and values").fill("results.fetch.data.count=80")
        dialog.get_by_label("Reason").fill("more of them")
        dialog.get_by_role("button", name="Fork", exact=True).click()
        expect(page.locator(".relations")).to_contain_text(f"forked at 7 from {waiting}")
        expect(page.locator('g.state[data-state="approval"]')).to_have_attribute("data-look", "waiting")
        fork = page.url.rpartition("/")[2]
        page.locator(".relations a").click()
        expect(page.locator(".relations")).to_contain_text(f"its fork at 7 is {fork}")
    events = service.curl(f"/flow/{fork}/events").json["items"]
    forked = next(one["data"] for one in events if one["type"] == "execution.forked")
    assert (forked["origin"], forked["reason"]) == (waiting, "more of them")
    assert service.curl(f"/flow/{fork}").json["task_results"]["fetch"]["data"]["count"] == 80
