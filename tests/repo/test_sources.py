"""The shape of the sources: sizes, exports, docstrings, words, and what lies where."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flowsm"
FILE_MAX_LINES = 400
FUNCTION_MAX_LINES = 70
TOP_LEVEL = {"flowsm", "tests", "schemas", "pyproject.toml", "README.md", "LICENSE"}
PLACES = re.compile(r"(?<![\w.:/<)])/(?:work|home|root|Users|opt)/\w|/tmp/\w|[A-Z]:\\\\Users")
"""Paths of somebody's machine."""

MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def tree_of(path):
    return ast.parse(path.read_text("utf-8"))


def tracked():
    """The files under version control; in an unpacked source distribution, all of them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]


def functions_of(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def exports_of(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    return None


def names_bound_by(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
    return set()


def test_files_are_short():
    """No file of code or tests is longer than 400 lines."""
    long = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES + TESTS}
    assert {name: lines for name, lines in long.items() if lines > FILE_MAX_LINES} == {}


def test_functions_are_short():
    """No function is longer than 70 lines, decorators and docstring included."""
    long = [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path in MODULES + TESTS
        for function in functions_of(tree_of(path))
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_MAX_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.stat().st_size], ids=name_of)
def test_module_says_what_it_is_and_what_it_exports(path):
    """A module has a docstring, and an `__all__` that is sorted and names only what is there."""
    tree = tree_of(path)
    assert ast.get_docstring(tree)
    if path.name == "__init__.py" and len(tree.body) == 1:
        return  # a package that is only a folder
    exports = exports_of(tree)
    if exports is None:
        assert name_of(path) in {"flowsm/limits.py", "flowsm/examples/tasks.py"}, "no __all__"
        return
    upper = [name for name in exports if name.isupper()]
    classes = [name for name in exports if name[:1].isupper() and not name.isupper()]
    rest = [name for name in exports if not name[:1].isupper()]
    assert exports == sorted(upper) + sorted(classes) + sorted(rest), "as ruff sorts: CONSTANTS, Classes, the rest"
    defined = {name for node in tree.body for name in names_bound_by(node)}
    offering = {"__init__.py", "facts.py", "output.py"}  # load lazily, or offer what they are made of beside their own
    assert set(exports) <= defined or path.name in offering


@pytest.mark.parametrize("path", [path for path in TESTS if path.name.startswith("test_")], ids=name_of)
def test_every_test_states_its_promise(path):
    """A test carries its promise as a docstring."""
    tree = tree_of(path)
    silent = [
        function.name
        for function in functions_of(tree)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert silent == []


def test_no_test_sleeps():
    """Tests wait for events and turn clocks: none of them sleeps for a time."""
    sleeping = []
    for path in TESTS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
                owner = node.func.value
                zero = node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
                if isinstance(owner, ast.Name) and owner.id in {"asyncio", "time"} and not zero:
                    sleeping.append(f"{name_of(path)}:{node.lineno}")
    assert sleeping == []


def test_top_level_is_tidy():
    """The top of the repository holds what it must, and dot-files."""
    tops = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {top for top in tops if not top.startswith(".")} == TOP_LEVEL


def test_no_path_of_a_machine():
    """No file names a folder of the machine it was written on."""
    found = [
        f"{name_of(path)}: {match.group()}"
        for path in tracked()
        if path.suffix in {".py", ".md", ".json", ".toml", ".sql", ".yaml", ".yml", ""} and path != Path(__file__)
        for match in PLACES.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert found == []
