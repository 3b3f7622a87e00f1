"""`flowsm run`: a flow to its end, or an interrupted execution onward."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shlex
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from flowsm.cli.asking import Asking
from flowsm.cli.exit_codes import FAILED, FINE, INTERRUPTED, TERMINATED
from flowsm.cli.flow_or_id import looks_like_file, or_stdin, resolve_or_explain
from flowsm.cli.json_option import read_input
from flowsm.cli.logs import LogFormat, Otel, set_up_logs
from flowsm.cli.options import DEFAULT_DB, AsJson, Db, Durable, TasksOption, go_on_options
from flowsm.cli.output import print_json, print_text, safe, seconds_text, status_text, talk
from flowsm.cli.permitting import allowed_folders, allowed_hosts
from flowsm.cli.progress import Follower, progress_on
from flowsm.cli.signals import on_signals
from flowsm.cli.tasks_option import load_tasks
from flowsm.cli.validate import print_findings
from flowsm.definition.load import check_flow
from flowsm.errors import DocumentInvalid, InputInvalid, UsageError
from flowsm.events.envelope import Recorded
from flowsm.ids import traceparent_of
from flowsm.manager import FlowManager
from flowsm.runtime.execution import FlowExecution
from flowsm.status import FlowStatus
from flowsm.tasks.factory import TaskFactory

__all__ = ["run"]

_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What is to be run: a new execution of `flow`, or the one with `execution_id` when there is no flow."""

    target: str
    flow: Any
    input: Any
    execution_id: str | None
    idempotency_key: str | None = None
    traceparent: str | None = None


@dataclass(slots=True)
class _Seen:
    """How far this command came, for what is said after Ctrl-C."""

    execution_id: str = ""
    terminated: bool = False
    options: list[str] = field(default_factory=list)


def run(
    target: Annotated[
        str,
        or_stdin(
            "A flow document (a path, or - for stdin), or an execution that has not ended: its id, a unique "
            "beginning of it, or @last.",
            name="FILE|ID",
        ),
    ],
    /,
    *,
    input: Annotated[str | None, Parameter(help="The input: JSON text, @file, or @- for stdin.")] = None,
    tasks: TasksOption = None,
    db: Db = DEFAULT_DB,
    allow_dir: Annotated[
        list[Path] | None, Parameter(help="A folder that the built-in tasks may touch, besides the working one.")
    ] = None,
    allow_host: Annotated[list[str] | None, Parameter(help="A host that they may ask.")] = None,
    durability: Durable = "full",
    id: Annotated[str | None, Parameter(help="The id of the new execution.")] = None,
    idempotency_key: Annotated[
        str | None, Parameter(help="A key that makes a second such command go on with the first one's execution.")
    ] = None,
    traceparent: Annotated[
        str | None, Parameter(help="The trace that the new execution is part of; by default that of $TRACEPARENT.")
    ] = None,
    log_format: LogFormat = None,
    otel: Otel = False,
    as_json: AsJson = False,
) -> int:
    """Run a flow to its end, or go on with an execution that was interrupted."""
    set_up_logs(log_format)
    registry = load_tasks(tasks)
    order = _order(target, input, id, idempotency_key, as_json=as_json, registry=registry)
    order = dataclasses.replace(order, traceparent=_trace_of(order, traceparent))
    folders = [Path.cwd(), *allowed_folders(allow_dir)]
    seen = _Seen(options=_options(tasks, db, allow_dir, allow_host, durability))

    async def running() -> FlowExecution:
        manager = FlowManager(
            db,
            tasks=registry,
            durability=durability,
            allow_dirs=folders,
            allow_hosts=allowed_hosts(allow_host),
            tracing=otel,
        )
        async with manager:
            return await _shown(manager, order, db, seen, quiet=log_format is not None)

    try:
        execution = asyncio.run(running())
    except (KeyboardInterrupt, asyncio.CancelledError):
        if seen.execution_id:
            go_on = shlex.join(["flowsm", "run", seen.execution_id, *seen.options])
            talk(f"flowsm: interrupted; to go on: {go_on}")
        return TERMINATED if seen.terminated else INTERRUPTED
    except InputInvalid as error:
        hint = "; give one with --input" if input is None else ""
        raise InputInvalid(error.flow, error.pointer, error.problem + hint) from None
    _report(execution, as_json=as_json)
    return FINE if execution.status is FlowStatus.COMPLETED else FAILED


def _trace_of(order: _Order, given: str | None) -> str | None:
    """The trace that a new execution is part of; of the environment's, what is none is ignored."""
    if order.flow is not None:
        return given or traceparent_of(os.environ.get("TRACEPARENT"))
    if given is not None:
        raise UsageError(f"{order.target!r} is an execution that exists: --traceparent is for new ones")
    return None


def _order(
    target: str, text: str | None, execution_id: str | None, key: str | None, *, as_json: bool, registry: TaskFactory
) -> _Order:
    if not looks_like_file(target):
        if text is not None or execution_id is not None or key is not None:
            raise UsageError(
                f"{target!r} is an execution that exists: --input, --id and --idempotency-key are for new ones"
            )
        return _Order(target=target, flow=None, input=None, execution_id=None)
    if (target, text) == ("-", "@-"):
        raise UsageError("stdin cannot be both the flow and its input")
    with contextlib.redirect_stdout(sys.stderr):  # task types of other distributions are imported to be asked
        checked = check_flow(
            target if target == "-" else Path(target),
            known_task_types=registry.types(),
            check_parameters=registry.check_parameters,
        )
    if checked.flow is None:
        if as_json:
            print_findings(checked, as_json=True)
        raise DocumentInvalid(checked.source, checked.findings)
    for finding in checked.findings:
        talk(f"{checked.source}: {finding}")
    return _Order(
        target=target,
        flow=checked.flow,
        input=read_input(text, checked.flow.name),
        execution_id=execution_id,
        idempotency_key=key,
    )


def _options(
    tasks: list[str] | None, db: Path, dirs: list[Path] | None, hosts: list[str] | None, durability: str
) -> list[str]:
    """The options with which the same command goes on."""
    options = go_on_options(tasks, db)
    options += [word for value in dirs or () for word in ("--allow-dir", str(value))]
    options += [word for value in hosts or () for word in ("--allow-host", value)]
    return options + (["--durability", durability] if durability != "full" else [])


async def _shown(manager: FlowManager, order: _Order, db: Path, seen: _Seen, *, quiet: bool) -> FlowExecution:
    """Run it until it ends or SIGTERM comes, and show how it goes, unless the log tells."""
    task = asyncio.current_task()

    def terminate(_: int) -> None:
        seen.terminated = True
        if task is not None:
            task.cancel()

    with (
        progress_on(None if quiet else sys.stderr) as follower,
        contextlib.redirect_stdout(sys.stderr),
        on_signals(terminate, signal.SIGTERM),
    ):
        return await _run(manager, order, db, seen, follower)


async def _run(manager: FlowManager, order: _Order, db: Path, seen: _Seen, follower: Follower) -> FlowExecution:
    """Begin, or go on, and tell the follower of every event until the end."""
    seq = 0
    asking, before = Asking(manager, go_on_options(None, db)), list[Recorded]()
    if order.flow is None:
        found = await resolve_or_explain(manager, order.target, db)
        before = await manager.events(found)
        for event in before:
            follower.catch_up(event)
            seq = event.seq
        execution_id = found
        ending = asyncio.ensure_future(manager.execute_flow(found))
    else:
        handle = await manager.start(
            order.flow,
            order.input,
            execution_id=order.execution_id,
            idempotency_key=order.idempotency_key,
            traceparent=order.traceparent,
        )
        execution_id = handle.execution_id
        ending = asyncio.ensure_future(handle.result())
    seen.execution_id = execution_id
    try:
        while True:
            done, _ = await asyncio.wait({ending}, timeout=_POLL_SECONDS)
            events = await manager.events(execution_id, after=seq)
            for event in events:
                follower.see(event)
                seq = event.seq
            if done:
                return await ending
            await asking.look(execution_id, [*before, *events])
            before = []
    finally:
        ending.cancel()


def _report(execution: FlowExecution, *, as_json: bool) -> None:
    if as_json:
        print_json(execution)
        return
    took = None
    if execution.started_at and execution.ended_at:
        took = (execution.ended_at - execution.started_at).total_seconds()
    status = status_text(execution.status.value).plain
    print_text(f"{status}  {execution.execution_id}  {safe(execution.flow_name)}  {seconds_text(took)}".rstrip())
    if execution.error:
        print_text(f"error: {safe(execution.error)}")
