"""How fluid the page is: a log of 10,000 executions, and an execution of 10,000 events, in headless Chromium.

    PYTHONPATH=. python tests/benchmarks/page.py [--quick]

For each thing that a person does it prints the frames' median and 99th percentile, the longest frame and the longest
task (ms, from requestAnimationFrame and the browser's own long-task reports, of 50 ms and more), and the heap after it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from browser import begun_browser
from page_flows import CHOOSY, LONG_ID, Folder
from playwright.sync_api import Page, sync_playwright
from serving import Service, serving

WATCH = """() => {
  const seen = { frames: [], tasks: [] };
  window.seen = seen;
  let before = performance.now();
  const frame = (now) => { seen.frames.push(now - before); before = now; window.watching = requestAnimationFrame(frame); };
  window.watching = requestAnimationFrame(frame);
  window.watcher = new PerformanceObserver((list) => { for (const one of list.getEntries()) seen.tasks.push(one.duration); });
  window.watcher.observe({ type: "longtask" });
}"""
STOP = """() => {
  cancelAnimationFrame(window.watching);
  window.watcher.disconnect();
  return { ...window.seen, heap: performance.memory.usedJSHeapSize, nodes: document.querySelectorAll("*").length };
}"""
SCRUB = """(steps) => new Promise((done) => {
  const slider = document.querySelector("input[type=range]");
  const last = Number(slider.max);
  let step = 0;
  const turn = () => {
    step += 1;
    slider.value = String(Math.round((Math.sin((step / steps) * 6) * 0.5 + 0.5) * (last - 1)) + 1);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    step < steps ? requestAnimationFrame(turn) : done();
  };
  turn();
})"""
SCROLL = """([selector, steps]) => new Promise((done) => {
  const box = selector ? document.querySelector(selector) : document.scrollingElement;
  let step = 0;
  const turn = () => {
    step += 1;
    box.scrollTop = (box.scrollHeight - box.clientHeight) * (Math.sin((step / steps) * 9) * 0.5 + 0.5);
    step < steps ? requestAnimationFrame(turn) : done();
  };
  turn();
})"""


def watched(page: Page, what: str, act: Callable[[], object]) -> None:
    """Do something, and print how it went."""
    page.evaluate(WATCH)
    act()
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    found = page.evaluate(STOP)
    frames = sorted(found["frames"][1:]) or [0.0]
    tasks = found["tasks"] or [0.0]
    print(
        f"{what:42} frame median {statistics.median(frames):5.1f}  p99 {frames[int(len(frames) * 0.99) - 1]:6.1f}"
        f"  longest {frames[-1]:6.1f}  long tasks {sum(1 for one in tasks if one):3}, longest {max(tasks):5.0f} ms"
        f"  heap {found['heap'] / 1e6:5.1f} MB  elements {found['nodes']:5}",
        flush=True,
    )


def keys(page: Page, key: str, times: int) -> Callable[[], None]:
    """Press a key so many times."""

    def press() -> None:
        for _ in range(times):
            page.keyboard.press(key)

    return press


def look_at_the_list(page: Page, service: Service, steps: int) -> None:
    """The list of ten thousand."""

    def opened() -> None:
        page.goto(f"{service.url}/#/")
        page.locator(".rows tbody tr").nth(99).wait_for()

    page.goto("about:blank")
    opened()
    watched(page, "list: scroll", lambda: page.evaluate(SCROLL, ["", steps]))
    watched(page, "list: J held", keys(page, "j", steps // 3))
    watched(page, "list: next page", keys(page, "]", 5))

    def searched() -> None:
        page.keyboard.press("/")
        page.keyboard.type("needle")
        page.get_by_text("1 match in 10,0").wait_for()

    watched(page, "list: search all", searched)
    page.keyboard.press("Escape")

    def busy() -> None:
        for _ in range(steps // 10):
            service.post("/flow/create", CHOOSY)

    page.goto(f"{service.url}/#/?since=7d")
    page.locator(".rows tbody tr").nth(99).wait_for()
    watched(page, "list: others create executions", busy)


def look_at_the_long_one(page: Page, service: Service, steps: int) -> None:
    """The execution of ten thousand events."""
    page.goto("about:blank")
    page.goto(f"{service.url}/#/")
    page.locator(".rows tbody tr").first.wait_for()

    def opened() -> None:
        page.evaluate(f"location.hash = '#/flow/{LONG_ID}'")
        page.locator(".slider-said", has_text="of 9,907").wait_for()

    watched(page, "10,000 events: open", opened)
    page.locator("g.state").first.wait_for()
    watched(page, "10,000 events: scrub", lambda: page.evaluate(SCRUB, steps))
    watched(page, "10,000 events: scroll the events", lambda: page.evaluate(SCROLL, [".events-box", steps]))
    watched(page, "10,000 events: ← held", keys(page, "ArrowLeft", steps // 3))
    page.get_by_role("tab", name="State").click()
    watched(page, "10,000 events: scrub, with the state", lambda: page.evaluate(SCRUB, steps))
    page.get_by_role("tab", name="Condition").click()
    watched(page, "10,000 events: scrub, with conditions", lambda: page.evaluate(SCRUB, steps))
    page.get_by_text("by events").click()
    watched(page, "10,000 events: scrub, timeline by events", lambda: page.evaluate(SCRUB, steps))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    steps = 60 if parser.parse_args().quick else 300
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(Path(name))
        folder.fill()
        with serving(folder.path) as service, sync_playwright() as playwright:
            browser = begun_browser(playwright)
            page = browser.new_page(viewport={"width": 1360, "height": 900})
            look_at_the_list(page, service, steps)
            look_at_the_long_one(page, service, steps)
            browser.close()


if __name__ == "__main__":
    main()
