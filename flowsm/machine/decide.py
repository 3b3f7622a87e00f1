"""decide(machine, state, command, now) → events: what should be recorded.

Pure: time, chance and names come in as arguments. `step` also gives the state that the events lead
to, so that a driver need not fold them a second time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flowsm.clock import timestamp
from flowsm.definition.references import resolve_references
from flowsm.errors import IllegalCommand, UnresolvedReference
from flowsm.events.commands import Advance, Cancel, Command, Create, Driver, RecordResult, Remove
from flowsm.events.facts import (
    ErrorInfo,
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionRemoved,
    ExecutionStarted,
    Fact,
    RetryScheduled,
    TaskCompleted,
    TaskInterrupted,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TransitionTaken,
)
from flowsm.machine.compile import ABORT, CANCEL, START, FlowMachine
from flowsm.machine.evaluate import ConditionEvaluator, ask
from flowsm.machine.evolve import evolve
from flowsm.machine.retry import delay_seconds, is_retryable
from flowsm.machine.state import ExecutionState, Phase, scope_of
from flowsm.status import FlowStatus, TaskStatus

__all__ = ["decide", "possible_commands", "step"]

_EVENTS_PER_STEP: Final = 100
"""A step stops here and is continued by the next, so that a loop of skipped tasks is no endless transaction."""


_BETWEEN_ATTEMPTS: Final = frozenset({Phase.ENTERED, Phase.INTERRUPTED, Phase.BACKOFF})
_FAILURE: Final = TaskStatus.FAILURE.value


class _Draft:
    """The events of one decision, and the state that they lead to."""

    def __init__(self, machine: FlowMachine, state: ExecutionState, now: datetime) -> None:
        self.machine = machine
        self.state = state
        self.now = now
        self.at = timestamp(now)
        self.facts: list[Fact] = []

    def record(self, fact: Fact) -> None:
        self.state = evolve(self.machine, self.state, fact, self.at)
        self.facts.append(fact)

    # -- going on ----------------------------------------------------------------------------

    def settle(self, command: Advance | RecordResult) -> None:
        """Go on until a task runs, time must pass, or the execution has ended."""
        driver = command.driver
        while len(self.facts) < _EVENTS_PER_STEP:
            phase = self.state.phase
            if phase == Phase.CREATED:
                self.start(driver)
            elif phase == Phase.ENDING:
                self.end()
            elif phase in _BETWEEN_ATTEMPTS and self.is_overdue():
                self.abort(_flow_timeout(self.machine))
            elif phase == Phase.ENTERED:
                self.enter(driver)
            elif phase == Phase.INTERRUPTED or (phase == Phase.BACKOFF and self.is_due()):
                self.start_attempt(driver)
            elif phase == Phase.DECIDED:
                self.after_result(command.chance)
            else:
                return

    def is_overdue(self) -> bool:
        return self.state.deadline is not None and self.at >= self.state.deadline

    def is_due(self) -> bool:
        attempt = self.state.attempt
        return attempt is not None and attempt.due is not None and self.at >= attempt.due

    def start(self, driver: Driver) -> None:
        flow = self.machine.flow
        deadline = timestamp(self.now + timedelta(seconds=flow.timeout)) if flow.timeout is not None else None
        if self.state.started_at is None:
            self.record(ExecutionStarted(worker=driver.worker, deadline=deadline))
        self.record(TransitionTaken(source="created", target=flow.start_task, trigger=START))

    def enter(self, driver: Driver) -> None:
        task = self.machine.tasks[self.state.node]
        if task.skip_when:
            scope = scope_of(self.state)
            operands = tuple(ask(clause, scope) for clause in task.skip_when)
            if all(operand.held for operand in operands):
                visit = self.state.visits[task.name]
                self.record(TaskSkipped(task=task.name, visit=visit, operands=operands))
                return
        self.start_attempt(driver)

    def start_attempt(self, driver: Driver) -> None:
        task = self.machine.tasks[self.state.node]
        visit = self.state.visits[task.name]
        number = 1 if self.state.attempt is None else self.state.attempt.attempt
        parameters, missing = task.parameters, None
        if task.name in self.machine.referring:
            try:
                parameters = resolve_references(parameters, scope_of(self.state))
            except UnresolvedReference as error:
                parameters, missing = {}, error
        self.record(
            TaskStarted(
                task=task.name,
                visit=visit,
                attempt=number,
                worker=driver.worker,
                parameters=parameters,
                task_version=driver.versions.get(task.task_type),
                timeout_seconds=self.machine.timeouts[task.name],
            )
        )
        if missing is not None:
            self.record(
                TaskCompleted(
                    task=task.name,
                    visit=visit,
                    attempt=number,
                    status=_FAILURE,
                    outcome=_FAILURE,
                    message=str(missing),
                    error=ErrorInfo(type="UnresolvedReference", message=str(missing)),
                )
            )
            self.route()

    # -- after a result ----------------------------------------------------------------------

    def after_result(self, chance: float) -> None:
        """Schedule another attempt, or take the transition that the outcome picks."""
        result = self.state.results[self.state.node]
        if self.is_overdue():
            self.abort(_flow_timeout(self.machine))
            return
        if result.status == _FAILURE:
            policy = self.machine.retries[result.task]
            if is_retryable(policy, result.attempt, result.error):
                delay = delay_seconds(policy, result.attempt, chance)
                due = timestamp(self.now + timedelta(seconds=delay))
                self.record(
                    RetryScheduled(
                        task=result.task, visit=result.visit, attempt=result.attempt + 1, delay_seconds=delay, due=due
                    )
                )
                return
        self.route()

    def route(self) -> None:
        state, machine = self.state, self.machine
        if state.transitions >= machine.flow.max_transitions:
            message = f"the flow's max_transitions of {machine.flow.max_transitions} are used up"
            self.abort(ErrorInfo(type="MaxTransitionsExceeded", message=message))
            return
        result = state.results[state.node]
        evaluator = ConditionEvaluator(machine)
        scope = scope_of(state) if evaluator.needs_scope(state.node) else None
        route = evaluator.evaluate(state.node, result.status, result.outcome, scope)
        self.record(
            TransitionTaken(
                source=route.edge.source,
                target=route.edge.target,
                trigger=route.edge.trigger,
                outcome=result.outcome,
                condition=route.edge.condition,
                met=route.edge.met,
                operands=route.operands,
            )
        )

    # -- ending ------------------------------------------------------------------------------

    def abort(self, error: ErrorInfo) -> None:
        self.record(TransitionTaken(source=self.state.node, target="failed", trigger=ABORT))
        self.record(ExecutionFailed(error=error, skipped=self.never_reached()))

    def end(self) -> None:
        if self.state.node == FlowStatus.COMPLETED:
            self.record(ExecutionCompleted(skipped=self.never_reached()))
        elif self.state.node == FlowStatus.FAILED:
            self.record(ExecutionFailed(error=_failure(self.state), skipped=self.never_reached()))
        else:
            self.record(ExecutionCancelled(skipped=self.never_reached()))

    def cancel(self, command: Cancel) -> None:
        self.record(TransitionTaken(source=self.state.node, target="cancelled", trigger=CANCEL))
        self.record(ExecutionCancelled(reason=command.reason, actor=command.actor, skipped=self.never_reached()))

    def never_reached(self) -> tuple[str, ...]:
        return tuple(task for task in self.machine.tasks if task not in self.state.visits)


def _flow_timeout(machine: FlowMachine) -> ErrorInfo:
    seconds = machine.flow.timeout
    return ErrorInfo(type="FlowTimeout", message=f"the execution took longer than its timeout of {seconds:g} s")


def _failure(state: ExecutionState) -> ErrorInfo:
    """Why an execution failed that conditions sent to its end."""
    result = next(reversed(state.results.values()), None)
    if result is not None and result.error is not None:
        message = f"task {result.task!r} failed: {result.error.message or result.error.type}"
        return ErrorInfo(type=result.error.type, message=message, types=result.error.types)
    ended = f"task {result.task!r} ended with outcome {result.outcome!r}" if result else "no task ran"
    return ErrorInfo(type="FlowFailed", message=f"{ended}, which sends the flow to its failure")


def possible_commands(state: ExecutionState) -> tuple[str, ...]:
    """What may be asked of an execution in this state."""
    if state.phase == Phase.NEW:
        return ("create",)
    if state.phase != Phase.ENDED:
        return ("execute", "cancel")
    return () if state.removed else ("remove",)


def _refuse(command: str, state: ExecutionState) -> IllegalCommand:
    status = "removed" if state.removed else str(state.status)
    return IllegalCommand(command, state.stream, status, possible_commands(state))


def step(
    machine: FlowMachine, state: ExecutionState, command: Command, now: datetime
) -> tuple[tuple[Fact, ...], ExecutionState]:
    """What should be recorded, and the state after it.

    Raises:
        IllegalCommand: the command is not possible in this state.
    """
    draft = _Draft(machine, state, now)
    match command:
        case RecordResult():
            _record_result(draft, command)
        case Advance():
            _leave_interrupted(draft, f"its worker {state.worker} left no result")
            draft.settle(command)
        case Create():
            if state.phase != Phase.NEW:
                raise _refuse("create", state)
            flow = machine.flow
            draft.record(
                ExecutionCreated(flow_id=flow.id, flow_name=flow.name, digest=command.digest, input=command.input)
            )
        case Cancel():
            if state.phase in {Phase.NEW, Phase.ENDING, Phase.ENDED}:
                raise _refuse("cancel", state)
            _leave_interrupted(draft, "the execution was cancelled")
            draft.cancel(command)
        case Remove():
            if state.phase != Phase.ENDED or state.removed:
                raise _refuse("remove", state)
            draft.record(ExecutionRemoved(reason=command.reason, actor=command.actor))
    return tuple(draft.facts), draft.state


def _leave_interrupted(draft: _Draft, reason: str) -> None:
    state = draft.state
    if state.phase == Phase.RUNNING and state.attempt is not None:
        draft.record(
            TaskInterrupted(
                task=state.node,
                visit=state.attempt.visit,
                attempt=state.attempt.attempt,
                reason=reason,
            )
        )


def _record_result(draft: _Draft, command: RecordResult) -> None:
    state = draft.state
    running = state.attempt
    if state.phase != Phase.RUNNING or running is None or state.node != command.task:
        raise _refuse("record a result of", state)
    if (running.visit, running.attempt) != (command.visit, command.attempt):
        raise _refuse("record a result of another attempt of", state)
    if command.timed_out and command.error is not None:
        draft.record(
            TaskTimedOut(
                task=command.task,
                visit=command.visit,
                attempt=command.attempt,
                duration_us=command.duration_us,
                error=command.error,
            )
        )
    else:
        draft.record(
            TaskCompleted(
                task=command.task,
                visit=command.visit,
                attempt=command.attempt,
                status=command.status,
                outcome=command.outcome,
                duration_us=command.duration_us,
                message=command.message,
                data=command.data,
                error=command.error,
                warnings=command.warnings,
            )
        )
    draft.after_result(command.chance)
    draft.settle(command)


def decide(machine: FlowMachine, state: ExecutionState, command: Command, now: datetime) -> tuple[Fact, ...]:
    """What should be recorded.

    Raises:
        IllegalCommand: the command is not possible in this state.
    """
    return step(machine, state, command, now)[0]
