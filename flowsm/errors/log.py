"""Something about the log itself."""

from __future__ import annotations

from flowsm.errors.base import LogError

__all__ = [
    "AppendUnknown",
    "ArchiveBroken",
    "ArchiveRedacted",
    "LogBroken",
    "LogTooNew",
    "LogUnavailable",
]


class ArchiveBroken(LogError):
    """An archive is not what was written: cut, changed, or no archive at all; `line` counts from 1, 0 is the whole."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        place = f", line {line}" if line else ""
        super().__init__(f"{path}{place}: {reason}; take another copy of the archive")


class ArchiveRedacted(LogError):
    """What is in the file is not what was recorded: it can be read, and never imported."""

    def __init__(self, path: str, words: str) -> None:
        self.path, self.words = path, words
        super().__init__(
            f"{path} is {words}: it can be read, and is not what was recorded, so it cannot be imported; "
            "export the execution without redacting it"
        )


class LogTooNew(LogError):
    """The file was written by a newer flowsm."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        self.path, self.found, self.supported = path, found, supported
        super().__init__(f"{path} has log format {found}, this flowsm writes up to {supported}: upgrade flowsm")


class LogBroken(LogError):
    """The stored events of a stream are not what was recorded."""

    def __init__(self, stream: str, seq: int, reason: str) -> None:
        self.stream, self.seq, self.reason = stream, seq, reason
        super().__init__(f"stream {stream!r} is broken at seq {seq}: {reason}; restore it from a backup")


class LogUnavailable(LogError):
    """SQLite could not do it now: locked, full, read-only, not a database."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class AppendUnknown(LogError):
    """The fate of an append is not known: read the stream's seq again."""

    def __init__(self, stream: str, reason: str) -> None:
        self.stream, self.reason = stream, reason
        super().__init__(
            f"whether the append to {stream!r} was recorded is not known ({reason}): see to the disk's room and health, "
            f"look at what is recorded (flowsm show {stream}), then ask again if need be"
        )
