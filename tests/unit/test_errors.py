from __future__ import annotations

import inspect
import re

import pytest

from flowsm import errors
from flowsm.findings import Finding

TREE = inspect.getdoc(errors) or ""


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    """Every error is exported, drawn once in the tree, beneath its base, and derives from FlowsmError."""
    stack: list[tuple[int, str]] = []
    drawn: dict[str, str | None] = {}
    for line in TREE.splitlines():
        found = re.match(r"([│ ├└─]*)([A-Z]\w+)", line)
        if found is None or line.startswith("Every"):
            continue
        depth = len(found[1])
        while stack and stack[-1][0] >= depth:
            stack.pop()
        drawn[found[2]] = stack[-1][1] if stack else None
        stack.append((depth, found[2]))
    classes = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__.startswith(errors.__name__)
    }
    assert set(drawn) == set(classes) == set(errors.__all__)
    for name, base in drawn.items():
        assert classes[name].__base__ is (Exception if base is None else classes[base]), name
        assert issubclass(classes[name], errors.FlowsmError)
        assert inspect.getdoc(classes[name])


ERRORS = [
    (errors.InputInvalid("f", "/a", "is wrong"), ["flow 'f'", "at /a: is wrong"]),
    (errors.InputInvalid("f", "", "is wrong"), ["at the whole input: is wrong"]),
    (errors.ExtraMissing("YAML", "yaml"), ["YAML", "pip install 'flowsm[yaml]'"]),
    (errors.UnresolvedReference("/input/x", "/value"), ["parameters at /value", "'/input/x'", '"default"']),
    (errors.UnresolvedReference("/input/x", ""), ["parameters at /:"]),
    (errors.DocumentNotFound("a.json"), ["'a.json' is not there", "'-' for stdin"]),
    (errors.ExecutionNotFound("x"), ["execution 'x' not found"]),
    (errors.DefinitionNotFound("d"), ["digest 'd'"]),
    (errors.TaskTypeNotFound("t"), ["'t' is not registered:", "--tasks"]),
    (errors.TaskTypeNotFound("t", "tt"), ["(did you mean 'tt'?)"]),
    (errors.TaskResultNotFound("x", "t"), ["'x' has no result of task 't'"]),
    (errors.Conflict("x", 2, 5), ["'x' is at seq 5, expected 2", "read it again"]),
    (errors.Fenced("x", 1, 2), ["'x' was taken over", "epoch is 2, ours was 1"]),
    (errors.ExecutionExists("x"), ["'x' exists already", "choose another id"]),
    (
        errors.StartConflict("k", "x", "its input differs at /a"),
        ["key 'k'", "execution 'x'", "differs at /a", "another key"],
    ),
    (errors.StartedBefore("k", "x"), ["'x' was started with idempotency key 'k' before"]),
    (errors.FlowMismatch("x", "a" * 64, "b" * 64), ["digest aaaaaaaaaaaa,", "(bbbbbbbbbbbb)", "new execution"]),
    (
        errors.ResolutionRefused("x", "t", "at /a: is wrong"),
        ["'t' of execution 'x'", "at /a: is wrong", "data that fits"],
    ),
    (errors.TaskNotVisited("x", "nope", ["a", "b"]), ["execution 'x' from task 'nope'", "expected one of 'a', 'b';"]),
    (errors.IllegalCommand("cancel", "x", "ended", ["remove"]), ["cannot cancel execution 'x': it is ended", "remove"]),
    (errors.IllegalCommand("cancel", "x", "gone", []), ["possible now: nothing"]),
    (errors.AmbiguousId("a", ["ab", "ac"]), ["'a'", "ab, ac", "give more of it"]),
    (errors.IllegalEvent("x", 3, "task.started", "is odd"), ["'x', seq 3 (task.started): is odd"]),
    (errors.NotAllowed("folder", "/etc", "give allow_dirs"), ["folder '/etc' is not allowed; give allow_dirs"]),
    (errors.DataInvalid("a.csv", "line 2", "odd"), ["a.csv: line 2: odd"]),
    (errors.DataInvalid("a.csv", "", "odd"), ["a.csv: odd"]),
    (errors.UpgradeRefused("x", "f", "d" * 64, ("one", "two")), ["'x'", "'f'", "one; two", "let it end as it is"]),
    (errors.OverrideRefused("retry", "x", "/input", "v" * 99, "why"), ["retry", "'x'", "vvv", "/input: why"]),
    (errors.PluginBroken("t", "dist", "boom"), ["'t'", "'dist'", "boom", "upgrade or uninstall"]),
    (errors.TransactionRefused("it commits", "leave that out"), ["context.transaction: it commits; leave that out"]),
    (errors.TransactionTimeout(0.5), ["limit of 0.5 s", "timeout="]),
    (errors.LogTooNew("a.db", 3, 2), ["a.db has log format 3", "up to 2", "upgrade flowsm"]),
    (errors.LogBroken("x", 3, "is odd"), ["'x' is broken at seq 3: is odd", "backup"]),
    (errors.LogUnavailable("a.db", "locked"), ["a.db: locked"]),
    (errors.AppendUnknown("x", "disk"), ["append to 'x'", "not known (disk): see to"]),
]


@pytest.mark.parametrize(("error", "words"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_says_what_was_found_and_what_to_do(error: errors.FlowsmError, words: list[str]) -> None:
    """Each sentence names the thing, what was found and the way out; its parts are fields."""
    for word in words:
        assert word in str(error)
    assert vars(error)


@pytest.mark.parametrize(("count", "words"), [(1, "1 error\n"), (2, "2 errors\n")])
def test_an_invalid_document_lists_all_that_is_wrong(count: int, words: str) -> None:
    """All findings are in the error, errors are counted, warnings are not."""
    findings = [Finding(code="c", severity="error", pointer=f"/{number}", message="m") for number in range(count)]
    findings.append(Finding(code="w", severity="warning", pointer="/w", message="odd"))
    error = errors.DocumentInvalid("a.json", findings)
    assert f"a.json is not a valid flow: {words}" in str(error)
    assert error.findings == tuple(findings)
    assert "/w" in str(error)
