"""The file of an archive, and of an export: NDJSON, one JSON object a line, each of the `kind` that it says.

An archive is compressed by gzip, an export (`.flowrun`) is not; either is read. An export may hold executions that have
not ended, and may be redacted: then its digests are taken over what is left, and `original` is the recorded one.

archive   the first: the format, when it was made, how it was redacted
flow      a flow's canonical JSON, before the first stream that needs it
payload   a large value's JSON text, before the first stream that needs it
stream    an execution: its head, and how many events follow. One that is a fork comes after its origin, whose events up to
          `origin_seq` are its first; of what forks share (up to `forked`) that `part` alone may be there
event     as it was recorded: `data` is the text that was stored, over which the digest was taken
end       the last: counts, and the SHA-256 of all lines before it
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from flowsm.definition.digest import canonical_digest
from flowsm.errors import ArchiveBroken, LogBroken
from flowsm.events.envelope import Recorded
from flowsm.events.system import StreamHead
from flowsm.ids import is_execution_id
from flowsm.limits import ARCHIVE_LINE_MAX_BYTES
from flowsm.log.chain import GENESIS
from flowsm.log.port import Origin
from flowsm.log.read import record
from flowsm.log.restore import RestoredEvent, RestoredStream
from flowsm.upkeep.shared import Written

__all__ = [
    "SUFFIX",
    "ArchiveWriter",
    "ArchivedStream",
    "End",
    "Flow",
    "Item",
    "Payload",
    "Redacted",
    "is_archive",
    "read_archive",
    "redaction_of",
]

SUFFIX: Final = ".flowrun"
"""How the name of an export ends."""
_FORMAT: Final = 1
_REDACTED_FORMAT: Final = 2
"""What is redacted is not what was recorded: it has a format of its own, that nobody takes it for the other."""
_MAGIC: Final = b"\x1f\x8b"
_BEGIN: Final = b'{"kind":"archive",'
_LEVEL: Final = 6
_ENCODE: Final = msgspec.json.Encoder().encode


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", gc=False):
    pass


class Redacted(msgspec.Struct, frozen=True, kw_only=True):
    """By whom and what of a file was redacted: the JSON pointers that were asked for."""

    by: str
    pointers: tuple[str, ...]

    @property
    def words(self) -> str:
        """The same, as part of a sentence."""
        by = f" by {self.by}" if self.by else ""
        return f"redacted{by} ({', '.join(self.pointers)})"


class _First(_Line, frozen=True, kw_only=True, omit_defaults=True, tag="archive"):
    format: int
    made_at: str
    redacted: Redacted | None = None


class Flow(_Line, frozen=True, kw_only=True, tag="flow"):
    """A flow that executions of the archive are pinned to; `document` is its canonical JSON."""

    digest: str
    document: str


class Payload(_Line, frozen=True, kw_only=True, tag="payload"):
    """A large value; `text` is its JSON text."""

    digest: str
    text: str


class _Stream(_Line, frozen=True, kw_only=True, omit_defaults=True, tag="stream"):
    stream: str
    seq: int
    digest: str
    epoch: int
    original: str = ""
    origin: str = ""
    origin_seq: int = 0
    origin_digest: str = ""
    forked: int = 0
    part: bool = False


class _Event(_Line, frozen=True, kw_only=True, omit_defaults=True, tag="event"):
    seq: int
    type: str
    version: int
    at: str
    data: str
    digest: str
    original: str = ""


class End(_Line, frozen=True, kw_only=True, tag="end"):
    """What an archive holds; `digest` is the SHA-256 of all lines before this one."""

    made_at: str
    flows: int
    payloads: int
    streams: int
    events: int
    digest: str


_AnyLine = _First | Flow | Payload | _Stream | _Event | End
_DECODE: Final[Callable[[bytes], _AnyLine]] = msgspec.json.Decoder(_AnyLine).decode


class ArchivedStream(msgspec.Struct, frozen=True):
    """An execution with all its events, verified: as they are stored, and as they were recorded (at position 0)."""

    stored: RestoredStream
    recorded: tuple[Recorded, ...]

    @property
    def head(self) -> StreamHead:
        """The stream's head."""
        return self.stored.head


Item = Flow | Payload | ArchivedStream | End


def is_archive(path: Path) -> bool:
    """Whether a file is named like an export, or begins like an archive."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(_BEGIN))
    except OSError:
        return False
    return path.suffix == SUFFIX or begin[: len(_MAGIC)] == _MAGIC or begin == _BEGIN


class ArchiveWriter:
    """Writes an archive line by line; `finish` makes it whole and durable.

    Args:
        target: the file to be made, or one that is open, which is left open.
        made_at: when.
        compressed: whether by gzip.
        redacted: how the values that will be given were redacted.
    """

    def __init__(
        self, target: Path | BinaryIO, made_at: str, *, compressed: bool = True, redacted: Redacted | None = None
    ) -> None:
        self._owns = isinstance(target, Path)
        self._file: BinaryIO = target.open("xb") if isinstance(target, Path) else target
        self._gzip: gzip.GzipFile | None = None
        if compressed:
            self._gzip = gzip.GzipFile(filename="", mode="wb", fileobj=self._file, compresslevel=_LEVEL, mtime=0)
        self._sha256 = hashlib.sha256()
        self._made_at = made_at
        self._counts = {"flow": 0, "payload": 0, "stream": 0, "event": 0}
        self._put(_First(format=_REDACTED_FORMAT if redacted else _FORMAT, made_at=made_at, redacted=redacted))

    def flow(self, digest: str, document: bytes) -> None:
        """Write a flow."""
        self._counts["flow"] += 1
        self._put(Flow(digest=digest, document=document.decode()))

    def payload(self, digest: str, text: bytes) -> None:
        """Write a large value."""
        self._counts["payload"] += 1
        self._put(Payload(digest=digest, text=text.decode()))

    def stream(self, stream: Written, original: str = "") -> None:
        """Begin a stream, whose own events have to follow. `original` is its digest before it was redacted."""
        self._counts["stream"] += 1
        head, origin = stream.head, stream.origin
        line = _Stream(
            stream=head.stream,
            seq=head.seq,
            digest=head.digest,
            epoch=head.epoch,
            original=original,
            forked=stream.forked,
            part=stream.part,
        )
        if origin is not None:
            line = msgspec.structs.replace(
                line, origin=origin.parent, origin_seq=origin.seq, origin_digest=origin.digest
            )
        self._put(line)

    def event(self, event: Recorded, data: bytes, original: str = "") -> None:
        """Write the stream's next event, with its data as it was stored, or as it was redacted from `original`."""
        self._counts["event"] += 1
        self._put(
            _Event(
                seq=event.seq,
                type=event.type,
                version=event.version,
                at=event.at,
                data=data.decode(),
                digest=event.digest,
                original=original,
            )
        )

    def finish(self) -> End:
        """Write the last line, and make the file durable."""
        counts = {f"{kind}{'s'}": count for kind, count in self._counts.items()}
        end = End(made_at=self._made_at, digest=self._sha256.hexdigest(), **counts)
        self._put(end)
        if self._gzip is not None:
            self._gzip.close()
        self._file.flush()
        if self._owns:
            os.fsync(self._file.fileno())
        self.close()
        return end

    def close(self) -> None:
        """Let go of the file, whole or not."""
        if self._gzip is not None:
            self._gzip.close()
        if self._owns:
            self._file.close()

    def _put(self, line: _Line) -> None:
        text = _ENCODE(line) + b"\n"
        self._sha256.update(text)
        if self._gzip is not None:
            self._gzip.write(text)
        else:
            self._file.write(text)


def redaction_of(path: Path) -> Redacted | None:
    """How an archive was redacted, as its first line says.

    Raises:
        ArchiveBroken: the first line is not one of an archive.
    """
    reader = _Reader(path)
    with _opened(path, reader) as file:
        return reader.first(file).redacted


@contextmanager
def _opened(path: Path, reader: _Reader) -> Iterator[BinaryIO]:
    """The lines of the file, compressed or not."""
    try:
        with path.open("rb") as raw:
            if raw.peek(len(_MAGIC))[: len(_MAGIC)] != _MAGIC:
                yield raw
                return
            with gzip.open(raw, "rb") as file:
                yield file  # type: ignore[misc] # GzipFile reads bytes
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveBroken(str(path), reader.line, f"it was cut, or is damaged ({error})") from error
    except OSError as error:
        raise ArchiveBroken(str(path), 0, f"it cannot be read: {error.strerror or error}") from error


def read_archive(path: Path) -> Iterator[Item]:
    """What an archive holds, in order, each item verified; the last is its `End`, which vouches for the whole.

    Raises:
        ArchiveBroken: it is not what was written, or cannot be read.
    """
    reader = _Reader(path)
    with _opened(path, reader) as file:
        yield from reader.items(file)


class _Reader:
    def __init__(self, path: Path) -> None:
        self.line = 0
        self._path = str(path)
        self._sha256 = hashlib.sha256()

    def first(self, file: BinaryIO) -> _First:
        """The first line."""
        first = self._next(file)
        if not isinstance(first, _First):
            raise self._broken("expected an archive of flowsm, found something else")
        if first.format not in {_FORMAT, _REDACTED_FORMAT}:
            known = f"{_FORMAT} and {_REDACTED_FORMAT}"
            raise self._broken(f"an archive of format {first.format}, this flowsm reads {known}: upgrade flowsm")
        if (first.format == _REDACTED_FORMAT) != (first.redacted is not None):
            raise self._broken("whether it is redacted, and its format, contradict each other")
        return first

    def items(self, file: BinaryIO) -> Iterator[Item]:
        first = self.first(file)
        counts = {"flows": 0, "payloads": 0, "streams": 0, "events": 0}
        while True:
            before = self._sha256.hexdigest()
            line = self._next(file)
            if isinstance(line, Flow):
                counts["flows"] += 1
                yield self._checked_flow(line)
            elif isinstance(line, Payload):
                counts["payloads"] += 1
                yield self._checked_payload(line)
            elif isinstance(line, _Stream):
                counts["streams"] += 1
                counts["events"] += line.seq - line.origin_seq
                yield self._read_stream(file, line)
            elif isinstance(line, End):
                if line != End(made_at=first.made_at, digest=before, **counts):
                    raise self._broken("its counts, or its digest, are not those of the lines before it")
                if file.readline(1):
                    raise self._broken("there is more after its end")
                yield line
                return
            else:
                raise self._broken(f"an unexpected {type(line).__name__.strip('_').lower()}")

    def _next(self, file: BinaryIO) -> _AnyLine:
        self.line += 1
        text = file.readline(ARCHIVE_LINE_MAX_BYTES)
        if self.line == 1 and text and not text.startswith(_BEGIN):
            raise self._broken("expected an archive, or an export, of flowsm, found something else")
        if not text.endswith(b"\n"):
            raise self._broken("it ends here, without its last line" if not text else "the line is cut, or too long")
        self._sha256.update(text)
        try:
            return _DECODE(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._broken(f"expected a line of an archive of flowsm: {error}") from error

    def _read_stream(self, file: BinaryIO, stream: _Stream) -> ArchivedStream:
        if not is_execution_id(stream.stream) or stream.seq <= stream.origin_seq or stream.origin_seq < 0:
            raise self._broken(f"no execution can be {stream.stream!r} with {stream.seq} events")
        origin = Origin(stream.origin, stream.origin_seq, stream.origin_digest) if stream.origin else None
        previous = GENESIS if origin is None else origin.digest
        stored: list[RestoredEvent] = []
        recorded: list[Recorded] = []
        for seq in range(stream.origin_seq + 1, stream.seq + 1):
            line = self._next(file)
            if not isinstance(line, _Event) or line.seq != seq:
                raise self._broken(f"expected seq {seq} of {stream.stream}")
            row = (0, seq, line.type, line.version, line.at, line.data.encode(), line.digest)
            try:
                event = record(previous, stream.stream, row)
            except LogBroken as error:
                raise self._broken(f"{stream.stream}, seq {seq}: {error.reason}") from error
            previous = event.digest
            payloads = tuple(ref.digest for ref in getattr(event.fact, "stored", {}).values())
            stored.append(RestoredEvent(line.type, line.version, line.at, line.data, line.digest, payloads))
            recorded.append(event)
        if previous != stream.digest:
            raise self._broken(f"{stream.stream}: its last digest is not the one of its head")
        head = StreamHead(stream.stream, stream.seq, stream.digest)
        restored = RestoredStream(head, stream.epoch, stored, origin, stream.forked, stream.part)
        return ArchivedStream(restored, tuple(recorded))

    def _checked_flow(self, flow: Flow) -> Flow:
        if canonical_digest(flow.document.encode()) != flow.digest:
            raise self._broken(f"flow {flow.digest[:12]} is not what was stored")
        return flow

    def _checked_payload(self, payload: Payload) -> Payload:
        if hashlib.sha256(payload.text.encode()).hexdigest() != payload.digest:
            raise self._broken(f"payload {payload.digest[:12]} is not what was stored")
        return payload

    def _broken(self, reason: str) -> ArchiveBroken:
        return ArchiveBroken(self._path, self.line, reason)
