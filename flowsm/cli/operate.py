"""The verbs of operators: each is recorded, with who asked and why, and seen by whoever drives the execution."""

from __future__ import annotations

import shlex
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.bulk import NOTHING, BulkCommand, Choice, Many, SomeExecution, in_bulk, is_many
from flowsm.cli.exit_codes import CONFLICT, FINE
from flowsm.cli.json_option import read_data
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Actor, Db, ExecutionId, Reason, Settings, go_on_options, who
from flowsm.cli.output import talk
from flowsm.definition.places import parse_settings
from flowsm.events.commands import Cancel, Command, Pause, Redrive, Resolution, Resolve, Resume
from flowsm.manager import FlowManager
from flowsm.runtime.bulk import BulkVerb
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.signalling import Signalled

__all__ = ["cancel", "pause", "resolve", "resume", "retry", "signal"]

Data = Annotated[str | None, Parameter(help="A JSON value, or @FILE.")]


def signal(
    execution: ExecutionId,
    name: Annotated[str, Parameter(help="The signal's name.")],
    /,
    *,
    data: Data = None,
    outcome: Annotated[str | None, Parameter(help="The word that the waiting task ends with.")] = None,
    key: Annotated[str | None, Parameter(help="A second signal with the same key changes nothing.")] = None,
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """Tell an execution something that it waits for, or will; after its end that is of no use: exit code 5."""
    payload, asking = read_data(data), who(actor)

    async def question(manager: FlowManager) -> tuple[Signalled, str]:
        found = await manager.resolve_id(execution)
        told = await manager.signal(found, name, payload, outcome=outcome, idempotency_key=key, actor=asking)
        return told, await _living_owner(manager, found)

    after, owner = ask(db, question, changes=True)
    _say(db, f"signal {name!r} {'recorded' if after.recorded else 'was recorded before'}", after, owner)
    if after.warning is not None:
        talk(f"flowsm: warning: {after.warning}")
    return FINE if after.used else CONFLICT


def cancel(
    execution: SomeExecution = None,
    /,
    *,
    choice: Choice = NOTHING,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """End an execution, or many: what runs is stopped, then the flow's `on_cancel` cleans up; once more gives that up."""
    return _one_or_many("cancel", execution, choice, Cancel(reason=reason, actor=who(actor)), db)


def pause(
    execution: SomeExecution = None,
    /,
    *,
    now: Annotated[bool, Parameter(help="Stop the running attempt too; it is run again on resume.")] = False,
    choice: Choice = NOTHING,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """Stop an execution, or many, before the next task."""
    return _one_or_many("pause", execution, choice, Pause(reason=reason, actor=who(actor), now=now), db)


def resume(
    execution: SomeExecution = None,
    /,
    *,
    choice: Choice = NOTHING,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """Let a paused execution, or many, go on."""
    return _one_or_many("resume", execution, choice, Resume(reason=reason, actor=who(actor)), db)


def retry(
    execution: SomeExecution = None,
    /,
    *,
    task: Annotated[
        str | None, Parameter(name=["--task", "--from"], help="The task to go on from; by default the one that failed.")
    ] = None,
    set_: Settings = None,
    choice: Choice = NOTHING,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """Let a failed execution, or many, go on from the task that failed; earlier results are kept, or set to others."""
    return _one_or_many("retry", execution, choice, _redrive(task, set_, reason, who(actor)), db)


def resolve(
    execution: ExecutionId,
    /,
    *,
    as_: Annotated[Resolution, Parameter(name="--as", help="What became of it.")],
    outcome: Annotated[str | None, Parameter(help="The outcome, where it is not the status.")] = None,
    data: Data = None,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> None:
    """Say what became of an interrupted attempt that a person is asked about."""
    said = Resolve(resolution=as_, outcome=outcome, data=read_data(data), reason=reason, actor=who(actor))
    _operate(db, execution, said, f"resolved as {as_}")


def _redrive(task: str | None, settings: list[str] | None, reason: str, actor: str) -> Redrive:
    return Redrive(task=task, overrides=parse_settings(settings or ()), reason=reason, actor=actor)


def _one_or_many(verb: BulkVerb, execution: str | None, choice: Many, command: BulkCommand, db: Db) -> int:
    if not is_many(execution, choice):
        _operate(db, execution or "", command, verb)
        return FINE
    return in_bulk(verb, choice, command, db)


def _operate(db: Db, execution: str, command: Command, done: str) -> None:
    async def question(manager: FlowManager) -> tuple[FlowExecution, str]:
        after = await manager.operate(await manager.resolve_id(execution), command)
        return after, await _living_owner(manager, after.execution_id)

    _say(db, done, *ask(db, question, changes=True))


async def _living_owner(manager: FlowManager, execution_id: str) -> str:
    """The worker that has an execution, and is alive; nothing where there is none."""
    return next((owner.worker for owner in await manager.owners([execution_id]) if owner.alive), "")


def _say(db: Db, done: str, after: FlowExecution, owner: str) -> None:
    if after.ended_at is not None or after.status == "paused":
        way = ""
    elif owner:
        way = f"; worker {owner}, which has it, sees to that"
    else:
        words = ["flowsm", "run", after.execution_id, *go_on_options(None, db)]
        way = f"; without a worker it goes on by: {shlex.join(words)}"
    talk(f"flowsm: {done}: {after.execution_id} is {after.status}{way}")
