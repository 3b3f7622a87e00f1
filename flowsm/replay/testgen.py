"""From a recorded execution to the source of a test that scripts it: pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from flowsm.definition.digest import canonical_json
from flowsm.definition.waiting import SUBFLOW
from flowsm.errors import UsageError
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelling,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionForked,
    ExecutionPaused,
    ExecutionRedriven,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionUpgraded,
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
from flowsm.machine.state import AT_WORK, Phase
from flowsm.replay.history import History, Step
from flowsm.replay.source import Call, Name, render, text_literal
from flowsm.replay.timeline import upgrade_text
from flowsm.status import TaskStatus

__all__ = ["GeneratedTest", "generate_test"]

_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z]+")
_TASK_FAILED: Final = "TaskFailed"
_UNRESOLVED: Final = "UnresolvedReference"
_FLOW_TIMEOUT: Final = "FlowTimeout"


@dataclass(frozen=True)
class GeneratedTest:
    """The source of a test, and what of the execution could not be scripted."""

    source: str
    notes: tuple[str, ...] = ()


@dataclass
class _Script:
    """What is collected of a history."""

    results: dict[str, list[Any]] = field(default_factory=dict)
    signals: list[Call] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=lambda: {"FlowTester"})
    """What of `flowsm.testing` is named."""
    left_out: list[int] = field(default_factory=list)
    """The seqs of events that the test does not come to."""

    def ends(self, task: str, how: Any) -> None:
        """One more attempt of the task."""
        self.results.setdefault(task, []).append(how)

    def name(self, name: str) -> Name:
        """A name of `flowsm.testing`."""
        self.uses.add(name)
        return Name(name)

    def call(self, name: str, /, *given: Any, **fields: Any) -> Call:
        """A call of one of its names."""
        self.uses.add(name)
        return Call(name, *given, **fields)

    def act(self, seq: int, name: str, /, **fields: Any) -> None:
        """Something from outside, after so many events; what is None is left out."""
        given = {key: value for key, value in fields.items() if value is not None}
        place = seq - sum(left_out <= seq for left_out in self.left_out)
        self.signals.append(self.call("After", place, self.call(name, **given)))


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
    if history.state_at(history.last).ended_at is None:
        script.act(history.last, "Stop")
    return GeneratedTest(_source(history, script, flow_file), tuple(script.notes))


# -- what is scripted -----------------------------------------------------------------------------


def _collect(history: History, step: Step, script: _Script) -> None:
    fact = step.event.fact
    if isinstance(fact, TaskCompleted):
        _completed(step, fact, script)
    elif isinstance(fact, TaskTimedOut):
        _timed_out(step, fact, script)
    elif isinstance(fact, TaskInterrupted | ResolutionAwaited):
        _left(step, fact, script)
    elif isinstance(fact, TransitionTaken):
        if fact.trigger == ABORT:
            _time_was_over(history, step, script)
    elif isinstance(fact, ExecutionUpgraded):
        script.left_out.append(step.event.seq)
        script.notes.append(
            f"it was upgraded {upgrade_text(fact)} at event {step.event.seq}: here it has that flow at once"
        )
    elif isinstance(fact, ExecutionForked):
        if fact.overrides:
            raise UsageError(
                f"execution {history.stream} was forked with other values (event {step.event.seq}), which a test cannot script"
            )
        begun = step.before.attempt.started_seq if fact.task is not None and step.before.attempt is not None else 0
        script.left_out += [begun, step.event.seq] if begun else [step.event.seq]
        script.notes.append(f"the events up to {fact.origin_seq} are those of {fact.origin!a}: here all is its own")
    elif isinstance(fact, Unknown):
        script.notes.append(f"event {step.event.seq} is of type {fact.type!r}, which this flowsm does not know")
    else:
        _told(history, step, script)


def _timed_out(step: Step, fact: TaskTimedOut, script: _Script) -> None:
    """An attempt that hung, or a wait: of these only sub-flows are scripted, and the end of the flow's own time."""
    phase = step.before.phase
    if phase == Phase.RUNNING or (phase == Phase.WAITING and _type_of(step, fact.task) == SUBFLOW):
        script.ends(fact.task, script.name("TIMES_OUT"))
    if phase == Phase.WAITING and fact.error.type == _FLOW_TIMEOUT:
        script.act(step.event.seq - 1, "Pass", seconds=step.machine.flow.timeout)


def _left(step: Step, fact: TaskInterrupted | ResolutionAwaited, script: _Script) -> None:
    """An attempt, or a probe, that gave no result."""
    phase = step.before.phase
    if isinstance(fact, ResolutionAwaited):
        if phase == Phase.PROBING:
            script.ends(fact.task, script.call("Fails", "RuntimeError", fact.reason))
    elif phase in AT_WORK:
        is_found = phase == Phase.PROBING and fact.by == "probe"
        script.ends(fact.task, script.name("NOT_DONE" if is_found else "INTERRUPTED"))


def _completed(step: Step, fact: TaskCompleted, script: _Script) -> None:
    """The end of an attempt whose code ran, or of a sub-flow; what the machine makes itself is not scripted."""
    phase, task_type = step.before.phase, _type_of(step, fact.task)
    if phase in AT_WORK:
        error = fact.error
        if error is None or error.type != _UNRESOLVED or error.types != (_UNRESOLVED,):
            script.ends(fact.task, _result(fact, script))
    elif phase == Phase.AWAITED and task_type == SUBFLOW:
        script.ends(fact.task, _child_result(fact, script))


def _result(fact: TaskCompleted, script: _Script) -> Any:
    error = fact.error
    if error is not None and (error.type != _TASK_FAILED or error.types != (_TASK_FAILED,)):
        return _raised(error, script)
    is_plain = fact.status == fact.outcome == "success" and fact.message is None and not fact.warnings
    if is_plain:
        return fact.data
    fields: dict[str, Any] = {"status": Name(f"TaskStatus.{TaskStatus(fact.status).name}")}
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
    script.uses.add("TaskResult")
    return Call("TaskResult", **fields)


def _raised(error: ErrorInfo, script: _Script, **more: Any) -> Call:
    given = dict(more)
    if error.types and error.types != (error.type, "Exception"):
        given["types"] = error.types
    return script.call("Fails", error.type, error.message, **given)


def _child_result(fact: TaskCompleted, script: _Script) -> Any:
    if fact.status == "success":
        return fact.data
    more: dict[str, Any] = {} if fact.data is None else {"data": fact.data}
    if fact.outcome != fact.status:
        more["outcome"] = fact.outcome
    return _raised(fact.error or ErrorInfo(type="", message=fact.message or ""), script, **more)


def _time_was_over(history: History, step: Step, script: _Script) -> None:
    """The flow's own time ended: it passes while the attempt runs that gave the last result, or where it stood still."""
    after = history.event(step.event.seq + 1).fact if step.event.seq < history.last else None
    if isinstance(after, ExecutionFailed) and after.error.type == _FLOW_TIMEOUT:
        attempt = step.before.attempt
        ran = attempt.started_seq if attempt is not None and step.before.phase == Phase.DECIDED else 0
        script.act(ran or step.event.seq - 1, "Pass", seconds=step.machine.flow.timeout)


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
        script.act(seq, "Redrive", task=fact.task if fact.attempt else None, overrides=fact.overrides or None)
    elif isinstance(fact, ResolutionGiven):
        script.act(seq, "Resolve", resolution=fact.resolution, **_resolved(history, step))


def _resolved(history: History, step: Step) -> dict[str, Any]:
    """What was said besides: it is in the result that follows."""
    following = history.event(step.event.seq + 1).fact if step.event.seq < history.last else None
    if not isinstance(following, TaskCompleted):
        return {}
    outcome = following.outcome if following.outcome != following.status else None
    return {"outcome": outcome, "data": following.data, "message": following.message}


def _type_of(step: Step, task: str) -> str:
    return step.machine.tasks[task].task_type


# -- source ---------------------------------------------------------------------------------------


def _source(history: History, script: _Script, flow_file: str | None) -> str:
    created, state = history.event(1).fact, history.state_at(history.last)
    given = created.input if isinstance(created, ExecutionCreated) else None
    names: dict[str, Any] = {"RESULTS": script.results}
    tester = Call("FlowTester", Name("FLOW"), Name("RESULTS"), started=_started(history))
    if script.signals:
        names["SIGNALS"] = sorted(script.signals, key=lambda act: act.given[0])
        tester.fields = {"signals": Name("SIGNALS"), **tester.fields}
    flow = f"Path(__file__).parent / {text_literal(flow_file)}" if flow_file is not None else _assigned_flow(history)
    title = f"# Execution {history.stream!a} of the flow {history.machine.flow.name!a}, as it was recorded."
    text = "\n".join(
        [
            title,
            *(f"# Not scripted: {note!a}" for note in script.notes),
            "",
            f"FLOW = {flow}",
            "",
            f"INPUT = {render(given, before=8)}",
            *(
                line
                for name, value in names.items()
                for line in ("", f"{name} = {render(value, before=len(name) + 3)}")
            ),
            "",
            "",
            f"def test_{_identifier(history.stream)}() -> None:",
            '    """The flow takes the recorded path with the recorded outcomes."""',
            f"    tester = {render(tester, indent=4, before=9)}",
            "    rehearsal = tester.run(INPUT)",
            f"    {render(Call('rehearsal.assert_path', list(state.path)), indent=4)}",
            f"    {render(Call('rehearsal.assert_status', state.status.value), indent=4)}",
            "",
        ]
    )
    return _imports(script, text, has_path=flow_file is not None) + text


def _assigned_flow(history: History) -> str:
    return render(json.loads(canonical_json(history.machine.flow)), before=7)


def _imports(script: _Script, text: str, *, has_path: bool) -> str:
    standard = ["import json\n"] * ("json.loads(" in text) + ["from pathlib import Path\n"] * has_path
    own = ["from flowsm import TaskResult, TaskStatus\n"] * ("TaskResult" in script.uses)
    names = sorted(script.uses - {"TaskResult"}, key=lambda name: (not name.isupper(), name))
    own.append(f"from flowsm.testing import {', '.join(names)}\n")
    return "".join([*standard, *["\n"] * bool(standard), *own, "\n"])


def _started(history: History) -> str:
    """When it began, by which timers are set."""
    began = next((event.at for event in history.events if isinstance(event.fact, ExecutionStarted)), "")
    return began or history.event(1).at


def _identifier(text: str) -> str:
    """What of a text a function's name may hold."""
    return _NOT_IN_NAMES.sub("_", text).strip("_").lower() or "execution"
