"""The public face: what `flowsm` exports, what it loads for that, its errors and its limits."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import flowsm
from flowsm import errors, limits

ROOT = Path(__file__).parents[2]
FACE = ROOT / "flowsm" / "__init__.py"
UNITS = {"BYTES", "BITS", "CHARS", "DIGITS", "EVENTS", "MS", "ROWS", "SECONDS"}
THINGS = {
    "CONNECTIONS",
    "REQUESTS",
    "HISTORIES",
    "ALARMS", "ATTEMPTS", "BATCHES", "CLAUSES", "CONDITIONS", "DEPTH", "EXECUTIONS", "FINDINGS", "INTERRUPTIONS",
    "KEYS", "MACHINES", "NODES", "PROBLEMS", "RECORDS", "REDIRECTS", "RESULTS", "RETRIES", "ROUNDS", "SEQ", "SHARE", "SIGNALS",
    "STATES", "STREAMS", "SUGGESTIONS", "TASKS", "THREADS", "TRANSITIONS", "VALUES", "WARNINGS",
}  # fmt: skip
"""What is counted where a limit is a number of things: the thing is in its name, `_MAX` or `_DEFAULT` may follow."""

LOADED = """
import sys
before = set(sys.modules)
{statement}
tops = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(top for top in tops if top not in sys.stdlib_module_names and not top.startswith("_")))
"""


def loaded_by(statement):
    """The top-level packages, of others, that a statement loads in a fresh interpreter."""
    script = LOADED.format(statement=statement)
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.split()) - {"typing_extensions"}  # msgspec loads it where somebody else has installed it


def test_import_loads_nothing():
    """`import flowsm` loads no third-party package at all."""
    assert loaded_by("import flowsm") == {"flowsm"}


def test_manager_loads_only_the_engine():
    """`flowsm.FlowManager` loads no third-party package beyond msgspec, transitions (with six) and aiosqlite."""
    assert loaded_by("import flowsm; flowsm.FlowManager") == {"flowsm", "msgspec", "transitions", "six", "aiosqlite"}


def test_every_export_loads_only_the_engine():
    """So does every public name."""
    loaded = loaded_by("from flowsm import *")
    assert loaded <= {"flowsm", "msgspec", "transitions", "six", "aiosqlite"}


def test_the_program_starts_with_nothing():
    """The module of the console script loads no third-party package when it is imported."""
    assert loaded_by("import flowsm.__main__") == {"flowsm"}


def test_exports_are_in_step():
    """`__all__`, the table of homes and the imports for type checkers say the same, in order, and all of it is there."""
    typed = [
        (alias.asname, node.module)
        for block in ast.parse(FACE.read_text("utf-8")).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert dict(typed) == flowsm._HOMES
    assert list(flowsm._HOMES) == flowsm.__all__
    assert set(flowsm.__all__) <= set(dir(flowsm))
    for name, home in flowsm._HOMES.items():
        assert getattr(flowsm, name) is getattr(import_module(home), name)


def test_unknown_name_is_an_attribute_error():
    """A name that is not exported is refused as Python refuses one."""
    assert not hasattr(flowsm, "FlowManagre")


def test_every_limit_is_used_and_carries_its_unit():
    """A bound that nothing keeps to is no bound; a name says what it counts."""
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "flowsm").rglob("*.py") if path.name != "limits.py")
    names = [name for name in vars(limits) if name.isupper() and name not in {"KIB", "MIB"}]
    assert len(names) > 30
    assert [name for name in names if not re.search(rf"\b{name}\b", source)] == []
    assert [name for name in names if not (UNITS | THINGS) & set(name.split("_"))] == []


def test_errors_are_drawn_as_they_are():
    """The tree in the module's docstring is the tree of the classes, and every class is exported."""
    drawn, parents = {}, {-1: Exception.__name__}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^([│ ]*)(?:[├└]── )?([A-Z]\w+)(?:\s|$)", line)
        if match and not line.startswith("Every"):
            depth = line.index(match.group(2)) // 4
            parents[depth] = match.group(2)
            drawn[match.group(2)] = parents[depth - 1]
    classes = {
        name: thing.__bases__[0].__name__
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.FlowsmError)
    }
    assert drawn == classes
    assert sorted(classes) == errors.__all__
