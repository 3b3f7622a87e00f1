from __future__ import annotations

import time

import pytest

from flowsm.ids import idempotency_key, is_execution_id, new_execution_id, new_worker_id


def test_execution_ids_are_legal_and_differ() -> None:
    """Made ids are sixteen characters, legal, and no two are the same."""
    ids = {new_execution_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(is_execution_id(made) and len(made) == 16 for made in ids)


def test_execution_ids_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id made a millisecond later sorts behind."""
    moments = iter([10**18, 10**18 + 10**6, 2 * 10**18])
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))
    ids = [new_execution_id() for _ in range(3)]
    assert ids == sorted(ids)


def test_worker_ids_say_what_they_are() -> None:
    """A worker's id begins with `w-`, and each is its own."""
    first, second = new_worker_id(), new_worker_id()
    assert first != second
    assert first.startswith("w-")
    assert is_execution_id(first[2:])


@pytest.mark.parametrize("text", ["a", "A1._:-", "0" * 100])
def test_legal_ids(text: str) -> None:
    """A letter or digit, then up to 99 letters, digits or . _ : -."""
    assert is_execution_id(text)


@pytest.mark.parametrize("text", ["", "-a", ".a", "a b", "a\n", "ü", "0" * 101, "a/b", "@last"])
def test_illegal_ids(text: str) -> None:
    """Anything else is none."""
    assert not is_execution_id(text)


def test_the_idempotency_key_names_execution_task_and_visit() -> None:
    """The key holds no attempt: it is the same over all of a visit's."""
    assert idempotency_key("x", "fetch", 2) == "x:fetch:2"
