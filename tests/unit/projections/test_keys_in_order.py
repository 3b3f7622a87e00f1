"""Rows that are damaged: their keys may be of any type."""

from __future__ import annotations

from flowsm.projections.verify import typed


def test_keys_of_any_type_have_an_order() -> None:
    """What SQLite gives of a damaged row is compared, and named, like any other."""
    keys = [("x", 2), ("x", 1), (b"x", 1), (None, 1.5), ("x", "1")]
    assert sorted(keys, key=typed) == [(None, 1.5), (b"x", 1), ("x", 1), ("x", 2), ("x", "1")]
