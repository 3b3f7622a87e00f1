"""`store_data`: records to a file or a SQLite table, or kept in the log."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any, ClassVar, Final, Literal

from flowsm.errors import DataInvalid
from flowsm.tasks.builtin.allowed import is_bare_word, writable_target
from flowsm.tasks.builtin.declared import BuiltinTask, Rehearsal
from flowsm.tasks.builtin.records import Records, latest_records
from flowsm.tasks.builtin.table import write_table
from flowsm.tasks.builtin.writers import WRITERS, replace_file
from flowsm.tasks.context import Permissions, TaskContext
from flowsm.tasks.threads import run_in_daemon_thread
from flowsm.tasks.wording import nearest

__all__ = ["StoreData", "StoreParameters"]

_SUFFIXES: Final = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
_FORMATS: Final = ("csv", "json", "ndjson", "sqlite")
_SAME: Final = {"jsonl": "ndjson", "sqlite3": "sqlite", "db": "sqlite"}
_SQLITE_MAGIC: Final = b"SQLite format 3\0"


class StoreParameters(Rehearsal, frozen=True, kw_only=True):
    """What `store_data` takes."""

    records: list[dict[str, Any]] | None = None
    storage_path: str | None = None
    format: str | None = None
    table: str = "records"
    mode: Literal["replace", "append"] = "replace"


class StoreData(BuiltinTask):
    """Store the records of the latest result that has some, in a file or a SQLite table, or keep them in the log.

    The data is `{"stored": n, "path": "...", "format": "..."}`, or without a path `{"stored": n, "records": [...]}`.

    Parameters, all optional:
        records: the records, instead of those of an earlier result.
        storage_path: a path, relative to the working folder; its folder is made. The file is replaced as a whole or
            not at all. When it is absent, or a bare word (no path separator, no suffix and no format; noted as a
            warning), the records stay in the log.
        format: `json`, `ndjson`, `csv` or `sqlite`; by default by suffix.
        table: the table of a SQLite file, by default `records`.
        mode: `replace` the table (the default) or `append` to it, which after a retry can hold records twice.
        failure_rate, seed: to rehearse failures.

    Other parameters are noted as a warning; `timeout` and `retry_count` are the engine's.
    """

    Parameters: ClassVar[type[Rehearsal]] = StoreParameters

    async def work(self, parameters: StoreParameters, context: TaskContext) -> tuple[dict[str, Any], str]:
        """Store, in a thread."""
        records = parameters.records
        if records is None:
            _, records = latest_records(context.previous_results)
        count = len(records)
        path = parameters.storage_path
        form = self._format(parameters)
        if path and "://" in path:
            raise DataInvalid(path, "", "expected a path, found a URL; give a plain path")
        if path and form is None and is_bare_word(path):
            self.warnings.append(
                f"storage_path {path!r} is no file name ({', '.join(sorted(_SUFFIXES))}): the records stay in the log; "
                f"for a file of that name, give format"
            )
            path = None
        if not path:
            return {"stored": count, "records": records}, f"kept {count} records in the log"
        if form is None:
            raise DataInvalid(path, "", f"the suffix is none of {', '.join(sorted(_SUFFIXES))}; give format")
        if parameters.mode == "append" and form != "sqlite":
            raise DataInvalid(
                path, "/mode", f"append is for SQLite tables, not for {form}; leave it out, or use sqlite"
            )
        await run_in_daemon_thread(_store, path, form, records, parameters, context.permissions)
        return {"stored": count, "path": path, "format": form}, f"stored {count} records in {path}"

    def _format(self, parameters: StoreParameters) -> str | None:
        """The format that was asked for, or that of the suffix; one that is not known is noted."""
        by_suffix = _SUFFIXES.get(PurePath(parameters.storage_path or "").suffix.lower())
        if parameters.format is None:
            return by_suffix
        form = _SAME.get(parameters.format.lower(), parameters.format.lower())
        if form in _FORMATS:
            return form
        guess = nearest(form, _FORMATS)
        hint = f"did you mean {guess!r}?" if guess else f"known are {', '.join(_FORMATS)}"
        self.warnings.append(f"format {parameters.format!r} is not known ({hint}); it was found out by the suffix")
        return by_suffix


def _store(path: str, form: str, records: Records, parameters: StoreParameters, permissions: Permissions) -> None:
    target = writable_target(path, permissions)
    if form == "sqlite":
        write_table(target, path, parameters.table, records, append=parameters.mode == "append")
        return
    _refuse_database(target, path, form)
    try:
        replace_file(target, WRITERS[form](records))
    except OSError as error:
        raise DataInvalid(path, "", f"not written: {error.strerror}; what was there is as it was") from error


def _refuse_database(target: Path, path: str, form: str) -> None:
    """A database, perhaps the log itself, and what SQLite keeps beside one, is not to be replaced by a text file."""
    base, dash, kind = target.name.rpartition("-")
    if dash and kind in ("wal", "shm", "journal") and target.with_name(base).exists():
        raise DataInvalid(path, "", f"this belongs to the SQLite database {base!r}; choose another file")
    try:
        with target.open("rb") as file:
            is_database = file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    except OSError:
        return
    if is_database:
        raise DataInvalid(path, "", f"there is a SQLite database, which {form} would replace; choose another file")
