"""The event log in an SQLite file."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import weakref
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from flowsm.clock import Clock, SystemClock, timestamp
from flowsm.errors import AppendUnknown, LogUnavailable, UsageError
from flowsm.events.envelope import Recorded
from flowsm.limits import READ_PAGE_EVENTS
from flowsm.log import read, subscriptions
from flowsm.log.append import LOG_STATEMENTS, Appender, worker_of
from flowsm.log.pending import prepare
from flowsm.log.port import Append, Appended, Followed, Guarded, Head, LogView, Snapshot, Subscription, Worker
from flowsm.log.purge import Purge, purge
from flowsm.log.restore import Restore, drop_unused, restore, store_documents
from flowsm.log.transact import Transactor
from flowsm.log.view import View
from flowsm.storage.backup import copy_database
from flowsm.storage.errors import FAILURES, CommitFailed, unavailable
from flowsm.storage.meter import Meter
from flowsm.storage.migrations import Migration, is_current, migrate
from flowsm.storage.open import Durability, open_reader, open_writer, private_folder
from flowsm.storage.session import Connectors, Sessions
from flowsm.storage.statements import Statements, read_script
from flowsm.storage.transaction import reading

__all__ = ["LOG_MIGRATIONS", "SqliteEventLog"]

_T = TypeVar("_T")
READ_HERE_MAX_EVENTS: Final = 64
_CREATED_BY: Final = "flowsm 0.1"
LOG_MIGRATIONS: Final = tuple(
    Migration(name, read_script("flowsm.log", "sql", f"{name}.sql"))
    for name in (
        "0001_log",
        "0002_workers",
        "0003_starts",
        "0004_payload_uses",
        "0005_subscriptions",
        "0006_limits",
        "0007_abandoned",
        "0008_fail",
        "0009_forks",
    )
)


class SqliteEventLog:
    """Implements `EventLog` in one file, which other processes may use at the same time.

    Nothing is opened before the first use. A log that is not closed is closed when it is dropped, or at exit.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        durability: Durability = "full",
        row_statements: Mapping[str, str] | None = None,
        migrations: Sequence[Migration] = (),
        clock: Clock | None = None,
    ) -> None:
        """Describe the log.

        Args:
            path: the file, created if missing; `:memory:` is a private temporary file.
            durability: `full` survives power loss, `normal` the death of the process.
            row_statements: the SQL of `RowChange`s and `Increment`s by name, in the order in which they may run
                within one commit; `{g}` stands for the generation of the projections' tables.
            migrations: the steps that make the projections' tables, after the log's own.
            clock: tells when a migration was applied, and who is alive.

        Raises:
            UsageError: the path cannot be one (SQLite takes an empty one for a file that nobody finds again).
        """
        if not str(path) or "\0" in str(path):
            raise UsageError(f"expected the path of a file for the log, or ':memory:', found {str(path)!r}")
        folder = private_folder() if str(path) == ":memory:" else None
        self.is_private = folder is not None
        self.path = str(path) if folder is None else str(folder / "flowsm.db")
        self._statements = Statements(row_statements or {})
        self._clock: Clock = clock or SystemClock()
        steps = (*LOG_MIGRATIONS, *migrations)
        files = _Files(self.path, durability, steps, self._clock)
        new_appender = partial(Appender, self.path, self._statements, self._clock)
        self._transact = Transactor(steps, new_appender)
        self._sessions = Sessions(
            Connectors(
                path=self.path,
                writer=files.open_writer,
                reader=files.open_reader,
                new_work=new_appender,
            )
        )
        self._release = weakref.finalize(self, _release, self._sessions, folder, os.getpid())

    async def append(self, batch: Append) -> Appended:
        """Record the batch; see `EventLog.append`."""
        try:
            appended: Appended = await self._sessions.current().writer.submit(prepare(batch))
        except CommitFailed as error:
            raise AppendUnknown(batch.stream, error.reason) from error
        return appended

    def append_sync(self, batch: Append) -> Appended:
        """Record the batch, on the calling thread; durable when it returns. Errors as those of `append`."""
        try:
            appended: Appended = self._sessions.apply_sync(prepare(batch))
        except CommitFailed as error:
            raise AppendUnknown(batch.stream, error.reason) from error
        return appended

    async def append_after(self, gate: Append, guarded: Guarded) -> Appended:
        """Run a function, and record what came of it, in a transaction of their own; see `TransactionalLog`."""
        work = partial(self._transact, gate=gate, guarded=guarded)
        try:
            appended: Appended = await self._sessions.current().writer.run(work)
        except CommitFailed as error:
            raise AppendUnknown(gate.stream, error.reason) from error
        return appended

    async def head(self, stream: str) -> Head | None:
        """The stream's head, None when there is no such stream."""
        session = self._sessions.current()
        connection = session.reader.idle()
        if connection is not None:
            head = partial(read.read_head, stream=stream)
            return session.read_here(partial(_in_our_words, self.path, head), connection)
        return await self._read(partial(read.read_head, stream=stream))

    async def read(
        self, stream: str, *, after: int = 0, limit: int | None = None, inflated: bool = False
    ) -> list[Recorded]:
        """The stream's events with seq > `after`; see `EventLog.read`.

        A few of them are read on the loop's own thread, which costs less than the hop to the reader's.
        """
        session = self._sessions.current()
        connection = None if inflated else session.reader.idle()
        if connection is not None:
            few = partial(read.read_few, stream=stream, after=after, limit=limit, most=READ_HERE_MAX_EVENTS)
            events = session.read_here(partial(_in_our_words, self.path, few), connection)
            if events is not None:
                return events
        return await self._read(
            partial(read.read_stream, stream=stream, after=after, limit=limit, inflate_values=inflated)
        )

    def read_here(self, stream: str, after: int, limit: int) -> list[Recorded]:
        """A page of the stream's events with seq > `after`, with their large values, read on the loop's own thread.

        For whoever looks at events one after the other, and waits for nothing else; errors as those of `read`.
        """
        page = partial(read.read_stream, stream=stream, after=after, limit=limit, inflate_values=True)
        return self._sessions.current().look(partial(_in_our_words, self.path, page))

    def definition_here(self, digest: str) -> bytes:
        """A stored flow's canonical JSON, read like `read_here`; see `EventLog.definition`."""
        function = partial(read.read_definition, digest=digest)
        return self._sessions.current().look(partial(_in_our_words, self.path, function))

    async def read_all(self, *, after: str = "", limit: int | None = None) -> AsyncIterator[tuple[str, Recorded]]:
        """All events in the order of the log, each with a cursor; verified against their predecessors."""
        position = read.place_of(after)
        left = limit
        while left is None or left > 0:
            size = READ_PAGE_EVENTS if left is None else min(left, READ_PAGE_EVENTS)
            page = await self._read(partial(read.read_log, after=position, limit=size))
            for event in page:
                yield read.cursor_of(event.position), event
            if len(page) < size:
                return
            position = page[-1].position
            left = None if left is None else left - size

    async def definition(self, digest: str) -> bytes:
        """The stored flow's canonical JSON; see `EventLog.definition`."""
        return await self._read(partial(read.read_definition, digest=digest))

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep the latest snapshot of a stream."""
        await self.write(partial(read.save_snapshot, snapshot=snapshot))

    async def snapshot(self, stream: str, fold_version: int) -> Snapshot | None:
        """The latest snapshot of a stream made by that version of the fold."""
        return await self._read(partial(read.read_snapshot, stream=stream, fold_version=fold_version))

    async def query(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query: the name of a row statement, or SQL; `{g}` is the present generation."""
        return await self._read(partial(self._query, statement=statement, parameters=parameters))

    def _query(
        self, connection: sqlite3.Connection, statement: str, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        with reading(connection, self.path):  # so that the generation's tables are still there when they are read
            generation = read.read_generation(connection)
            sql = self._statements.of_generation(generation).get(statement)
            if sql is None:
                sql = statement.replace("{g}", str(generation))
            return connection.execute(sql, parameters).fetchall()

    async def look(self, function: Callable[[LogView], _T]) -> _T:
        """Run a function in one read transaction, then let the loop have a turn; see `RowStore`."""

        def run(connection: sqlite3.Connection) -> _T:
            with reading(connection, self.path):
                return function(View(connection, self._statements))

        result = self._sessions.current().look(run)
        await asyncio.sleep(0)
        return result

    async def change(self, function: Callable[[LogView], _T]) -> _T:
        """Run a function in one write transaction; see `RowStore`."""
        return await self.write(lambda connection: function(View(connection, self._statements)))

    async def write(self, function: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run a function in a write transaction of its own, on the writer's thread, after the appends before it.

        Raises:
            LogUnavailable: the file cannot be written, or its commit failed.
        """
        try:
            result: _T = await self._sessions.current().writer.run(function)
        except CommitFailed as error:
            raise LogUnavailable(
                self.path,
                f"the commit failed ({error}), and whether it took effect is not known: see to the disk's room and health, "
                "look at what is recorded, then ask again if need be",
            ) from error
        return result

    async def beat(self, worker: Worker) -> None:
        """Write the worker's row; see `WorkerStore`."""
        row = msgspec.structs.asdict(worker)
        await self.write(lambda connection: connection.execute(LOG_STATEMENTS["beat"], row).close())

    async def stop_worker(self, worker: str) -> None:
        """Give a worker's lease back; see `WorkerStore`."""
        await self.write(lambda connection: connection.execute(LOG_STATEMENTS["stop_worker"], (worker,)).close())

    async def sweep_workers(self, before: str) -> None:
        """Forget workers; see `WorkerStore`."""
        now = {"before": before, "boot_id": self._clock.boot_id(), "now_ms": self._clock.boot_ms()}
        await self.write(lambda connection: connection.execute(LOG_STATEMENTS["sweep_workers"], now).close())

    async def workers(self) -> list[Worker]:
        """All that are known, by name; see `WorkerStore`."""
        return [worker_of(row) for row in await self.query(LOG_STATEMENTS["select_workers"])]

    def version(self) -> int:
        """`PRAGMA data_version` of a reading connection, asked on the loop's own thread: some microseconds."""
        return _in_our_words(self.path, _data_version, self._sessions.current().reader_here())

    async def begin_subscription(self, name: str, after: int | None, at: str) -> Subscription:
        """The subscription of that name, made if need be; see `SubscriptionStore`."""
        return await self.write(partial(subscriptions.begin, name=name, after=after, at=at))

    async def claim_subscription(self, name: str, after: int | None, worker: str, at: str) -> Subscription:
        """Take a subscription, unless its consumer is alive; see `SubscriptionStore`."""
        return await self.write(
            partial(subscriptions.claim, name=name, after=after, worker=worker, at=at, clock=self._clock)
        )

    async def save_subscription(self, subscription: Subscription, *, release: bool = False) -> bool:
        """Store how far its consumer has come; see `SubscriptionStore`."""
        return await self.write(partial(subscriptions.save, subscription=subscription, release=release))

    async def subscriptions(self) -> list[Subscription]:
        """All of them, by name; see `SubscriptionStore`."""
        return await self._read(subscriptions.listed)

    async def remove_subscription(self, name: str) -> None:
        """Forget a subscription; see `SubscriptionStore`."""
        await self.write(partial(subscriptions.remove, name=name, clock=self._clock))

    async def read_followed(self, after: int, types: Sequence[str] | None, limit: int) -> Followed:
        """The next events that a subscription is told of; see `SubscriptionStore`."""

        def run(connection: sqlite3.Connection) -> Followed:
            with reading(connection, self.path):
                return subscriptions.read_followed(connection, after, types, limit)

        return await self._read(run)

    def on_commit(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener after each commit on the running loop; see `SubscriptionStore`."""
        return self._sessions.current().writer.on_commit(listener)

    @property
    def meter(self) -> Meter:
        """What the transactions of the running loop took."""
        return self._sessions.current().writer.meter

    async def purge(self, request: Purge) -> Appended:
        """Take streams out of the log, all of them or none; see `flowsm.log.purge.purge`.

        Raises:
            Conflict: one of them is not where the request has it.
        """
        return await self.write(lambda connection: purge(connection, self._appender(), request))

    async def restore(self, request: Restore) -> Appended:
        """Bring streams into the log, all of them or none; see `flowsm.log.restore.restore`.

        Raises:
            Conflict: one of them is there, or the log's own stream went on.
        """
        return await self.write(lambda connection: restore(connection, self._appender(), request))

    async def store_documents(
        self, payloads: Sequence[tuple[str, bytes]], definitions: Sequence[tuple[str, bytes]], at: str
    ) -> None:
        """Keep large values and flows, by digest, that streams to be restored will need."""
        await self.write(lambda connection: store_documents(connection, payloads, definitions, at))

    async def drop_unused(self, digests: Sequence[str]) -> None:
        """Let go of those payloads that no stream uses."""
        await self.write(lambda connection: drop_unused(connection, digests))

    def _appender(self) -> Appender:
        """One that keeps nothing, for a transaction in which more is done than appended."""
        return Appender(self.path, self._statements, self._clock)

    async def backup(self, target: str | Path, *, replace: bool = False) -> int:
        """Copy the file while it is in use, on a thread; see `copy_database`. Gives the copy's size in bytes."""
        return await asyncio.to_thread(copy_database, self.path, target, replace=replace)

    async def generation(self) -> int:
        """The generation of the projections' tables that is in use."""
        return await self._read(read.read_generation)

    async def close(self) -> None:
        """Let go of files and threads; appends under way are answered first."""
        await self._sessions.close()
        self._release()

    def release(self) -> None:
        """Let go of files and threads without a loop; what is queued is never answered."""
        self._release()

    def _read(self, function: Callable[[sqlite3.Connection], _T]) -> asyncio.Future[_T]:
        return self._sessions.current().reader.submit(partial(_in_our_words, self.path, function))


class _Files:
    """Makes the connections; each first sees to it that the tables are there."""

    def __init__(self, path: str, durability: Durability, migrations: Sequence[Migration], clock: Clock) -> None:
        self._path = path
        self._durability: Durability = durability
        self._migrations = migrations
        self._clock = clock

    def open_writer(self) -> sqlite3.Connection:
        connection = open_writer(self._path, self._durability)
        try:
            now = timestamp(self._clock.now())
            migrate(connection, self._path, self._migrations, now=now, created_by=_CREATED_BY)
        except BaseException:
            connection.close()
            raise
        return connection

    def open_reader(self) -> sqlite3.Connection:
        return open_reader(self._path, self._is_current, lambda: self.open_writer().close())

    def _is_current(self, connection: sqlite3.Connection) -> bool:
        return is_current(connection, self._migrations)


def _data_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _in_our_words(path: str, function: Callable[[sqlite3.Connection], _T], connection: sqlite3.Connection) -> _T:
    try:
        return function(connection)
    except FAILURES as error:
        raise unavailable(path, error) from error


def _release(sessions: Sessions, folder: Path | None, made_by: int) -> None:
    sessions.release()
    if folder is not None and os.getpid() == made_by:  # a process that was forked leaves it to the one that made it
        shutil.rmtree(folder, ignore_errors=True)
