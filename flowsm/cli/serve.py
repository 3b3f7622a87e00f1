"""`flowsm serve`: the log's executions over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from flowsm.cli.logs import LogFormat, Otel, set_up_logs
from flowsm.cli.options import Durable, TasksOption
from flowsm.cli.output import safe, talk
from flowsm.cli.permitting import allowed_folders, allowed_hosts, made_folder
from flowsm.cli.signals import on_signals
from flowsm.cli.tasks_option import load_tasks
from flowsm.errors import UsageError
from flowsm.limits import CONCURRENT_EXECUTIONS_DEFAULT
from flowsm.manager import FlowManager
from flowsm.tasks.factory import TaskFactory

if TYPE_CHECKING:
    from flowsm.service.server import ServiceServer

__all__ = ["serve"]

_HOST_NAME: Final = re.compile(r"\*|[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+")
_ROOT_PATH: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


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
    root_path: Annotated[
        str, Parameter(help="The prefix under which a proxy has it, such as /flows, which the proxy takes off.")
    ] = "",
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
    from flowsm.service import ServiceOptions, create_app  # noqa: PLC0415 - which only this command needs

    registry = load_tasks(tasks)
    options = ServiceOptions(
        token=os.environ.get("FLOWSM_TOKEN") or None,
        read_token=os.environ.get("FLOWSM_READ_TOKEN") or None,
        hosts=_hosts(host, name or ()),
        allow_flows=frozenset(allow_flow or ()),
        allow_import=allow_import,
        allow_tasks=ServiceOptions().allow_tasks | _known_types(allow_task or (), registry),
        allow_secrets=frozenset(allow_secret or ()),
    )
    manager = FlowManager(
        db,
        tasks=registry,
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
        server = ServiceServer(app, listening, logs=log_format is not None, root_path=_prefix(root_path))
        asyncio.run(_serve(server, f"flowsm: serving {safe(str(db))} at {place}"))


def _hosts(host: str, names: Sequence[str]) -> frozenset[str]:
    """The names under which the service is asked."""
    from flowsm.service.options import hosts_of  # noqa: PLC0415 - which only this command needs

    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise UsageError(f"--name {name!r}: expected a host's name without a port, such as flows.example.org, or *")
    return hosts_of(host, names)


def _known_types(names: Sequence[str], registry: TaskFactory) -> frozenset[str]:
    """The task types of these names, each of which is to be there."""
    for name in names:
        if name != "*":
            registry.info(name)
    return frozenset(names)


def _prefix(root_path: str) -> str:
    """The prefix without the slash at its end."""
    if root_path and not _ROOT_PATH.fullmatch(root_path):
        raise UsageError(f"--root-path {root_path!r}: expected a path that begins with a slash, such as /flows")
    return root_path.rstrip("/")


async def _serve(server: ServiceServer, said: str) -> None:
    def stop(_number: int) -> None:
        talk("flowsm: stopping")
        server.stop()

    with on_signals(stop), contextlib.redirect_stdout(sys.stderr):
        await server.run(lambda: talk(f"{said}; Ctrl-C stops it"))
