"""Pictures of machines: any name can be drawn, and what happened is marked."""

from __future__ import annotations

import re
from itertools import pairwise

import pydot
import pytest
from msgspec.structs import replace

from flowsm.definition.load import load_flow
from flowsm.definition.model import ConditionConfig, FlowConfig, TaskConfig
from flowsm.machine.compile import FlowMachine, compile_flow
from flowsm.machine.diagram import dot, mermaid, text
from flowsm.machine.state import ExecutionState, StoredResult
from flowsm.status import FlowStatus

NASTY = [
    'quo"te', "line\nbreak", "[bracket]", "*", "=", "END", "<b>bold</b>", "&lt;", "#quot;", "\\N", "back\\", "`md`", "_em_",
    "1. list", "- item", "a|b", "](x)", "ünïcödé 日本", "\u202egnp", "$$x$$", "fa:fa-ban", "%%comment", "n1 --> n2", ";", "{}",
]  # fmt: skip


def _machine(*names: str) -> FlowMachine:
    tasks = tuple(TaskConfig(name=name, task_type="t") for name in names)
    conditions = tuple(
        ConditionConfig(name=f"c{number}", source_task=one, target_task_success=other)
        for number, (one, other) in enumerate(pairwise(names))
    )
    return compile_flow(FlowConfig(id="f", name='N "x"', start_task=names[0], tasks=tasks, conditions=conditions))


def _result(task: str, status: str) -> StoredResult:
    return StoredResult(task=task, visit=1, attempt=1, status=status, outcome=status, at="")


STATE = ExecutionState(
    stream="x",
    status=FlowStatus.RUNNING,
    node="c",
    path=("a", "b", "c"),
    visits={"a": 1, "b": 3, "c": 1},
    results={"a": _result("a", "success"), "b": _result("b", "skipped")},
)


def test_mermaid_has_generated_ids_and_labels_without_syntax() -> None:
    """No character of a name that Mermaid, Markdown or HTML obeys is left in a label."""
    drawn = mermaid(_machine(*NASTY))
    node = re.compile(r'    n\d+(\["[^"`<>\[\]{}|\\$&*\n]*"\]|\(\["[^"<>]*"\]\))')
    arrow = re.compile(r'    n\d+ -->(\|"[^"|`]*"\|)? n\d+')
    lines = drawn.splitlines()
    assert lines[0] == "flowchart TD"
    assert all(node.fullmatch(line) or arrow.fullmatch(line) for line in lines[1:])
    assert '["#95;em#95;"]' in drawn
    assert '["1#46; list"]' in drawn
    assert '["ünïcödé 日本"]' in drawn
    assert '["line#92;nbreak"]' in drawn


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # what pydot asks of its own parser
def test_dot_is_what_its_parser_reads() -> None:
    """A parser of DOT reads the picture of any names: a node for each state, with its label, and all edges."""
    machine = _machine(*NASTY)
    for state in (None, replace(STATE, node=NASTY[2], path=tuple(NASTY[:3]), visits={}, results={})):
        drawn = dot(machine, state)
        (graph,) = pydot.graph_from_dot_data(drawn) or []
        labels = [node.get_label() for node in graph.get_nodes() if node.get_label()]
        assert len(labels) >= len(NASTY)
        assert len(graph.get_edges()) == drawn.count(" -> ")
        assert any("&lt;b&gt;bold&lt;/b&gt;" in label or "<b>bold</b>" in label for label in labels)


def test_every_string_of_dot_ends_where_it_should() -> None:
    """Quotes and backslashes of names are escaped."""
    drawn = dot(_machine(*NASTY))
    assert 'label="N \\"x\\" (f)"' in drawn
    assert '[label="back\\\\"]' in drawn
    assert '[label="&amp;lt;"]' in drawn


def test_what_happened_is_marked_with_signs_and_colours() -> None:
    """Each fate has its mark and its class; the way that was gone is thick."""
    machine = _machine("a", "b", "c", "d")
    drawn = machine.diagram("mermaid", STATE)
    for label in ("✓ start", "✓ a", "#45; b (3 times)", "▶ c", "· d"):
        assert f'"{label}"' in drawn
    assert "n1 ==>" in drawn
    assert "n3 -->" in drawn
    assert "    class n3 current" in drawn
    assert "    class n2 skipped" in drawn
    assert 'fillcolor="#d6e6fa"' in machine.diagram("dot", STATE)
    lines = machine.diagram("text", STATE).splitlines()
    assert "▶ c" in lines
    assert "    ⇒ b (3 times)   success" in lines
    assert lines[-1].endswith("⇒ the way it went")


@pytest.mark.parametrize(("end", "mark"), [("failed", "✗"), ("cancelled", "✗"), ("completed", "✓")])
def test_the_end_of_an_execution_is_marked(end: str, mark: str) -> None:
    """The end that was reached is drawn, also when only the engine leads there."""
    state = replace(STATE, node=end, status=FlowStatus(end), results={"c": _result("c", "failure")})
    lines = text(_machine("a", "b", "c", "d"), state).splitlines()
    assert f"{mark} {end}" in lines
    assert "✗ c" in lines
    assert f"    ⇒ {end}   abort or cancel" in lines or end != "cancelled"


def test_the_engines_own_edges_are_left_out_unless_asked_for() -> None:
    """Abort and cancel lead from everywhere: they are noise by default."""
    machine = _machine("a", "b")
    assert "cancelled" not in mermaid(machine)
    assert "cancelled" in mermaid(machine, engine=True)
    assert '|"abort"|' in mermaid(machine, engine=True)


def test_clauses_are_shown_shortly() -> None:
    """Paths lose what goes without saying, operators are signs, the third clause is a dot."""
    clauses = [
        ({"path": "/results/a/data/total", "op": "gt", "value": 5}, "a.total > 5"),
        ({"path": "/input/who~1what", "op": "not_in", "value": ["x" * 40]}, 'input.who/what not in ["xxxxxxxxxxxxxxxxxxxxx…'),
        ({"path": "/input/x", "op": "exists"}, "input.x exists"),
        ({"path": "/input/x", "op": "empty", "value": False}, "input.x is not empty"),
    ]  # fmt: skip
    for clause, words in clauses:
        condition = {"source_task": "a", "target_task_success": "end", "when": [clause] * 3}
        tasks = [{"name": "a", "task_type": "t"}]
        flow = {"id": "f", "name": "f", "start_task": "a", "tasks": tasks, "conditions": [condition]}
        assert f"success [{words} and {words} and …]" in text(compile_flow(load_flow(flow)))
