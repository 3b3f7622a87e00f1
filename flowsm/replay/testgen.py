"""From a recorded execution to the source of a test that scripts it: pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pprint import pformat
from typing import Any, Final

from flowsm.definition.digest import canonical_json
from flowsm.definition.waiting import WAIT, WAIT_FOR_SIGNAL
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelling,
    ExecutionCreated,
    ExecutionPaused,
    ExecutionRedriven,
    ExecutionResumed,
    ExecutionStarted,
    ResolutionAwaited,
    ResolutionGiven,
    SignalReceived,
    TaskCompleted,
    TaskInterrupted,
    TaskTimedOut,
    TransitionTaken,
    Unknown,
)
from flowsm.machine.compile import ABORT
from flowsm.machine.state import Phase
from flowsm.replay.history import History, Step

__all__ = ["GeneratedTest", "generate_test"]

_WIDTH: Final = 100
_NESTED_MAX: Final = 40
"""Deeper values are written as JSON text: Python's parser has a limit of its own."""
_NAME: Final = re.compile(r"[^0-9A-Za-z]+")
_TASK_FAILED: Final = "TaskFailed"
_UNRESOLVED: Final = "UnresolvedReference"


@dataclass(frozen=True)
class GeneratedTest:
    """The source of a test, and what of the execution could not be scripted."""

    source: str
    notes: tuple[str, ...] = ()


@dataclass
class _Script:
    """What is collected of a history; all of it is Python source."""

    results: dict[str, list[str]] = field(default_factory=dict)
    signals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    """What of `flowsm.testing` is named."""

    def ends(self, task: str, source: str) -> None:
        self.results.setdefault(task, []).append(source)

    def use(self, name: str) -> str:
        self.uses.add(name)
        return name

    def act(self, seq: int, name: str, /, **fields: Any) -> None:
        """Something from outside; what is None is left out."""
        given = {key: value for key, value in fields.items() if value is not None}
        self.signals.append(f"{self.use('After')}({seq}, {_call(self.use(name), **given)})")


def generate_test(history: History, *, flow_file: str | None = None) -> GeneratedTest:
    """A pytest module that takes this execution's flow through its recorded outcomes, and asserts its path and status.

    Nothing that was recorded becomes code: texts, names and values are written as literals.

    Args:
        history: all events, inflated.
        flow_file: the document that the test reads, relative to the test's file; without it the flow stands in the test.
    """
    script = _Script()
    for step in history.steps():
        _collect(history, step, script)
    last = history.state_at(history.last)
    if last.phase in {Phase.RUNNING, Phase.PROBING} or _is_child_open(history):
        script.ends(last.node, script.use("GOES_ON"))
    return GeneratedTest(_source(history, script, flow_file), tuple(script.notes))


def _is_child_open(history: History) -> bool:
    last = history.state_at(history.last)
    waiting = last.attempt.waiting if last.attempt is not None else None
    return last.phase == Phase.WAITING and waiting is not None and waiting.child is not None


# -- what is scripted -----------------------------------------------------------------------------


def _collect(history: History, step: Step, script: _Script) -> None:
    fact, phase = step.event.fact, step.before.phase
    if isinstance(fact, TaskCompleted):
        _completed(history, step, fact, script)
    elif isinstance(fact, TaskTimedOut):
        if phase == Phase.RUNNING or (phase == Phase.WAITING and _type_of(history, fact.task) != WAIT):
            script.ends(fact.task, script.use("TIMES_OUT"))
    elif isinstance(fact, TaskInterrupted):
        if phase in {Phase.RUNNING, Phase.PROBING}:
            is_found = phase == Phase.PROBING and fact.by == "probe"
            script.ends(fact.task, script.use("NOT_DONE" if is_found else "INTERRUPTED"))
    elif isinstance(fact, ResolutionAwaited):
        if phase == Phase.PROBING:
            error = _call(script.use("Fails"), "RuntimeError", fact.reason)
            script.ends(fact.task, error)
    elif isinstance(fact, TransitionTaken):
        if fact.trigger == ABORT and phase == Phase.DECIDED and step.before.deadline is not None:
            _time_was_over(history, step, script)
    elif isinstance(fact, Unknown):
        script.notes.append(f"event {step.event.seq} is of type {fact.type!r}, which this flowsm does not know")
    else:
        _told(history, step, script)


def _completed(history: History, step: Step, fact: TaskCompleted, script: _Script) -> None:
    """The end of an attempt whose code ran, or of a sub-flow; what the machine makes itself is not scripted."""
    phase, task_type = step.before.phase, _type_of(history, fact.task)
    if phase in {Phase.RUNNING, Phase.PROBING}:
        error = fact.error
        if error is None or error.type != _UNRESOLVED or error.types != (_UNRESOLVED,):
            script.ends(fact.task, _result(fact, script))
    elif phase == Phase.AWAITED and task_type not in {WAIT, WAIT_FOR_SIGNAL}:
        script.ends(fact.task, _child_result(fact, script))


def _result(fact: TaskCompleted, script: _Script) -> str:
    error = fact.error
    if error is not None and (error.type != _TASK_FAILED or error.types != (_TASK_FAILED,)):
        return _raised(error, script)
    is_plain = fact.status == fact.outcome == "success" and fact.message is None and not fact.warnings
    if is_plain:
        return _literal(fact.data)
    fields: dict[str, Any] = {"status": _Source(f"TaskStatus.{fact.status.upper()}")}
    if fact.outcome != fact.status:
        fields["outcome"] = fact.outcome
    if fact.data is not None:
        fields["data"] = fact.data
    if error is not None:
        fields["error"] = error.message
    if fact.message is not None:
        fields["message"] = fact.message
    if fact.warnings:
        fields["warnings"] = list(fact.warnings)
    return _call("TaskResult", **fields)


def _raised(error: ErrorInfo, script: _Script, **more: Any) -> str:
    given = dict(more)
    if error.types and error.types != (error.type, "Exception"):
        given["types"] = error.types
    return _call(script.use("Fails"), error.type, error.message, **given)


def _child_result(fact: TaskCompleted, script: _Script) -> str:
    if fact.status == "success":
        return _literal(fact.data)
    more: dict[str, Any] = {} if fact.data is None else {"data": fact.data}
    if fact.outcome != fact.status:
        more["outcome"] = fact.outcome
    return _raised(fact.error or ErrorInfo(type="", message=fact.message or ""), script, **more)


def _time_was_over(history: History, step: Step, script: _Script) -> None:
    """The flow's own time ended while an attempt gave its result: time passes there."""
    before = step.before
    transitions = before.transitions - before.transitions_base
    attempt = before.attempt
    if transitions >= history.machine.flow.max_transitions or attempt is None or not attempt.started_seq:
        return
    seconds = history.machine.flow.timeout
    script.act(attempt.started_seq, "Pass", seconds=seconds)


def _told(history: History, step: Step, script: _Script) -> None:
    """What somebody did from outside."""
    fact, seq = step.event.fact, step.event.seq - 1
    if isinstance(fact, SignalReceived):
        script.act(seq, "Signal", name=fact.name, payload=fact.payload, outcome=fact.outcome)
    elif isinstance(fact, ExecutionPaused):
        script.act(seq, "Pause", now=True if fact.now else None)
    elif isinstance(fact, ExecutionResumed):
        script.act(seq, "Resume")
    elif isinstance(fact, ExecutionCancelling):
        script.act(seq, "Cancel", reason=fact.reason or None)
    elif isinstance(fact, ExecutionRedriven):
        script.act(seq, "Redrive", task=fact.task if fact.attempt else None)
    elif isinstance(fact, ResolutionGiven):
        script.act(seq, "Resolve", resolution=fact.resolution, **_resolved(history, step))


def _resolved(history: History, step: Step) -> dict[str, Any]:
    """What was said besides: it is in the result that follows."""
    following = history.event(step.event.seq + 1).fact if step.event.seq < history.last else None
    if not isinstance(following, TaskCompleted):
        return {}
    outcome = following.outcome if following.outcome != following.status else None
    return {"outcome": outcome, "data": following.data, "message": following.message}


def _type_of(history: History, task: str) -> str:
    return history.machine.tasks[task].task_type


# -- source ---------------------------------------------------------------------------------------


def _source(history: History, script: _Script, flow_file: str | None) -> str:
    created, state = history.event(1).fact, history.state_at(history.last)
    given = created.input if isinstance(created, ExecutionCreated) else None
    flow = json.loads(canonical_json(history.machine.flow))
    results = "".join(f"    {_literal(task)}: {_listed(ends, 4)},\n" for task, ends in script.results.items())
    body = f"RESULTS = {{\n{results}}}\n"
    signals = f"\nSIGNALS = {_listed(script.signals, 0)}\n" if script.signals else ""
    flow_source = (
        f"FLOW = {_literal(flow)}\n"
        if flow_file is None
        else f"FLOW = Path(__file__).parent / {_literal(flow_file)}\n"
    )
    lines = [f"# What was not scripted: {_comment(note)}" for note in script.notes]
    path = ["rehearsal.assert_path(", *_wrapped(list(state.path)), ")"] if state.path else ["rehearsal.assert_path([])"]
    if len(state.path) and len(path) == 3:
        path = [f"rehearsal.assert_path({path[1].strip().removesuffix(',')})"]
    tester = f"FlowTester(FLOW, RESULTS{', signals=SIGNALS' if signals else ''}, started={_literal(_started(history))})"
    text = "\n".join(
        [
            f"# Execution {_comment(history.stream)} of the flow {_comment(history.machine.flow.name)}, as it was recorded.",
            *lines,
            "",
            f"{flow_source}",
            f"INPUT = {_literal(given)}",
            "",
            f"{body}{signals}",
            "",
            f"def test_{_identifier(history.stream)}():",
            '    """The flow takes the recorded path with the recorded outcomes."""',
            f"    rehearsal = {tester}.run(INPUT)",
            *(f"    {line}" for line in path),
            f"    rehearsal.assert_status({_literal(state.status.value)})",
            "",
        ]
    )
    return _head(script, text, flow_file) + text


def _head(script: _Script, text: str, flow_file: str | None) -> str:
    imports = ["import json\n"] if "json.loads(" in text else []
    imports += ["from pathlib import Path\n"] if flow_file is not None else []
    imports += ["\n"] if imports else []
    imports += ["from flowsm import TaskResult, TaskStatus\n"] if any(
        one.startswith("TaskResult(") for ends in script.results.values() for one in ends
    ) else []
    imports.append(f"from flowsm.testing import {', '.join(sorted({'FlowTester', *script.uses}))}\n\n")
    return "".join(imports)


def _started(history: History) -> str:
    """When it began, by which timers are set."""
    for event in history.events:
        if isinstance(event.fact, ExecutionStarted):
            return datetime.fromisoformat(event.at).isoformat()
    return datetime.fromisoformat(history.event(1).at).isoformat()


def _identifier(text: str) -> str:
    return _NAME.sub("_", text).strip("_").lower() or "execution"


def _comment(text: str) -> str:
    """A text that cannot leave the comment that it stands in."""
    return ascii(text)


class _Source(str):
    """Text that is source already."""

    __slots__ = ()


def _call(name: str, /, *given: Any, **fields: Any) -> str:
    words = [_literal(value) for value in given]
    words += [f"{key}={_literal(value)}" for key, value in fields.items()]
    return f"{name}({', '.join(words)})"


def _listed(items: list[str], indent: int) -> str:
    one = f"[{', '.join(items)}]"
    if "\n" not in one and len(one) <= _WIDTH - indent:
        return one
    inner = "".join(f"{' ' * (indent + 4)}{item},\n" for item in items)
    return f"[\n{inner}{' ' * indent}]"


def _wrapped(names: list[str]) -> list[str]:
    return [f"    {line}" for line in f"{pformat(names, width=_WIDTH - 8, compact=True)},".splitlines()]


def _literal(value: Any) -> str:
    """JSON data as a Python expression."""
    if isinstance(value, _Source):
        return str(value)
    if _depth(value) > _NESTED_MAX:
        return f"json.loads({json.dumps(value)!r})"
    return pformat(value, width=_WIDTH, sort_dicts=False)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest
