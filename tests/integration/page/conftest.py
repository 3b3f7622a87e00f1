"""A service with a browser before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from browser import Watched, begun_browser, watched_page
from page_flows import CHOOSY, Folder
from playwright.sync_api import Browser, sync_playwright
from serving import Service, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ended with its module: as long as Playwright is there, no other test of this process can run a loop."""
    with sync_playwright() as playwright:
        browser = begun_browser(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def service(folder: Folder) -> Iterator[Service]:
    folder.fill()
    with serving(folder.path, "--allow-dir", ".") as running:
        yield running


@pytest.fixture
def looking(browser: Browser, service: Service) -> Callable[..., AbstractContextManager[Watched]]:
    """A page to look at, with what it is opened with (`viewport`, `color_scheme` …)."""
    return partial(watched_page, browser, service.url)


@pytest.fixture
def waiting(service: Service) -> str:
    """The id of an execution that will wait for an approval at once."""
    execution_id: str = service.post("/flow/create", CHOOSY).json["execution_id"]
    begun = service.post("/flow/execute", {"execution_id": execution_id})
    assert begun.status == 202, begun.body
    return execution_id


@pytest.fixture
def flow_file(tmp_path: Path) -> Callable[[Any], Path]:
    def write(document: Any) -> Path:
        path = tmp_path / "flow.json"
        path.write_text(json.dumps(document, indent=2))
        return path

    return write
