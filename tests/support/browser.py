"""A real Chromium, headless, that looks at a page of a real service; and what it must not do meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, Request, expect

__all__ = ["AXE", "Watched", "begun_browser", "drop", "watched_page"]

AXE = Path(__import__("axe_playwright_python").__file__).with_name("axe.min.js")
"""Deque's axe-core: it looks for what people with other senses or hands would stumble over."""
ROOT = Path(__file__).parents[2]
SHOTS = Path(os.environ.get("FLOWSM_SHOTS", ROOT / "tests" / "artefacts" / "page"))
WAIT_MS = 15_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Where Chromium is; without it tests are skipped, except where it has to be there."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("FLOWSM_NEEDS_CHROMIUM"):
        pytest.skip("no Chromium is installed: `apt-get install chromium`")
    assert found is not None, f"none of {', '.join(_NAMES)} is installed"
    return found


def begun_browser(playwright: Playwright) -> Browser:
    """Chromium, begun with nothing that would ask anybody for anything."""
    return playwright.chromium.launch(executable_path=chromium(), args=list(_ARGUMENTS))


class Watched:
    """A page, and what it did.

    Args:
        page: the browser's.
        url: of the service.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.expected: list[str] = []
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(part in text for part in self.expected):
            self.errors.append(text)

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)

    def open(self, place: str = "#/") -> Page:
        """Go to a place of the page."""
        self.page.goto(f"{self.url}/{place}")
        return self.page

    def shot(self, name: str) -> None:
        """Keep a picture, to be looked at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def faults(self) -> list[str]:
        """What axe finds serious or critical."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found: Any = self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        assert found["passes"], "axe looked at nothing"
        return [
            f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"][:4]
        ]


def drop(area: Locator, text: str, name: str = "flow.json", encoding: str = "utf-8") -> None:
    """Drop a file on a part of the page."""
    dropped = area.evaluate_handle(
        "(_, [bytes, name]) => { const data = new DataTransfer();"
        " data.items.add(new File([new Uint8Array(bytes)], name)); return data; }",
        [list(text.encode(encoding)), name],
    )
    area.dispatch_event("drop", {"dataTransfer": dropped})


@contextmanager
def watched_page(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """A page in a context of its own, which must have said no error and asked only the service when it is done."""
    context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    try:
        watched = Watched(context.new_page(), url)
        yield watched
        elsewhere = [asked for asked in watched.asked if urlsplit(asked).netloc != urlsplit(url).netloc]
        assert (watched.errors, elsewhere) == ([], []), watched.errors
    finally:
        context.close()
