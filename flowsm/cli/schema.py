"""`flowsm schema`: the shapes of what flowsm reads and writes."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Literal

from cyclopts import Parameter

from flowsm.cli.output import print_text

__all__ = ["schema"]


def schema(
    of: Annotated[
        Literal["flow", "events", "sql"],
        Parameter(name="OF", help="flow or events: a JSON Schema; sql: the statements that make the log's tables."),
    ],
    /,
) -> None:
    """Print a schema: of flow documents, of events, or the log's SQL."""
    schemas = import_module("flowsm.schemas")

    text = {"flow": schemas.flow_schema_text, "events": schemas.event_schema_text, "sql": schemas.log_sql_text}
    print_text(text[of]())
