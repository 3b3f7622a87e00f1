"""The page's sources: short modules, everything there, nothing that would take text for markup or code."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

PAGE = Path(__file__).parents[2] / "flowsm" / "service" / "page"
OWN = sorted(
    path for path in PAGE.rglob("*") if path.suffix in {".js", ".css", ".html"} and path.parent.name != "vendor"
)
MODULES = [path for path in OWN if path.suffix == ".js"]
FILE_MAX_LINES = 400
LINE_MAX_CHARS = 140
FORBIDDEN = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "srcdoc",
    "javascript:",
)
IMPORT = re.compile(r"""^(?:import|export) (?:\w+|\{[^}]*\}) from "([^"]+)";$|^import "([^"]+)";$""", re.MULTILINE)
NAMED = re.compile(r"""^import \{([^}]*)\} from "[^"]+";$""", re.MULTILINE)
LINKED = re.compile(r'(?:src|href)="([^"#]+)"')


def imported(source: str) -> list[str]:
    return [first or second for first, second in IMPORT.findall(source)]


def name_of(path: Path) -> str:
    return path.relative_to(PAGE).as_posix()


@pytest.mark.parametrize("path", OWN, ids=name_of)
def test_files_are_short(path: Path) -> None:
    """No file of the page is longer than 400 lines, and each begins with what it is for."""
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= FILE_MAX_LINES
    assert max(map(len, lines)) <= LINE_MAX_CHARS
    assert path.suffix == ".html" or lines[0].startswith(("//", "/*"))


@pytest.mark.parametrize("path", OWN, ids=name_of)
def test_text_stays_text(path: Path) -> None:
    """Nothing puts a text into the page as markup, or runs it, and nothing is asked of another host."""
    source = path.read_text("utf-8")
    assert [word for word in FORBIDDEN if word in source] == []
    assert re.findall(r"""["'(]\s*(?:https?:)?//\w""", source) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_lead_somewhere(path: Path) -> None:
    """A module imports files that are there, by the names that they export."""
    source = path.read_text("utf-8")
    for found in imported(source):
        assert (path.parent / found).resolve().is_file(), found
    for names, found in re.findall(r"import \{([^}]+)\} from \"([^\"]+)\"", source):
        exported = (path.parent / found).resolve().read_text("utf-8")
        for name in (one.split(" as ")[0].strip() for one in names.split(",") if one.strip()):
            assert re.search(
                rf"export (?:async )?(?:function|class|const) {name}\b|export ?\{{[^}}]*\b{name}\b", exported
            ), name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_import_is_used(path: Path) -> None:
    """What a module imports by name it uses, or hands on."""
    source = path.read_text("utf-8")
    rest = NAMED.sub("", source)
    names = [
        one.split(" as ")[-1].strip() for found in NAMED.findall(source) for one in found.split(",") if one.strip()
    ]
    assert [name for name in names if not re.search(rf"\b{name}\b", rest)] == []


def test_every_module_is_used() -> None:
    """No module of the page is left over."""
    reached, waiting = set(), [PAGE / "js" / "main.js"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        waiting += [
            (path.parent / found).resolve() for found in imported(path.read_text("utf-8")) if "vendor" not in found
        ]
    assert set(MODULES) - reached == set()


def test_index_links_what_is_there() -> None:
    """The index links every style sheet, and nothing that is not there; nothing in it is inline."""
    index = (PAGE / "index.html").read_text("utf-8")
    linked = {found.removeprefix("page/") for found in LINKED.findall(index)}
    assert {name_of(path) for path in OWN if path.suffix == ".css"} <= linked
    assert [name for name in linked if not (PAGE / name).is_file()] == []
    assert re.findall(r"<style|style=|\son\w+=|<script(?![^>]*src=)", index) == []


def test_vendored_code_has_its_licences() -> None:
    """What is vendored says where it is from, and carries its licences."""
    folder = PAGE / "vendor"
    about = (folder / "ABOUT.txt").read_text("utf-8")
    assert {path.name for path in folder.iterdir()} == {
        "ABOUT.txt",
        "htm-LICENSE.txt",
        "htm.js",
        "preact-LICENSE.txt",
        "preact-hooks.js",
        "preact.js",
    }
    for path in folder.iterdir():
        assert path.name == "ABOUT.txt" or path.name in about


def test_icon_is_drawn() -> None:
    """The icon is SVG that can be parsed."""
    assert ET.parse(PAGE / "icon.svg").getroot().tag.endswith("svg")
