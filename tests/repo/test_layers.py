"""The layers of the package: who may import whom, read from every import statement of the source."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flowsm"

RANKS = {
    "": 0,  # flowsm/__init__.py: re-exports lazily, and holds __version__
    "clock": 0,
    "errors": 0,
    "findings": 0,  # values: what is wrong in a document
    "ids": 0,
    "limits": 0,
    "status": 0,  # values: the closed sets of statuses
    "definition": 1,
    "events": 1,
    "storage": 1,
    "log": 2,
    "machine": 2,
    "tasks": 2,
    "projections": 3,
    "replay": 3,
    "tracing": 3.5,  # spans, for those who ask for them
    "runtime": 4,
    "upkeep": 4,
    "measuring": 4.25,  # the manager's verb that measures, one of those for a service
    "looking": 4.5,  # the part of the manager that only reads
    "rehearsing": 4.5,  # its verbs that rehearse another version of a flow
    "replaying": 4.5,  # its verbs that replay
    "forking": 4.5,  # its verbs of forks
    "operators": 4.5,  # its verbs for operators
    "starting": 4.6,  # its verbs that create and start executions, whose handles look at them
    "upgrading": 4.5,  # its verbs that upgrade executions to another version of their flow
    "serving": 4.5,  # its verbs for a service
    "telling": 4.5,  # its verbs for those who want to be told of events
    "wording": 4.75,  # values and facts in words, which all faces share
    "logs": 4.9,  # log records as lines
    "manager": 5,
    "schemas": 5,  # texts made of definition, events, log and projections, for people and for the command line
    "sync": 6,  # the manager without a loop
    "cli": 6,
    "examples": 6,  # what users start from: they import flowsm as users do
    "service": 6,
    "tui": 6,
    "testing": 6.5,  # may import all
    "__main__": 7,  # the process's way into the command line
}
"""Each module or package at the top of flowsm, and its rank: it imports only lower ranks, and itself."""

STORAGE_TOOLS = {
    "projections": {"flowsm.storage.migrations", "flowsm.storage.statements"},
    "upkeep": {"flowsm.storage.backup", "flowsm.storage.statements"},
}
"""How SQL is named, how a file gets its tables, how files are made durable: of storage, these import those only."""

PORT = {"flowsm.log.port", "flowsm.log.port_limits"}
PORT_ONLY = {"projections": PORT, "runtime": PORT}
"""Of the log, these import the port only."""


ALLOWED = {
    "definition": {"definition"},
    "events": {"events"},
    "storage": {"storage"},
    "machine": {"definition", "events"},
    "log": {"events", "storage"},
    "tasks": {"definition"},
    "replay": {"definition", "events", "machine"},
    "upkeep": {"definition", "events", "storage", "log", "machine", "projections", "tasks"},
    "schemas": {"definition", "events", "storage", "log", "projections"},
    "examples": set(),
}
"""Where the table of the design is narrower than the ranks: what a package may import besides itself and rank 0."""

EXCEPTIONS = {
    "flowsm/cli/debug.py -> flowsm.tui.hints": "the command line is the way into the terminal's screens",
    "flowsm/cli/debug.py -> flowsm.tui.run": "likewise; what draws them is loaded when they are opened",
    "flowsm/cli/top.py -> flowsm.tui.hints": "likewise",
    "flowsm/cli/top.py -> flowsm.tui.run": "likewise",
    "flowsm/cli/serve.py -> flowsm.service": "the command line starts the service, lazily",
    "flowsm/cli/serve.py -> flowsm.service.options": "likewise",
    "flowsm/cli/serve.py -> flowsm.service.server": "likewise",
    "flowsm/errors/base.py -> flowsm.findings": "a type: an invalid document's error carries its findings",
    "flowsm/ids.py -> flowsm.limits": "limits stand below all else",
}
"""Imports that the tables forbid, each with its reason."""

THIRD_PARTY = {
    "aiosqlite": {"storage"},
    "airportsdata": {"examples"},
    "cyclopts": {"cli"},
    "fastapi": {"service"},
    "httpx": {"tasks"},
    "jsonschema": {"definition"},
    "opentelemetry": {"tracing"},
    "prometheus_client": {"service"},
    "pytest": {"testing"},
    "referencing": {"definition"},  # jsonschema's own way to resolve references
    "rich": {"cli"},
    "starlette": {"service"},
    "textual": {"tui"},
    "transitions": {"machine"},
    "uvicorn": {"service"},
    "yaml": {"definition"},
}
"""One third-party library, one importing package; msgspec, the one way to make structs and JSON, is everywhere."""


@dataclass(frozen=True)
class Import:
    path: Path
    line: int
    module: str

    @property
    def owner(self) -> str:
        first = self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        return "" if first == "__init__" else first

    @property
    def target(self) -> str:
        return self.module.partition(".")[2].partition(".")[0]

    @property
    def key(self) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()} -> {self.module}"

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line} imports {self.module}"


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            if (ROOT.joinpath(*module.split(".")) / "__init__.py").is_file():  # `from flowsm.log import read`
                for alias in node.names:
                    is_module = ROOT.joinpath(*module.split("."), f"{alias.name}.py").is_file()
                    yield Import(path, node.lineno, f"{module}.{alias.name}" if is_module else module)
            else:
                yield Import(path, node.lineno, module)


IMPORTS = [found for path in sources() for found in imports_of(path)]
OWN = [found for found in IMPORTS if found.module.split(".")[0] == "flowsm"]
FOREIGN = [found for found in IMPORTS if found.module.split(".")[0] not in {"flowsm", *sys.stdlib_module_names}]


def is_in_order(found):
    if found.owner in {"", found.target}:
        return True  # the package's face names everything, lazily; a package is one layer
    if RANKS[found.target] >= RANKS[found.owner]:
        return False
    if found.target == "log" and found.owner in PORT_ONLY and found.module not in PORT_ONLY[found.owner]:
        return False
    if found.target == "storage" and found.owner in {"projections", "runtime", "tasks", "upkeep"}:
        return found.module in STORAGE_TOOLS.get(found.owner, ())
    allowed = ALLOWED.get(found.owner)
    return allowed is None or RANKS[found.target] == 0 or found.target in allowed


def test_every_module_has_a_rank():
    """Nothing stands at the top of the package without a place in the order."""
    tops = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in sources()} - {"__init__"}
    assert tops <= RANKS.keys()


def test_imports_go_down():
    """A package imports lower ranks and itself, at the top of a file, for types and inside functions alike."""
    assert len(OWN) > 100
    wrong = [str(found) for found in OWN if not is_in_order(found) and found.key not in EXCEPTIONS]
    assert not wrong, "\n".join(wrong)


def test_every_exception_is_needed():
    """An exception that no import needs any more is taken off the list."""
    broken = {found.key for found in OWN if not is_in_order(found)}
    assert EXCEPTIONS.keys() <= broken


@pytest.mark.parametrize("library", sorted({found.module.split(".")[0] for found in FOREIGN} - {"msgspec"}))
def test_one_library_has_one_importer(library):
    """A third-party library is imported by one package, so that it can be replaced in one place."""
    importers = {found.owner for found in FOREIGN if found.module.split(".")[0] == library}
    assert importers == THIRD_PARTY[library]


def test_machine_compile_is_the_only_importer_of_transitions():
    """The library of state machines is behind one file."""
    files = {found.path.name for found in FOREIGN if found.module.split(".")[0] == "transitions"}
    assert files == {"compile.py"}


def test_sql_is_spoken_by_storage_and_log():
    """Nobody else speaks to SQLite, but for the task that writes a user's own table."""
    files = {found.path.relative_to(PACKAGE) for found in IMPORTS if found.module == "sqlite3"}
    assert {str(path) for path in files if path.parts[0] not in {"storage", "log"}} == {"tasks/builtin/table.py"}


def test_no_import_is_circular():
    """The modules of the package, type annotations aside, can be put in an order."""
    edges = {}
    for path in sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text("utf-8"))
        typing_only = {
            node.lineno
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
            for node in ast.walk(block)
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
        edges[name] = {
            found.module
            for found in imports_of(path)
            if found.line not in typing_only and found.module.startswith("flowsm.") and found.module != name
        }
    done: set[str] = set()
    while ready := {name for name in edges.keys() - done if edges[name] & edges.keys() <= done}:
        done |= ready
    assert not edges.keys() - done
