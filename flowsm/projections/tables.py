"""The projections' tables, and the statements that write their rows."""

from __future__ import annotations

from typing import Final

from flowsm.storage.migrations import Migration
from flowsm.storage.statements import load_statements, read_script

__all__ = ["PROJECTION_MIGRATIONS", "ROW_STATEMENTS", "SCHEMA", "TABLES", "VIEWS"]

TABLES: Final = read_script("flowsm.projections", "sql", "schema.sql")
"""The tables of one generation; `{g}` is its number."""

VIEWS: Final = read_script("flowsm.projections", "sql", "views.sql")
"""The views that show one generation."""

SCHEMA: Final = f"{TABLES}\n{VIEWS}"
"""The tables and views of one generation."""

PROJECTION_MIGRATIONS: Final = (
    Migration("0001_projections", read_script("flowsm.projections", "sql", "0001_projections.sql")),
    Migration("0002_agenda", read_script("flowsm.projections", "sql", "0002_agenda.sql")),
)
"""How the tables of a file's first generation came to be; those of later ones are made as `TABLES` says."""
ROW_STATEMENTS: Final = load_statements("flowsm.projections", "sql", "rows.sql")
