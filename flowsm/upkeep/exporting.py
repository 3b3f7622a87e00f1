"""export: one execution, as it stands now, in a file that every reading command opens anywhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from flowsm.errors import DefinitionNotFound, ExecutionNotFound, FileExists, LogBroken, LogUnavailable, UsageError
from flowsm.events.envelope import Recorded
from flowsm.events.facts import WaitStarted
from flowsm.limits import READ_PAGE_EVENTS
from flowsm.log.chain import GENESIS, event_digest
from flowsm.log.port import Head, LogView, Origin, RowStore
from flowsm.machine.evolve import pinned
from flowsm.storage.backup import sync_folder
from flowsm.upkeep.archive_file import ArchiveWriter, End, Redacted
from flowsm.upkeep.log_writer import LogWriter
from flowsm.upkeep.redact import Redactor
from flowsm.upkeep.shared import Written, written

__all__ = ["Export", "ExportReport", "export"]


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be exported: an execution, with those that its sub-flows started or without, redacted or whole."""

    stream: str
    with_children: bool = False
    redact: tuple[str, ...] = ()
    actor: str = ""


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was exported; `digest` is that of the file's last line, `redacted` are the pointers."""

    path: str
    digest: str
    executions: int
    events: int
    redacted: tuple[str, ...] = ()


async def export(log: RowStore, wanted: Export, target: Path | BinaryIO, now: str) -> ExportReport:
    """Write an execution to a file, whole or not at all, or to a file that is open.

    Raises:
        ExecutionNotFound: there is no such execution.
        FileExists: the file is there.
        LogBroken: what is recorded cannot be read.
        LogUnavailable: the file cannot be written.
        UsageError: a pointer that names nothing in it.
    """
    if not isinstance(target, Path):
        return _report(await _write(log, wanted, target, now), "", wanted)
    partial_path = target.with_name(f".{target.name}.{os.getpid()}.partial")
    _require_none(target)
    try:
        end = await _write(log, wanted, partial_path, now)
        _require_none(target)
        partial_path.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise LogUnavailable(str(target), f"the export cannot be written: {error.strerror or error}") from error
    finally:
        partial_path.unlink(missing_ok=True)
    return _report(end, str(target), wanted)


def _require_none(target: Path) -> None:
    if target.exists():
        raise FileExists(str(target), replaceable=False)


def _report(end: End, path: str, wanted: Export) -> ExportReport:
    return ExportReport(path=path, digest=end.digest, executions=end.streams, events=end.events, redacted=wanted.redact)


async def _write(log: RowStore, wanted: Export, target: Path | BinaryIO, now: str) -> End:
    redacted, scan = None, None
    if not await log.look(partial(_is_there, stream=wanted.stream)):
        raise ExecutionNotFound(wanted.stream)
    if wanted.redact:
        redactor = Redactor(wanted.redact)
        redacted, scan = Redacted(by=wanted.actor, pointers=wanted.redact), _Scan(log, redactor)
        await _walk(log, wanted, scan.add, scan.children)
        if redactor.unfound:
            raise UsageError(f"redact {redactor.unfound[0]!r} names nothing that is recorded in {wanted.stream}")
    file = ArchiveWriter(target, now, compressed=False, redacted=redacted)
    try:
        if scan is not None:
            await scan.write(file)
        else:
            writer = LogWriter(log, file)
            await _walk(log, wanted, writer.add, writer.children)
        return await asyncio.to_thread(file.finish)
    finally:
        file.close()


async def _walk(log: RowStore, wanted: Export, add: Any, children: set[str]) -> None:
    """Add the execution, and, if they are wanted, those below it, each after its parent."""
    done = {wanted.stream}
    await add(wanted.stream)
    while wanted.with_children and (new := sorted(children - done)):
        for child in new:
            done.add(child)
            if await log.look(partial(_is_there, stream=child)):
                await add(child)


def _is_there(view: LogView, *, stream: str) -> bool:
    return view.head(stream) is not None


class _Scan:
    """Executions that are redacted: looked at first, up to where they are now, then written up to there."""

    def __init__(self, log: RowStore, redactor: Redactor) -> None:
        self.children: set[str] = set()
        self._log = log
        self._redactor = redactor
        self._streams: dict[str, Written] = {}
        self._ends: dict[tuple[str, int], tuple[str, dict[str, Any]]] = {}

    async def add(self, stream: str, *, part: bool = False) -> None:
        """Look at an execution, after what it shares with another one; with `part` only at what forks share of it."""
        to_write = await self._log.look(partial(written, stream=stream, part=part))
        if to_write is None:
            raise ExecutionNotFound(stream)
        if to_write.origin is not None and to_write.origin.parent not in self._streams:
            await self.add(to_write.origin.parent, part=True)
        self._streams[stream] = to_write
        async for event, data in self._events(to_write):
            if isinstance(event.fact, WaitStarted) and event.fact.child is not None:
                self.children.add(event.fact.child)
            self._redactor.look(event.type, data)

    async def write(self, file: ArchiveWriter) -> None:
        """Write what was looked at; large values stand in the events, for their digests have changed."""
        flows: dict[str, dict[str, Any]] = {}
        for stream in self._streams.values():
            async for event, _ in self._events(stream):
                digest = pinned(event.fact)
                if digest is None or digest in flows:
                    continue
                document = await self._log.look(partial(_flow, event=event, digest=digest))
                flows[digest] = {
                    task["name"]: task.get("parameters", {}) for task in msgspec.json.decode(document)["tasks"]
                }
                file.flow(digest, document)
            last = GENESIS
            async for event, _, _ in self._sealed(stream, flows):
                last = event.digest
            file.stream(self._resealed(stream, last), stream.head.digest)
            async for event, data, original in self._sealed(stream, flows):
                file.event(event, data, original)

    def _resealed(self, stream: Written, digest: str) -> Written:
        """The stream with the digests that it has now."""
        origin = stream.origin
        if origin is not None:
            origin = Origin(origin.parent, origin.seq, self._ends[origin.parent, origin.seq][0])
        return Written(msgspec.structs.replace(stream.head, digest=digest), origin, stream.forked, stream.part)

    async def _sealed(
        self, stream: Written, flows: dict[str, dict[str, Any]]
    ) -> AsyncIterator[tuple[Recorded, bytes, str]]:
        """The events as they are left, each sealed anew, and the digests that they were recorded with."""
        previous, templates = GENESIS, dict[str, Any]()
        if stream.origin is not None:
            previous, templates = self._ends[stream.origin.parent, stream.origin.seq]
        origins = [one.origin for one in self._streams.values() if one.origin is not None]
        shared = {origin.seq for origin in origins if origin.parent == stream.head.stream}
        async for event, data in self._events(stream):
            digest = pinned(event.fact)
            templates = templates if digest is None else flows[digest]
            self._redactor.rewrite(event.type, data, templates)
            text = msgspec.json.encode(data)
            previous = event_digest(previous, event.stream, event.seq, event.at, (event.type, event.version, text))
            if event.seq in shared:
                self._ends[event.stream, event.seq] = previous, templates
            yield msgspec.structs.replace(event, digest=previous), text, event.digest

    async def _events(self, stream: Written) -> AsyncIterator[tuple[Recorded, dict[str, Any]]]:
        """Its own events, each with the JSON data that were recorded, large values in place."""
        head, after = stream.head, stream.first
        while after < head.seq:
            page = await self._log.look(partial(_page, head=head, after=after))
            after += len(page)
            for event, data in page:
                yield event, data


def _page(view: LogView, *, head: Head, after: int) -> list[tuple[Recorded, dict[str, Any]]]:
    events: Sequence[tuple[Recorded, bytes]] = view.read_stored(
        head.stream, after=after, limit=min(READ_PAGE_EVENTS, head.seq - after)
    )
    return [(event, _data(view, event, text)) for event, text in events]


def _data(view: LogView, event: Recorded, text: bytes) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.json.decode(text)
    for field, reference in getattr(event.fact, "stored", {}).items():
        data[field] = msgspec.json.decode(view.payload(event, reference.digest))
    data.pop("stored", None)
    return data


def _flow(view: LogView, *, event: Recorded, digest: str) -> bytes:
    """The flow that the execution runs from this event on."""
    try:
        return view.definition(digest)
    except DefinitionNotFound as error:
        raise LogBroken(event.stream, event.seq, str(error)) from error
