"""`flowsm worker`: take up whatever is due, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.exit_codes import FINE, INTERRUPTED
from flowsm.cli.limit_options import FlowLimits, TaskLimits, TaskRates, limits_of
from flowsm.cli.logs import LogFormat, Otel, set_up_logs
from flowsm.cli.options import DEFAULT_DB, Db, Durable, TasksOption, go_on_options
from flowsm.cli.output import safe, talk
from flowsm.cli.permitting import allowed_folders, allowed_hosts
from flowsm.cli.signals import on_signals
from flowsm.cli.tasks_option import load_tasks
from flowsm.cli.webhook import WebhookName, WebhookTypes, WebhookUrl, telling
from flowsm.errors import LogNotFound
from flowsm.limits import CONCURRENT_EXECUTIONS_DEFAULT, GRACE_SECONDS, LEASE_SECONDS
from flowsm.manager import FlowManager
from flowsm.projections.agenda import Left

__all__ = ["worker"]


def worker(
    *,
    tasks: TasksOption = None,
    db: Db = DEFAULT_DB,
    concurrency: Annotated[int, Parameter(help="How many executions run at once.")] = CONCURRENT_EXECUTIONS_DEFAULT,
    lease: Annotated[
        float, Parameter(help="Seconds without a sign of life after which others take its executions over.")
    ] = LEASE_SECONDS,
    grace: Annotated[
        float, Parameter(help="Seconds for which running tasks may go on when it is told to stop.")
    ] = GRACE_SECONDS,
    limit: TaskLimits = None,
    limit_flow: FlowLimits = None,
    rate: TaskRates = None,
    allow_dir: Annotated[
        list[Path] | None, Parameter(help="A folder that the built-in tasks may touch, besides the working one.")
    ] = None,
    allow_host: Annotated[list[str] | None, Parameter(help="A host that they may ask.")] = None,
    webhook: WebhookUrl = None,
    webhook_type: WebhookTypes = None,
    webhook_name: WebhookName = None,
    durability: Durable = "full",
    create: Annotated[bool, Parameter(help="Make the log where there is none yet.")] = False,
    log_format: LogFormat = None,
    otel: Otel = False,
) -> int:
    """Take up and drive whatever is due in the log and nobody's, until Ctrl-C or SIGTERM; several share the work."""
    set_up_logs(log_format)
    registry = load_tasks(tasks)
    limits = limits_of(limit, limit_flow, rate)
    folders, hosts = allowed_folders(allow_dir), allowed_hosts(allow_host)

    async def working() -> Left | None:
        manager = FlowManager(
            db,
            tasks=registry,
            durability=durability,
            allow_dirs=[Path.cwd(), *folders],
            allow_hosts=hosts,
            concurrency=concurrency,
            lease_seconds=lease,
            limits=limits,
            tracing=otel,
        )
        if not create and not db.exists():
            raise LogNotFound(str(db), "--create makes it")
        async with manager:
            await manager.ready()  # what it can never work on ends it here; what goes wrong later may pass
            async with telling(manager, webhook, webhook_type, webhook_name):
                for name in limits.flows if limits is not None else ():
                    await _note_unknown(manager, name)
                with contextlib.redirect_stdout(sys.stderr):
                    return await _work(manager, db, grace)

    left = asyncio.run(working())
    if left is None:
        talk("flowsm: stopped at once")
        return INTERRUPTED
    talk(f"flowsm: stopped; {_words(left, shlex.join(['flowsm', 'worker', *go_on_options(tasks, db)]))}")
    return FINE


async def _note_unknown(manager: FlowManager, flow_id: str) -> None:
    """Say so where the log has no flow with this id; it may come to have one."""
    page = await manager.executions(flow=flow_id, limit=1)
    ids = {item.flow_id for item in page.items}
    if flow_id not in ids:
        hint = f"; the id of the flow with that name is {safe(ids.pop())!r}" if ids else ""
        talk(f"flowsm: --limit-flow {safe(flow_id)!r}: the log has no execution of a flow with this id{hint}")


async def _work(manager: FlowManager, db: Path, grace: float) -> Left | None:
    """Work until told to stop; gives what is left then, None where it was told twice."""
    work = asyncio.ensure_future(manager.work(grace_seconds=grace))
    stops: list[int] = []

    def stop(number: int) -> None:
        stops.append(number)
        work.cancel()
        if len(stops) == 1:
            talk(f"flowsm: stopping; running tasks have {grace:g} s (again: stop at once)")

    with on_signals(stop):
        talk(f"flowsm: worker {manager.worker} takes up what is due in {db}; Ctrl-C stops it")
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()  # raises what ended it
    return None if len(stops) > 1 else await manager.left()


def _words(left: Left, command: str) -> str:
    if not left.due and not left.later:
        return "nothing is left to do"
    parts = [f"{left.due} due now"] * bool(left.due) + [f"{left.later} later"] * bool(left.later)
    return f"executions left: {', '.join(parts)}; to go on: {command}"
