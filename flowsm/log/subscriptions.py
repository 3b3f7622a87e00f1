"""Subscriptions: who follows the log, and how far each has come. Plain functions over a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from flowsm.clock import Clock
from flowsm.errors import LogBroken, SubscriptionHeld, SubscriptionNotFound, UsageError
from flowsm.events.codec import decode_fact
from flowsm.events.envelope import Recorded
from flowsm.events.system import LogImported
from flowsm.ids import SYSTEM_STREAM
from flowsm.limits import FOLLOW_WINDOW_EVENTS
from flowsm.log.append import LOG_STATEMENTS, worker_of
from flowsm.log.port import Followed, Subscription, Worker
from flowsm.log.read import record_beside
from flowsm.storage.statements import load_statements

__all__ = ["begin", "claim", "listed", "read_followed", "remove", "save"]

_SQL: Final = load_statements("flowsm.log", "sql", "subscriptions.sql")


def listed(connection: sqlite3.Connection) -> list[Subscription]:
    """All of them, by name."""
    return [Subscription(*row) for row in connection.execute(_SQL["select_subscriptions"]).fetchall()]


def begin(connection: sqlite3.Connection, name: str, after: int | None, at: str) -> Subscription:
    """The subscription of that name; a new one stands at a position, or at the end of the log.

    Raises:
        UsageError: the log has no such position yet.
    """
    found = _find(connection, name)
    if found is not None:
        return found
    end = _end(connection)
    if after is not None and after > end:
        raise UsageError(f"after is {after}, expected a position that was given out: 0 to {end}")
    position = end if after is None else after
    connection.execute(_SQL["insert_subscription"], (name, position, at))
    return Subscription(name=name, position=position, epoch=0, worker="", updated_at=at)


def claim(
    connection: sqlite3.Connection, name: str, after: int | None, worker: str, at: str, clock: Clock
) -> Subscription:
    """The subscription, which is the worker's now, unless it is another's who is alive; see `begin`.

    Its position is past the events of an import that it stands in.
    """
    found = begin(connection, name, after, at)
    if found.worker not in ("", worker) and _living(connection, found.worker, clock) is not None:
        return found
    connection.execute(_SQL["claim_subscription"], {"name": name, "worker": worker, "at": at})
    position = max(found.position, _end_of_import(connection, found.position))
    return Subscription(name=name, position=position, epoch=found.epoch + 1, worker=worker, updated_at=at)


def save(connection: sqlite3.Connection, subscription: Subscription, *, release: bool) -> bool:
    """Store how far a consumer has come; False if it was replaced, or the subscription removed."""
    values = {
        "name": subscription.name,
        "position": subscription.position,
        "epoch": subscription.epoch,
        "at": subscription.updated_at,
        "release": release,
    }
    return connection.execute(_SQL["save_subscription"], values).rowcount == 1


def remove(connection: sqlite3.Connection, name: str, clock: Clock) -> None:
    """Forget a subscription.

    Raises:
        SubscriptionNotFound: there is none of that name.
        SubscriptionHeld: its consumer is alive.
    """
    found = _find(connection, name)
    if found is None:
        raise SubscriptionNotFound(name)
    holder = _living(connection, found.worker, clock)
    if holder is not None:
        raise SubscriptionHeld(name, holder.worker, f"process {holder.pid} on {holder.host}")
    connection.execute(_SQL["delete_subscription"], (name,))


def read_followed(connection: sqlite3.Connection, after: int, types: Sequence[str] | None, limit: int) -> Followed:
    """The next events of these types, or of all, in the order of the log; those that came in by an import are left out.

    What is damaged is named, and left out too. One look goes over a bounded stretch of the log.
    """
    end = _end(connection)
    until = min(end, after + FOLLOW_WINDOW_EVENTS)
    wanted = None if types is None else json.dumps([*types, LogImported.TYPE])
    values = {"after": after, "until": until, "types": wanted, "limit": limit}
    rows = connection.execute(_SQL["select_followed"], values).fetchall()
    position = rows[-1][2] if len(rows) == limit else until
    events: list[Recorded] = []
    broken: list[LogBroken] = []
    imported = 0
    for stream, previous, *row in rows:
        if row[0] <= imported:
            continue
        try:
            event = record_beside(connection, previous, stream, tuple(row))
        except LogBroken as error:
            broken.append(error)
            continue
        if isinstance(event.fact, LogImported):
            imported = event.position + event.fact.events
        if types is None or event.type in types:
            events.append(event)
    position = max(position, imported)
    return Followed(events=events, broken=broken, position=position, is_all=position >= end)


def _find(connection: sqlite3.Connection, name: str) -> Subscription | None:
    row = connection.execute(_SQL["select_subscription"], (name,)).fetchone()
    return None if row is None else Subscription(*row)


def _end(connection: sqlite3.Connection) -> int:
    (position,) = connection.execute(LOG_STATEMENTS["select_position"]).fetchone()
    return int(position)


def _living(connection: sqlite3.Connection, worker: str, clock: Clock) -> Worker | None:
    row = connection.execute(LOG_STATEMENTS["select_worker"], (worker,)).fetchone()
    found = None if row is None else worker_of(row)
    return found if found is not None and found.is_alive(clock.boot_id(), clock.boot_ms()) else None


def _end_of_import(connection: sqlite3.Connection, position: int) -> int:
    """The position of the last event of the latest import at or before a position; 0 when there is none."""
    row = connection.execute(_SQL["select_import_before"], (SYSTEM_STREAM, LogImported.TYPE, position)).fetchone()
    if row is None:
        return 0
    fact = decode_fact(LogImported.TYPE, row[1], row[2])
    return int(row[0]) + (fact.events if isinstance(fact, LogImported) else 0)
