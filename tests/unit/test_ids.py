from __future__ import annotations

import time

import pytest

from flowsm.ids import idempotency_key, is_execution_id, new_execution_id, new_worker_id, trace_id_of, traceparent_of


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


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
        (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),
        (f"cc-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01"),
        (f"cc-{TRACE}-{SPAN}-fe-what the future\nholds", f"00-{TRACE}-{SPAN}-00"),
    ],
)
def test_traceparents_are_kept_as_version_00(given: str, kept: str) -> None:
    """A traceparent of version 00 stays as it is, of a later one is kept what is known of it."""
    assert traceparent_of(given) == kept
    assert trace_id_of(kept) == TRACE


@pytest.mark.parametrize(
    "given",
    [
        "",
        None,
        7,
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01more",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE[:-1]}\u0660-{SPAN}-01",
    ],
)
def test_what_is_no_traceparent(given: object) -> None:
    """What the standard does not allow is none."""
    assert traceparent_of(given) is None
