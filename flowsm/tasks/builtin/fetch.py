"""`fetch_data`: records from a file, a URL, or the built-in sample."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlsplit

import msgspec

from flowsm.errors import DataInvalid
from flowsm.tasks.builtin.allowed import is_bare_word, read_allowed
from flowsm.tasks.builtin.declared import BuiltinTask, Rehearsal
from flowsm.tasks.builtin.http import fetch_url, without_secrets
from flowsm.tasks.builtin.readers import FORMATS, read_csv, read_json, read_ndjson
from flowsm.tasks.builtin.records import Records
from flowsm.tasks.builtin.sample import sample_records
from flowsm.tasks.context import Permissions, TaskContext
from flowsm.tasks.threads import run_in_daemon_thread
from flowsm.tasks.wording import nearest

__all__ = ["FetchData", "FetchParameters"]

_SUFFIXES: Final = {".csv": "csv", ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson"}


class FetchParameters(Rehearsal, frozen=True, kw_only=True):
    """What `fetch_data` takes."""

    data_source: str | None = None
    format: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    encoding: str = "utf-8-sig"


class FetchData(BuiltinTask):
    """Fetch records from a CSV, JSON or NDJSON file, an http(s) URL, or the built-in sample.

    The data is `{"records": [...], "count": n, "source": "..."}`.

    Parameters, all optional:
        data_source: a path, relative to the working folder, or an http(s) URL. When it is absent, or a bare word
            (`external_api`: no path separator and no suffix; noted as a warning), the built-in sample.
        format: `csv`, `json` or `ndjson`; by default by suffix, for URLs also by content type, else JSON.
        limit: how many records at most.
        delimiter: one character, for CSV.
        encoding: by default UTF-8, with or without a byte order mark.
        failure_rate, seed: to rehearse failures.

    Other parameters are noted as a warning; `timeout` and `retry_count` are the engine's.
    """

    Parameters: ClassVar[type[Rehearsal]] = FetchParameters
    secret_parameters = frozenset({"data_source"})

    async def work(self, parameters: FetchParameters, context: TaskContext) -> tuple[dict[str, Any], str]:
        """Fetch and parse."""
        source = parameters.data_source
        form = self._format(parameters)
        if source is None:
            return _data(sample_records()[: parameters.limit], "sample")
        if "://" in source or source.lower().startswith("file:"):
            scheme = source.partition(":")[0].lower()
            if scheme not in ("http", "https"):
                raise DataInvalid(
                    source, "", f"expected a path, or a URL of http or https, found one of {scheme}; give a plain path"
                )
            body, content_type = await fetch_url(source, context.permissions)
            form = (
                form or _SUFFIXES.get(PurePath(urlsplit(source).path).suffix.lower()) or _by_content_type(content_type)
            )
            shown = without_secrets(source)
            records = await run_in_daemon_thread(_parse, body, shown, form, parameters)
            return _data(records, shown)
        known = _SUFFIXES.get(PurePath(source).suffix.lower())
        if known is None and form is None and is_bare_word(source):
            self.warnings.append(
                f"data_source {source!r} is neither a URL nor a file name ({', '.join(sorted(_SUFFIXES))}): "
                f"the built-in sample was used; for a file of that name, give format"
            )
            return _data(sample_records()[: parameters.limit], "sample")
        form = form or known
        if form is None:
            raise DataInvalid(source, "", f"the suffix is none of {', '.join(sorted(_SUFFIXES))}; give format")
        records = await run_in_daemon_thread(_read, source, form, parameters, context.permissions)
        return _data(records, source)

    def _format(self, parameters: FetchParameters) -> str | None:
        """The format that was asked for; one that is not known is noted, and found out by suffix instead."""
        if parameters.format is None:
            return None
        form = {"jsonl": "ndjson"}.get(parameters.format.lower(), parameters.format.lower())
        if form in FORMATS:
            return form
        guess = nearest(form, FORMATS)
        hint = f"did you mean {guess!r}?" if guess else f"known are {', '.join(sorted(FORMATS))}"
        self.warnings.append(f"format {parameters.format!r} is not known ({hint}); it was found out by the suffix")
        return None


def _data(records: Records, source: str) -> tuple[dict[str, Any], str]:
    count = len(records)
    return {"records": records, "count": count, "source": source}, f"fetched {count} records from {source}"


def _read(source: str, form: str, parameters: FetchParameters, permissions: Permissions) -> Records:
    return _parse(read_allowed(source, permissions), source, form, parameters)


def _parse(body: bytes, source: str, form: str, parameters: FetchParameters) -> Records:
    try:
        text = body.decode(parameters.encoding)
    except (LookupError, UnicodeError) as error:
        raise DataInvalid(source, "", f"not text in {parameters.encoding}: {error}; give encoding") from error
    if form == "csv":
        return read_csv(text, source, parameters.limit, parameters.delimiter)
    return (read_ndjson if form == "ndjson" else read_json)(text, source, parameters.limit)


def _by_content_type(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/csv":
        return "csv"
    return "ndjson" if kind in ("application/x-ndjson", "application/jsonl", "application/ndjson") else "json"
