"""`flowsm follow`: be told of events, one a line; and the subscriptions that remember how far that has come."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.exit_codes import FINE
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, AsJson, Db
from flowsm.cli.output import print_json, print_text, safe, talk
from flowsm.cli.signals import on_signals
from flowsm.cli.table import print_table
from flowsm.errors import LogNotFound, UsageError
from flowsm.events.envelope import Recorded
from flowsm.log.port import Subscription
from flowsm.manager import FlowManager
from flowsm.runtime.following import After
from flowsm.upkeep.archive_file import is_archive
from flowsm.wording.facts import describe

__all__ = ["follow", "subscriptions"]


def follow(
    name: Annotated[
        str, Parameter(name="NAME", help="The subscription: its place in the log is kept under this name.")
    ],
    /,
    *,
    types: Annotated[
        list[str] | None, Parameter(name="--type", help="Only events of this type; may be given again.")
    ] = None,
    after: Annotated[
        str, Parameter(help="Where a new subscription begins: now, or after a position, 0 for the log's beginning.")
    ] = "now",
    limit: Annotated[int | None, Parameter(help="End after so many.")] = None,
    db: Db = DEFAULT_DB,
    as_json: Annotated[bool, Parameter(name="--json", help="Print one JSON document a line.")] = False,
) -> int:
    """Print events as they are recorded, one a line, until Ctrl-C or SIGTERM; begun again, it goes on where it was.

    An event counts as told once its line was written. Of several processes with one NAME one prints, the others wait.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit is {limit}, expected 1 or more")
    if not db.exists():
        raise LogNotFound(str(db))
    if is_archive(db):
        raise UsageError(f"{db} is an archive, in which nothing happens any more: read it with flowsm events")
    asyncio.run(_following(db, name, types, _after(after), limit, as_json))
    return FINE


async def _following(
    db: Path, name: str, types: list[str] | None, after: After, limit: int | None, as_json: bool
) -> None:
    async with FlowManager(db) as manager:
        following = manager.follow(name, types=types, after=after)

        async def printing() -> None:
            count = 0
            async for event in following:
                _print(event, as_json)
                count += 1
                if count == limit:
                    await following.done()
                    return

        work = asyncio.ensure_future(printing())

        def stop(_number: int) -> None:
            work.cancel()

        with on_signals(stop):
            await asyncio.wait({work})
        if not work.cancelled():
            work.result()  # raises what ended it


def _print(event: Recorded, as_json: bool) -> None:
    if as_json:
        print_json(event.as_dict())
        return
    words = (event.position, event.at, event.stream, event.seq, event.type, describe(event.fact))
    print_text(" ".join(safe(word) for word in words if word != ""))
    sys.stdout.flush()  # only then it was told


def _after(text: str) -> After:
    if text == "now":
        return "now"
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--after {text!r}: expected now, or the position of an event, 0 for the beginning") from None


def subscriptions(
    *,
    remove: Annotated[str | None, Parameter(help="Forget this one, and how far it has come.")] = None,
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """List who follows the log, and how far each has come."""
    if remove is not None:
        ask(db, lambda manager: manager.remove_subscription(remove), changes=True)
        talk(f"flowsm: subscription {safe(remove)} is forgotten")
        return
    found: list[Subscription] = ask(db, lambda manager: manager.subscriptions())
    if as_json:
        print_json(found)
        return
    print_table(
        ("name", "position", "consumer", "updated"),
        [(one.name, one.position, one.worker, one.updated_at) for one in found],
    )
    if not found:
        talk("flowsm: no subscriptions")
