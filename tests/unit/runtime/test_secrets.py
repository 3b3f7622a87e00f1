"""Secrets of an attempt: looked up, put in their places, and hidden in what the attempt comes to."""

from __future__ import annotations

from typing import Any

import pytest

from flowsm.errors import SecretMissing, SecretUnusable, UsageError
from flowsm.limits import ERROR_MESSAGE_MAX_CHARS, NAME_MAX_CHARS, SECRET_MAX_CHARS, SECRET_MIN_CHARS
from flowsm.runtime.secrets import VARIABLE_PREFIX, Secrets, veiled
from flowsm.status import TaskStatus
from flowsm.tasks.outcome import failure, normalise
from flowsm.tasks.result import TaskResult
from flowsm.tasks.veil import Veil

KEY = {"$secret": "KEY"}
VALUE = "correct horse battery staple"


def put(parameters: dict[str, Any], *places: tuple[tuple[str | int, ...], str], source: Any = None) -> Veil:
    veil = Veil()
    Secrets({"KEY": VALUE} if source is None else source).put(parameters, places, veil)
    return veil


def test_values_come_into_their_places() -> None:
    """Each place gets its value, in objects and lists; what has the same form elsewhere is data, and stays."""
    parameters = {"a": KEY, "b": [1, {"c": KEY}, KEY], "data": KEY}
    veil = put(parameters, (("a",), "KEY"), (("b", 1, "c"), "KEY"))
    assert parameters == {"a": VALUE, "b": [1, {"c": VALUE}, KEY], "data": KEY}
    assert veil.text(VALUE) == "***KEY***"


@pytest.mark.parametrize(
    "parameters",
    [{}, {"a": "x"}, {"a": {"b": "x"}}, {"a": {"b": {"$secret": "OTHER"}}}, {"a": [KEY]}, {"a": {"b": [KEY]}}],
)
def test_what_was_recorded_otherwise_stays(parameters: dict[str, Any]) -> None:
    """An attempt that another version of the flow began is given nothing where no such secret stands."""
    before = repr(parameters)
    assert not put(parameters, (("a", "b"), "KEY"), (("a", "b", 3), "KEY"))
    assert repr(parameters) == before


def test_the_environment_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a value is that of a variable with a prefix, as it is now: a rotated one counts at once."""
    secrets = Secrets()
    monkeypatch.setenv("KEY", "not this one")
    for value in ("the first value", "the second one"):
        monkeypatch.setenv(VARIABLE_PREFIX + "KEY", value)
        parameters = {"a": KEY}
        secrets.put(parameters, ((("a",), "KEY"),), Veil())
        assert parameters == {"a": value}
    monkeypatch.delenv(VARIABLE_PREFIX + "KEY")
    with pytest.raises(SecretMissing, match=f"'KEY' is not set .* {VARIABLE_PREFIX}KEY"):
        secrets.put({"a": KEY}, ((("a",), "KEY"),), Veil())


def test_a_source_of_ones_own_is_asked_once_for_each_name() -> None:
    """A function is called with the name; None, or no entry of a mapping, is a secret that is not there."""
    asked: list[str] = []

    def source(name: str) -> str | None:
        asked.append(name)
        return VALUE if name == "KEY" else None

    put({"a": KEY, "b": KEY}, (("a",), "KEY"), (("b",), "KEY"), source=source)
    assert asked == ["KEY"]
    for other in (source, {}):
        with pytest.raises(SecretMissing, match=r"FlowManager\(secrets=...\)"):
            put({"a": {"$secret": "NO"}}, (("a",), "NO"), source=other)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "fewer than"),
        ("a" * (SECRET_MIN_CHARS - 1), "fewer than"),
        ("  a  \n", "fewer than"),
        ("a" * (SECRET_MAX_CHARS + 1), "more than"),
        (b"bytes-of-it", "found a bytes"),
        (123456, "found a int"),
        ("half a \ud800", "UTF-8"),
    ],
)
def test_what_cannot_be_one_is_refused_unnamed(value: object, problem: str) -> None:
    """What could not be hidden, or is no text, is an error that says why, and not what it is."""
    with pytest.raises(SecretUnusable, match=problem) as raised:
        put({"a": KEY}, (("a",), "KEY"), source=lambda _: value)
    assert not value or str(value) not in str(raised.value)
    assert raised.value.name == "KEY"


def test_what_a_source_says_when_it_fails_is_not_repeated() -> None:
    """Its words may hold what nobody is to read."""

    def vault(name: str) -> str:
        raise RuntimeError(f"the vault said {VALUE}")

    with pytest.raises(SecretUnusable, match="its source failed with RuntimeError") as raised:
        put({"a": KEY}, (("a",), "KEY"), source=vault)
    assert VALUE not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_source_is_a_function_or_a_mapping() -> None:
    """Anything else is refused when the manager is made."""
    with pytest.raises(UsageError, match="secrets is a list"):
        Secrets(["KEY"])  # type: ignore[arg-type]


def test_all_parts_of_a_result_are_veiled() -> None:
    """Message, data, error, outcome and warnings have the name in the value's place, within their bounds."""
    veil = put({"a": KEY}, (("a",), "KEY"))
    given = TaskResult(
        status=TaskStatus.FAILURE,
        message=VALUE,
        data={VALUE: [VALUE]},
        error=f"no {VALUE}",
        outcome=f"{VALUE}!",
        warnings=[VALUE, "w"],
    )
    ended = veiled(normalise(given, "t"), veil)
    assert (ended.result.message, ended.result.error) == ("***KEY***", "no ***KEY***")
    assert (ended.result.data, ended.result.outcome) == ({"***KEY***": ["***KEY***"]}, "***KEY***!")
    assert ended.result.warnings == ["***KEY***", "w"]
    assert ended.error is not None
    assert ended.error.message == "no ***KEY***"


def test_all_parts_of_an_error_are_veiled() -> None:
    """Its message, its traceback, and even the names of its class and bases."""
    raised = type(f"Odd{VALUE}", (ValueError,), {})(VALUE[:-3] + "…")
    raised.__cause__ = KeyError(VALUE)
    ended = veiled(failure(raised, "t"), put({"a": KEY}, (("a",), "KEY")))
    assert ended.error is not None
    assert (ended.error.type, ended.error.types) == ("Odd***KEY***", ("Odd***KEY***", "ValueError", "Exception"))
    assert ended.error.message == ended.result.message == "***KEY***…"
    assert "KeyError: '***KEY***'" in ended.error.traceback
    assert "horse" not in ended.error.traceback


def test_bounds_hold_after_hiding() -> None:
    """A name may be longer than its value: what is recorded keeps its bounds."""
    veil = put({"a": KEY}, (("a",), "KEY"), source=lambda _: "abcd")
    given = TaskResult(
        status=TaskStatus.SUCCESS,
        message="abcd" * 2500,
        outcome="abcd" * (NAME_MAX_CHARS // 4),
        warnings=["abcd" * 2500],
    )
    result = veiled(normalise(given, "t"), veil).result
    assert len(result.message or "") == len(result.warnings[0]) == ERROR_MESSAGE_MAX_CHARS
    assert len(result.outcome or "") == NAME_MAX_CHARS


def test_without_secrets_the_result_is_itself() -> None:
    """An attempt that was given none pays nothing."""
    ended = normalise({"a": 1}, "t")
    assert veiled(ended, Veil()) is ended
