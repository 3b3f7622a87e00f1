"""Anchors: the digests of all streams' heads, noted elsewhere, by which a log that was cut or forged is found out.

An anchor is NDJSON: a line that says when it was made, a line `[stream, seq, digest]` for each stream, and a last line
with their number.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from flowsm.errors import FileExists, LogUnavailable, UsageError
from flowsm.events.system import StreamHead
from flowsm.limits import REFOLD_PAGE_STREAMS
from flowsm.log.port import LogView, RowStore
from flowsm.storage.backup import sync_folder
from flowsm.upkeep.paging import SQL, Purged, heads
from flowsm.upkeep.trouble import Trouble

__all__ = ["AnchorReport", "anchor_lines", "compare", "write_anchor"]

_FORMAT: Final = 1
_ENCODE: Final = msgspec.json.Encoder().encode
_RESTORE: Final = "restore the log from a backup, and ask who wrote to the file"


class AnchorReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an anchor holds."""

    made_at: str
    position: int
    streams: int


class _First(msgspec.Struct, frozen=True, kw_only=True):
    flowsm_anchor: int
    made_at: str
    position: int


class _Last(msgspec.Struct, frozen=True, kw_only=True):
    streams: int


async def anchor_lines(store: RowStore, now: str) -> AsyncIterator[bytes]:
    """The lines of an anchor, each with its end of line."""
    position = await store.look(lambda view: view.position())
    yield _ENCODE(_First(flowsm_anchor=_FORMAT, made_at=now, position=position)) + b"\n"
    count = 0
    async for page in heads(store):
        count += len(page)
        yield b"".join(_ENCODE(head) + b"\n" for head in page)
    yield _ENCODE(_Last(streams=count)) + b"\n"


async def write_anchor(store: RowStore, target: str | Path, now: str, *, replace: bool = False) -> AnchorReport:
    """Write an anchor, complete or not at all.

    Raises:
        FileExists: the file is there, and `replace` was not said.
        LogUnavailable: it cannot be written.
    """
    target = Path(target)
    partial_path = target.with_name(f".{target.name}.{os.getpid()}.partial")
    if target.exists() and not replace:
        raise FileExists(str(target))
    try:
        with partial_path.open("wb") as file:
            async for line in anchor_lines(store, now):
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        first, count = _ends(partial_path)
        partial_path.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise LogUnavailable(str(target), f"the anchor cannot be written: {error.strerror or error}") from error
    finally:
        partial_path.unlink(missing_ok=True)
    return AnchorReport(made_at=first.made_at, position=first.position, streams=count)


async def compare(store: RowStore, path: str | Path) -> tuple[AnchorReport, list[Trouble]]:
    """Compare a log with an anchor: each stream is there, is as long or longer, and had that digest at that seq.

    A stream that was purged since is looked up in the log's own stream, which is anchored too.

    Raises:
        UsageError: the file cannot be read, or is no anchor.
    """
    path = Path(path)
    first, count = _ends(path)
    position = await store.look(lambda view: view.position())
    troubles: list[Trouble] = []
    if position < first.position:
        troubles.append(
            Trouble(
                kind="anchor",
                place="the log",
                value=f"position {position}",
                message=f"it was at position {first.position} at {first.made_at}: events at its end are gone",
                way_out=_RESTORE,
            )
        )
    purged = Purged()
    await purged.read(store)
    for page in _pages(path):
        troubles += await store.look(partial(_compare_page, page=page, purged=purged))
    return AnchorReport(made_at=first.made_at, position=first.position, streams=count), troubles


def _compare_page(view: LogView, *, page: Sequence[StreamHead], purged: Purged) -> list[Trouble]:
    return [trouble for trouble in (_compare_head(view, head, purged) for head in page) if trouble is not None]


def _compare_head(view: LogView, anchored: StreamHead, purged: Purged) -> Trouble | None:
    found = view.head(anchored.stream)
    gone = purged.head(anchored.stream)
    if found is not None:
        seq = found.seq
        stored = view.execute(SQL["digest_at"], {"stream": anchored.stream, "seq": anchored.seq})
        digest = stored[0][0] if stored else ""
    elif gone is not None:
        seq = gone.seq
        digest = (
            gone.digest if gone.seq == anchored.seq else anchored.digest
        )  # of what is before, only the archive knows
    else:
        return _trouble(anchored, "no such stream", "the stream is missing")
    if seq < anchored.seq:
        return _trouble(anchored, f"seq {seq}", f"the stream is shorter: it was at seq {anchored.seq}")
    if digest != anchored.digest:
        message = f"another digest at seq {anchored.seq}: it was {anchored.digest[:12]}"
        return _trouble(anchored, f"digest {digest[:12] or 'none'}", message)
    return None


def _trouble(anchored: StreamHead, value: str, message: str) -> Trouble:
    place = f"stream {anchored.stream}"
    return Trouble(kind="anchor", place=place, value=value, message=message, way_out=_RESTORE)


def _pages(path: Path) -> Iterator[list[StreamHead]]:
    """The anchored heads, page by page."""
    page: list[StreamHead] = []
    for line in _lines(path, 1):
        page.append(_decode(path, line, StreamHead))
        if len(page) == REFOLD_PAGE_STREAMS:
            yield page
            page = []
    yield page


def _lines(path: Path, skip: int) -> Iterator[bytes]:
    """The lines between the first `skip` and the last."""
    with path.open("rb") as file:
        for _ in range(skip):
            file.readline()
        held = file.readline()
        for line in file:
            yield held
            held = line


def _ends(path: Path) -> tuple[_First, int]:
    """The first line of an anchor, and the number of streams, which its last line says.

    Raises:
        UsageError: it cannot be read, or is no anchor, or not all of one.
    """
    count, last = 0, b""
    try:
        with path.open("rb") as file:
            first = _decode(path, file.readline(), _First)
            for count, line in enumerate(file, 1):  # noqa: B007 - the last of both is what counts
                last = line
    except OSError as error:
        raise UsageError(f"{path}: the anchor cannot be read: {error.strerror or error}") from None
    if first.flowsm_anchor != _FORMAT:
        raise UsageError(f"{path}: an anchor of format {first.flowsm_anchor}, expected {_FORMAT}: upgrade flowsm")
    if _decode(path, last, _Last).streams != count - 1:
        raise UsageError(
            f"{path}: expected {_decode(path, last, _Last).streams} streams, found {count - 1}: it was cut"
        )
    return first, count - 1


def _decode(path: Path, line: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected an anchor that flowsm made, whole, found another text ({error})") from None
