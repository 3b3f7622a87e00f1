"""Records to files, whole or not at all: JSON, NDJSON, CSV."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from flowsm.tasks.builtin.records import Records

__all__ = ["WRITERS", "columns_of", "replace_file"]

_ENCODE: Final = msgspec.json.Encoder().encode
_SYNCS_FOLDERS: Final = os.name == "posix"


def columns_of(records: Records) -> list[str]:
    """Every field of the records, in the order in which they first appear."""
    return list(dict.fromkeys(name for record in records for name in record))


def replace_file(target: Path, data: bytes) -> None:
    """Put a file in the place of another: after a crash either the old or the new one is there, whole.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with contextlib.suppress(FileNotFoundError):
                temporary.chmod(target.stat().st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    if not _SYNCS_FOLDERS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _json(records: Records) -> bytes:
    """An array, one record a line."""
    return b"[\n" + b",\n".join(map(_ENCODE, records)) + b"\n]\n" if records else b"[]\n"


def _ndjson(records: Records) -> bytes:
    return b"".join(_ENCODE(record) + b"\n" for record in records)


def _csv(records: Records) -> bytes:
    """A header row, then one row per record: null is empty, arrays and objects are JSON text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = columns_of(records)
    if columns:
        writer.writerow(columns)
        writer.writerows([_cell(record.get(name)) for name in columns] for record in records)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return _ENCODE(value).decode() if isinstance(value, bool | list | dict) else value


WRITERS: Final[dict[str, Callable[[Records], bytes]]] = {"json": _json, "ndjson": _ndjson, "csv": _csv}
