"""What a disk may hold after a loss of power: what was synced, and any part of what was not.

The model takes from a disk what it need not give: a write that was not synced is there, or not, or there by sectors of
512 or 4096 bytes; one that came later may be there although an earlier one is not; likewise a new length; a new name,
or the end of one, may be lost until the folder was synced.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from syscalls import Op

__all__ = ["acknowledged", "after_power_loss", "moments"]

SECTORS = (512, 4096)


@dataclass
class _File:
    """A file by its creation: the calls that changed it, how many of those are synced, and what became of its name."""

    created: int
    changes: list[tuple[int, Op]] = field(default_factory=list)
    synced: int = 0
    """Changes that returned before this index are on the disk."""
    named: bool = False
    unlinked: int | None = None
    gone: bool = False


def after_power_loss(ops: Sequence[Op], moment: int, rng: random.Random) -> dict[str, bytes]:
    """The files that may be found after the power went at this moment: when so many calls had returned."""
    files = _history(ops[:moment])
    kept = rng.choice([0.0, 0.5, 0.5, 0.9, 1.0])
    found: dict[str, bytes] = {}
    for name, file in files:
        if file.gone or (file.unlinked is not None and rng.random() < kept):
            found.pop(name, None)
        elif file.named or rng.random() < kept:
            found[name] = _content(file, kept, rng)
    return found


def _history(ops: Sequence[Op]) -> list[tuple[str, _File]]:
    """All files that there were, by their names, in the order of their creation."""
    files: list[tuple[str, _File]] = []
    living: dict[str, _File] = {}
    for index, op in enumerate(ops):
        if op.kind == "create":
            living[op.file] = _File(index)
            files.append((op.file, living[op.file]))
        elif op.kind == "unlink":
            living.pop(op.file).unlinked = index
        elif op.kind in {"write", "truncate"}:
            living[op.file].changes.append((index, op))
        elif op.kind == "fsync":
            living[op.file].synced = op.offset
        elif op.kind == "sync_folder":
            for _, file in files:
                file.named |= file.created < op.offset
                file.gone |= file.unlinked is not None and file.unlinked < op.offset
    return files


def _content(file: _File, kept: float, rng: random.Random) -> bytes:
    content = bytearray()
    for index, op in file.changes:
        if index < file.synced:
            _apply(content, op.offset, op.data, op.kind)
        elif op.kind == "write" and rng.random() < 0.3:
            for offset, data in _sectors(op, rng.choice(SECTORS)):
                if rng.random() < kept:
                    _apply(content, offset, data, "write")
        elif rng.random() < kept:
            _apply(content, op.offset, op.data, op.kind)
    return bytes(content)


def _apply(content: bytearray, offset: int, data: bytes, kind: str) -> None:
    if kind == "truncate":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _sectors(op: Op, size: int) -> list[tuple[int, bytes]]:
    """A write in pieces that end where the sectors of the file do."""
    pieces = []
    at, end = op.offset, op.offset + len(op.data)
    while at < end:
        until = min(end, (at // size + 1) * size)
        pieces.append((at, op.data[at - op.offset : until - op.offset]))
        at = until
    return pieces


def acknowledged(ops: Sequence[Op], moment: int) -> list[list[str]]:
    """The words of each whole line that the program had begun to say by then."""
    said = b"".join(op.data for op in ops[:moment] if op.kind == "say")
    return [line.split() for line in said.decode().split("\n")[:-1]]


def moments(ops: Sequence[Op]) -> list[int]:
    """Every moment, those that are close to a sync or an acknowledgement more than once."""
    found = list(range(len(ops) + 1))
    for index, op in enumerate(ops):
        if op.kind in {"say", "fsync", "sync_folder", "unlink"}:
            found += [index, index + 1] * 4
    return found
