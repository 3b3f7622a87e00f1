"""`flowsm serve`: the log's executions over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flowsm.cli.logs import LogFormat, Otel, set_up_logs
from flowsm.cli.options import Durable, TasksOption
from flowsm.cli.output import safe, talk
from flowsm.cli.permitting import allowed_folders, allowed_hosts, made_folder
from flowsm.cli.signals import on_signals
from flowsm.cli.tasks_option import load_tasks
from flowsm.limits import CONCURRENT_EXECUTIONS_DEFAULT
from flowsm.manager import FlowManager

if TYPE_CHECKING:
    from flowsm.service.server import ServiceServer

__all__ = ["serve"]


def serve(
    db: Annotated[
        Path, Parameter(name="DB", env_var="FLOWSM_DB", help="The log: one SQLite file, made if need be.")
    ] = Path("flowsm.db"),
    /,
    *,
    host: Annotated[str, Parameter(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Its port; 0 for one that is free.")] = 8000,
    name: Annotated[
        list[str] | None, Parameter(help="A name under which the service is asked, besides --host and localhost.")
    ] = None,
    tasks: TasksOption = None,
    allow_task: Annotated[
        list[str] | None, Parameter(help="A task type that posted flows may use, besides the built-in ones; * for all.")
    ] = None,
    allow_secret: Annotated[
        list[str] | None, Parameter(help="A secret that posted flows may use; * for all. None by default.")
    ] = None,
    allow_flow: Annotated[
        list[str] | None, Parameter(help="The id of a stored flow that they may name as a sub-flow.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        Parameter(help="A folder for the built-in tasks, made if need be: where their relative paths begin."),
    ] = None,
    allow_dir: Annotated[list[Path] | None, Parameter(help="A folder that the built-in tasks may touch.")] = None,
    allow_host: Annotated[list[str] | None, Parameter(help="A host that they may ask.")] = None,
    allow_import: Annotated[
        bool, Parameter(help="Take imports: what comes in can be retried, whatever its tasks.")
    ] = False,
    concurrency: Annotated[int, Parameter(help="How many executions run at once.")] = CONCURRENT_EXECUTIONS_DEFAULT,
    durability: Durable = "full",
    log_format: LogFormat = None,
    otel: Otel = False,
) -> None:
    """Serve the log over HTTP, and drive whatever is due in it, until Ctrl-C or SIGTERM."""
    set_up_logs(log_format)
    from flowsm.service import create_app  # noqa: PLC0415 - the extra `service`, which only this command needs
    from flowsm.service.options import ServiceOptions, hosts_of  # noqa: PLC0415 - likewise

    defaults = ServiceOptions()
    options = ServiceOptions(
        token=os.environ.get("FLOWSM_TOKEN") or None,
        read_token=os.environ.get("FLOWSM_READ_TOKEN") or None,
        hosts=hosts_of(host, name or ()),
        allow_flows=frozenset(allow_flow or ()),
        allow_import=allow_import,
        allow_tasks=defaults.allow_tasks | frozenset(allow_task or ()),
        allow_secrets=frozenset(allow_secret or ()),
    )
    manager = FlowManager(
        db,
        tasks=load_tasks(tasks),
        durability=durability,
        allow_dirs=allowed_folders(allow_dir),
        allow_hosts=allowed_hosts(allow_host),
        data_dir=made_folder(data_dir),
        concurrency=concurrency,
        tracing=otel,
    )
    app = create_app(manager, options)
    from flowsm.service.server import ServiceServer, listen  # noqa: PLC0415 - `create_app` said what is missing

    listening, place = listen(host, port, options)
    with listening:
        server = ServiceServer(app, listening, logs=log_format is not None)
        asyncio.run(_serve(server, f"flowsm: serving {safe(str(db))} at {place}"))


async def _serve(server: ServiceServer, said: str) -> None:
    def stop(_number: int) -> None:
        talk("flowsm: stopping")
        server.stop()

    with on_signals(stop), contextlib.redirect_stdout(sys.stderr):
        await server.run(lambda: talk(f"{said}; Ctrl-C stops it"))
