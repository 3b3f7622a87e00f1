"""Statements by name."""

from __future__ import annotations

import pytest

from flowsm.storage.statements import Statements, load_statements, parse_statements

TEXT = """
-- A legend.

-- name: first
-- why it is so
SELECT 1
FROM t_{g};

-- name: second_2
SELECT ';' -- not the end
"""


def test_parse():
    """Each block is a statement under its name, without leading comments and the semicolon at its end."""
    assert parse_statements(TEXT) == {"first": "SELECT 1\nFROM t_{g}", "second_2": "SELECT ';' -- not the end"}


def test_a_name_twice_is_an_error():
    """Two statements of one name are a mistake, not an override."""
    with pytest.raises(ValueError, match="'first' occurs twice"):
        parse_statements(TEXT + TEXT)


def test_load():
    """Statements are found in the package's files."""
    assert "insert_event" in load_statements("flowsm.log", "sql", "log.sql")


def test_generations():
    """`{g}` becomes the number of the generation, and the declared order is kept."""
    statements = Statements(parse_statements(TEXT))
    assert statements.of_generation(7)["first"] == "SELECT 1\nFROM t_7"
    assert statements.of_generation(7) is statements.of_generation(7)
    assert statements.rank == {"first": 0, "second_2": 1}
