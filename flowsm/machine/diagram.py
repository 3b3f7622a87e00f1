"""Pictures of a machine: Mermaid, DOT and plain text; given an execution's state, marked by what happened.

Nodes have generated ids: names are labels, escaped for each language, so any name can be drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from flowsm.machine.state import ExecutionState
from flowsm.status import TaskStatus

if TYPE_CHECKING:
    from flowsm.definition.model import Clause
    from flowsm.machine.compile import Edge, FlowMachine

__all__ = [
    "MARKS",
    "Arrow",
    "Counts",
    "DiagramFormat",
    "Node",
    "Picture",
    "clauses_of",
    "dot",
    "mermaid",
    "picture_of",
    "text",
]

DiagramFormat = Literal["mermaid", "dot", "text"]
Counts = Mapping[tuple[str, str], int]
"""How often each transition was taken, by its source and trigger."""

_START: Final = "created"
_ENDS: Final = ("completed", "failed", "cancelled")
_ENGINE_TRIGGERS: Final = frozenset({"abort", "cancel"})
_FAILED_SUFFIX: Final = "_failed"
_CLAUSES_SHOWN: Final = 2
_VALUE_CHARS: Final = 24

MARKS: Final = {"success": "✓", "failed": "✗", "current": "▶", "skipped": "-", "never": "·"}
_FILLS: Final = {
    "success": ("#d7f0d7", "#2e7d32"),
    "failed": ("#f9d6d5", "#c62828"),
    "current": ("#d6e6fa", "#1565c0"),
    "skipped": ("#eeeeee", "#757575"),
    "never": ("#fafafa", "#bdbdbd"),
}
"""Fill and line by what happened."""

_SYMBOLS: Final = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A state as it is drawn; `fate` is a key of `MARKS`, None when no execution is given."""

    id: str
    name: str
    label: str
    fate: str | None
    is_task: bool

    @property
    def marked(self) -> str:
        """The label, with the mark of its fate."""
        return self.label if self.fate is None else f"{MARKS[self.fate]} {self.label}"


@dataclass(slots=True)
class Arrow:
    """All edges between two states, as one; `taken` says that an execution went there, `never` that none did."""

    source: Node
    target: Node
    labels: list[str] = field(default_factory=list)
    taken: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """The states and the ways between them, in the order in which they are drawn."""

    nodes: list[Node]
    arrows: list[Arrow]
    title: str
    of_execution: bool


def mermaid(
    machine: FlowMachine,
    state: ExecutionState | None = None,
    *,
    engine: bool = False,
    taken: Counts | None = None,
) -> str:
    """The machine as a Mermaid flowchart.

    Args:
        machine: what is drawn.
        state: an execution's state, whose fate colours and marks the nodes.
        engine: whether to draw the engine's own edges too, abort and cancel.
        taken: how often each transition was taken, in place of a state.
    """
    picture = picture_of(machine, state, engine=engine, taken=taken)
    lines = ["flowchart TD"]
    for node in picture.nodes:
        opening, closing = ("[", "]") if node.is_task else ("([", "])")
        lines.append(f'    {node.id}{opening}"{_for_mermaid(node.marked)}"{closing}')
    for arrow in picture.arrows:
        line = "==>" if arrow.taken else "-.->" if arrow.never else "-->"
        label = "<br/>".join(_for_mermaid(label) for label in arrow.labels if label)
        lines.append(f"    {arrow.source.id} {line}" + (f'|"{label}"|' if label else "") + f" {arrow.target.id}")
    for fate, (fill, stroke) in _FILLS.items():
        ids = [node.id for node in picture.nodes if node.fate == fate]
        if ids:
            dashed = ",stroke-dasharray:4 3" if fate == "never" else ""
            lines.append(f"    classDef {fate} fill:{fill},stroke:{stroke},color:#111111{dashed}")
            lines.append(f"    class {','.join(ids)} {fate}")
    for fate in ("success", "never") if taken is not None else ():
        places = [str(place) for place, arrow in enumerate(picture.arrows) if arrow.never == (fate == "never")]
        if places:
            lines.append(f"    linkStyle {','.join(places)} stroke:{_FILLS[fate][1]}")
    return "\n".join(lines) + "\n"


def dot(
    machine: FlowMachine,
    state: ExecutionState | None = None,
    *,
    engine: bool = False,
    taken: Counts | None = None,
) -> str:
    """The machine in Graphviz' language; arguments as for `mermaid`."""
    picture = picture_of(machine, state, engine=engine, taken=taken)
    lines = [
        "digraph flow {",
        f"    label={_for_dot(picture.title)};",
        '    node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif"];',
        '    edge [fontname="sans-serif", fontsize=10];',
    ]
    for node in picture.nodes:
        shape = "" if node.is_task else ", shape=oval"
        colours = ""
        if node.fate is not None:
            fill, stroke = _FILLS[node.fate]
            colours = f', fillcolor="{fill}", color="{stroke}"'
        lines.append(f"    {node.id} [label={_for_dot(node.marked)}{shape}{colours}];")
    for arrow in picture.arrows:
        width = ", penwidth=2.5" if arrow.taken else ", style=dashed" if arrow.never else ""
        label = _for_dot(*(label for label in arrow.labels if label))
        lines.append(f"    {arrow.source.id} -> {arrow.target.id} [label={label}{width}];")
    return "\n".join([*lines, "}"]) + "\n"


def text(
    machine: FlowMachine,
    state: ExecutionState | None = None,
    *,
    engine: bool = False,
    taken: Counts | None = None,
) -> str:
    """The machine as lines of text: each state, and below it where it may go; arguments as for `mermaid`."""
    picture = picture_of(machine, state, engine=engine, taken=taken)
    lines = [picture.title]
    for node in picture.nodes:
        lines += ["", node.marked]
        for arrow in picture.arrows:
            if arrow.source is not node:
                continue
            sign = "⇒" if arrow.taken else "⇢" if arrow.never else "→"
            labels = " | ".join(label for label in arrow.labels if label)
            lines.append(f"    {sign} {arrow.target.label}" + (f"   {labels}" if labels else ""))
    if picture.of_execution:
        lines += ["", "  ".join(f"{mark} {fate}" for fate, mark in MARKS.items()) + "  ⇒ the way it went"]
    return "\n".join(lines) + "\n"


# -- what is drawn ---------------------------------------------------------------------------


def picture_of(
    machine: FlowMachine, state: ExecutionState | None, *, engine: bool = False, taken: Counts | None = None
) -> Picture:
    """What is drawn; arguments as for `mermaid`."""
    counts = taken or {}
    edges = [
        edge
        for edge in machine.transitions
        if engine or edge.trigger not in _ENGINE_TRIGGERS or counts.get((edge.source, edge.trigger))
    ]
    way = [] if state is None else list(_way(state))
    entered = {_START, *(edge.target for edge in edges if counts.get((edge.source, edge.trigger)))}
    reached = {edge.target for edge in edges} | {target for _, target in way}
    names = [_START, *machine.tasks, *(end for end in _ENDS if end in reached)]
    nodes = {
        name: Node(
            id=f"n{number}",
            name=name,
            label=_label(name, machine, state),
            fate=_fate(name, machine, state) if state is not None else _covered(name, entered, taken),
            is_task=name in machine.tasks,
        )
        for number, name in enumerate(names)
    }
    arrows: dict[tuple[str, str], Arrow] = {}
    for edge in edges:
        arrow = arrows.setdefault((edge.source, edge.target), Arrow(nodes[edge.source], nodes[edge.target]))
        label = _edge_label(machine, edge)
        if taken is not None:
            count = counts.get((edge.source, edge.trigger), 0)
            label = f"{label} ({count})".lstrip()
            arrow.taken = arrow.taken or count > 0
            arrow.never = not arrow.taken
        if label not in arrow.labels:
            arrow.labels.append(label)
    for source, target in way:
        arrow = arrows.setdefault((source, target), Arrow(nodes[source], nodes[target], ["abort or cancel"]))
        arrow.taken = True
    title = _visible(f"{machine.flow.name} ({machine.flow.id})" + (f": {state.status}" if state else ""))
    return Picture(list(nodes.values()), list(arrows.values()), title, state is not None)


def _way(state: ExecutionState) -> Iterator[tuple[str, str]]:
    """The steps that an execution took, its end included."""
    places = [_START, *state.path]
    if state.node in _ENDS:
        places.append(state.node)
    return pairwise(places)


def _label(name: str, machine: FlowMachine, state: ExecutionState | None) -> str:
    label = "start" if name == _START else _visible(name)
    visits = state.visits.get(name, 0) if state is not None and name in machine.tasks else 0
    return f"{label} ({visits} times)" if visits > 1 else label


def _fate(name: str, machine: FlowMachine, state: ExecutionState) -> str:
    """What became of a state: a key of `MARKS`."""
    if state.node == name:
        return {"completed": "success", "failed": "failed", "cancelled": "failed"}.get(name, "current")
    if name not in machine.tasks:
        return "success" if name == _START and state.node != _START else "never"
    result = state.results.get(name)
    if result is None:
        return "failed" if name in state.path else "never"
    return {TaskStatus.SUCCESS: "success", TaskStatus.FAILURE: "failed"}.get(TaskStatus(result.status), "skipped")


def _covered(name: str, entered: set[str], taken: Counts | None) -> str | None:
    """What became of a state in any execution: a key of `MARKS`, None when none is asked about."""
    if taken is None:
        return None
    return "success" if name in entered else "never"


def _edge_label(machine: FlowMachine, edge: Edge) -> str:
    """What leads along an edge, in a few words; nothing where it goes without saying."""
    if edge.source == _START or edge.trigger in _ENGINE_TRIGGERS:
        return "" if edge.trigger not in _ENGINE_TRIGGERS else edge.label
    on_failure = edge.trigger.endswith(_FAILED_SUFFIX)
    if edge.condition is None:
        return "failure" if on_failure else ""
    when = clauses_of(machine, edge)
    return _visible(edge.label) + (f" [{when}]" if when else "") + (" (failure)" if on_failure else "")


def clauses_of(machine: FlowMachine, edge: Edge) -> str:
    """What else has to hold for an edge besides its outcome, in a few words; "" where that is all."""
    if not edge.met or edge.condition is None:
        return ""
    conditions = (rule.condition for rule in machine.rules[edge.source])
    clauses = next((found.when for found in conditions if found.name == edge.condition), ())
    shown = [_clause(clause) for clause in clauses[:_CLAUSES_SHOWN]]
    return " and ".join([*shown, *(["…"] if len(clauses) > _CLAUSES_SHOWN else [])])


def _clause(clause: Clause) -> str:
    """A clause, shortly: `fetch.total > 1000`."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in clause.path.split("/")[1:]]
    if steps[:1] == ["results"]:
        steps = [step for place, step in enumerate(steps[1:]) if not (place == 1 and step == "data")]
    path = _visible(".".join(steps))
    if clause.op in {"exists", "empty"}:
        words = {"exists": ("exists", "does not exist"), "empty": ("is empty", "is not empty")}[clause.op]
        return f"{path} {words[clause.value is False]}"
    value = _visible(json.dumps(clause.value, ensure_ascii=False))
    value = value if len(value) <= _VALUE_CHARS else value[: _VALUE_CHARS - 1] + "…"
    return f"{path} {_SYMBOLS.get(clause.op, clause.op.replace('_', ' '))} {value}"


# -- what each language obeys ------------------------------------------------------------------


def _visible(name: str) -> str:
    """The name on one line: what cannot be printed is written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def _for_mermaid(label: str) -> str:
    """A label between quotes: all that Mermaid, Markdown or HTML could obey as a numbered entity."""
    return "".join(char if _is_plain(label, place) else f"#{ord(char)};" for place, char in enumerate(label))


def _is_plain(label: str, place: int) -> bool:
    char = label[place]
    if char in "_-.":  # `_x_`, `- x` and `1. x` are Markdown, `a_b` and `a-b` are not
        before, after = label[place - 1 : place], label[place + 1 : place + 2]
        return before.isalnum() and after.isalnum()
    return char.isalnum() or char in " ,()=" or ord(char) > 127  # noqa: PLR2004 - the end of ASCII


def _for_dot(*labels: str) -> str:
    """A quoted string of DOT, a line for each label: a backslash would be obeyed, and so would `&lt;`."""
    return '"' + "\\n".join(_escape_dot(label) for label in labels) + '"'


def _escape_dot(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
