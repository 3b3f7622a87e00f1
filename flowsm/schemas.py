"""The shapes of what flowsm reads and writes, as texts: flows, events, and the log's tables.

`python -m flowsm.schemas DIR` writes the files of `schemas/`, which are generated and never edited.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from flowsm.definition.schema import flow_schema
from flowsm.definition.user_schema import DIALECT
from flowsm.events.facts import FACTS, Fact
from flowsm.events.system import SYSTEM_FACTS
from flowsm.log.sqlite import LOG_MIGRATIONS
from flowsm.projections.tables import PROJECTION_MIGRATIONS
from flowsm.storage.migrations import INITIAL_GENERATION, META_TABLE
from flowsm.storage.open import APPLICATION_ID

__all__ = ["FILES", "event_schema", "event_schema_text", "flow_schema_text", "log_sql_text", "main"]

_ALL_FACTS: Final = (*FACTS, *SYSTEM_FACTS)
_DEFS: Final = "#/$defs/{name}"
_ENVELOPE: Final[dict[str, dict[str, Any]]] = {
    "position": {"type": "integer", "minimum": 1, "description": "Place in the whole log."},
    "stream": {"type": "string", "description": "The execution's id; `$log` for the log itself."},
    "seq": {"type": "integer", "minimum": 1, "description": "Place in the stream: 1, 2, …"},
    "type": {"type": "string", "description": "What happened."},
    "version": {"type": "integer", "minimum": 1, "description": "The version of the shape of `data`."},
    "at": {"type": "string", "format": "date-time", "description": "When it was recorded, in UTC."},
    "data": {"type": "object", "description": "The fact; fields that have their default are left out."},
    "digest": {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "SHA-256 that seals the event and all before it in its stream.",
    },
}


def flow_schema_text() -> str:
    """The JSON Schema of flow documents, as JSON text."""
    return _json_text(flow_schema())


def event_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of events, as `flowsm events --json` prints each of them."""
    references, definitions = msgspec.json.schema_components(_ALL_FACTS, ref_template=_DEFS)
    return {
        "$schema": DIALECT,
        "title": "An event of flowsm",
        "description": "What happened, with its place in the log.",
        "type": "object",
        "properties": _ENVELOPE,
        "required": list(_ENVELOPE),
        "additionalProperties": False,
        "oneOf": [_of_type(fact, reference) for fact, reference in zip(_ALL_FACTS, references, strict=True)],
        "$defs": definitions,
    }


def event_schema_text() -> str:
    """The JSON Schema of events, as JSON text."""
    return _json_text(event_schema())


def log_sql_text() -> str:
    """The SQL that makes the tables of an empty log: its own, then those of the projections."""
    parts = [
        "-- Generated from the code: python -m flowsm.schemas schemas\n",
        f"PRAGMA application_id = {APPLICATION_ID};\n\n{META_TABLE};\n",
    ]
    parts += [
        f"-- Step {migration.name}\n\n{migration.sql.replace('{g}', str(INITIAL_GENERATION)).strip()}\n"
        for migration in (*LOG_MIGRATIONS, *PROJECTION_MIGRATIONS)
    ]
    return "\n".join(parts)


FILES: Final = {
    "flow.schema.json": flow_schema_text,
    "events.schema.json": event_schema_text,
    "log.sql": log_sql_text,
}
"""The files of `schemas/`, and what makes each."""


def main(arguments: Sequence[str]) -> int:
    """Write the files into the folder that is the only argument; returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m flowsm.schemas DIR\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text(), encoding="utf-8", newline="\n")
    return 0


def _of_type(fact: type[Fact], reference: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": fact.TYPE,
        "properties": {"type": {"const": fact.TYPE}, "version": {"const": fact.VERSION}, "data": reference},
    }


def _json_text(schema: dict[str, Any]) -> str:
    return json.dumps(_with_clean_descriptions(schema), indent=2, ensure_ascii=False) + "\n"


def _with_clean_descriptions(schema: Any) -> Any:
    """The schema with its docstrings dedented: Python does so itself since 3.13, before it does not."""
    if isinstance(schema, dict):
        return {
            key: inspect.cleandoc(value)
            if key == "description" and isinstance(value, str)
            else _with_clean_descriptions(value)
            for key, value in schema.items()
        }
    return [_with_clean_descriptions(item) for item in schema] if isinstance(schema, list) else schema


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
