"""SQLite's errors in the words of flowsm."""

from __future__ import annotations

import sqlite3

import pytest

from flowsm.storage.errors import concerns_file, unavailable


def error(name):
    made = sqlite3.OperationalError("the driver's words")
    made.sqlite_errorname = name
    return made


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SQLITE_BUSY", "another process holds the write lock"),
        ("SQLITE_BUSY_SNAPSHOT", "another process holds the write lock"),
        ("SQLITE_FULL", "the disk is full"),
        ("SQLITE_READONLY_DIRECTORY", "cannot be written"),
        ("SQLITE_IOERR_FSYNC", "the disk gave an error"),
        ("SQLITE_NOTADB", "expected a SQLite database"),
        ("SQLITE_CANTOPEN", "its folder exists"),
    ],
)
def test_what_concerns_the_file_has_a_sentence(name, sentence):
    """Such an error says what happened and what to do, then the driver's own words."""
    assert concerns_file(error(name))
    text = str(unavailable("flow.db", error(name)))
    assert text.startswith("flow.db: ")
    assert sentence in text
    assert text.endswith("(the driver's words)")


@pytest.mark.parametrize("made", [error("SQLITE_CONSTRAINT_UNIQUE"), sqlite3.ProgrammingError("the driver's words")])
def test_other_errors_keep_their_words(made):
    """An error of one statement is told as it is."""
    assert not concerns_file(made)
    assert str(unavailable("flow.db", made)) == "flow.db: the driver's words"
