"""Asking for a transaction: what may be asked, and what a task must return."""

from __future__ import annotations

import contextvars
from functools import partial

import pytest

from flowsm.errors import TransactionRefused, UsageError
from flowsm.limits import TRANSACTION_DEFAULT_SECONDS, TRANSACTION_MAX_SECONDS
from flowsm.tasks.transaction import Transaction, TransactionDesk

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


def plain(connection):
    return connection, VARIABLE.get()


async def asynchronous(connection):
    return connection


async def async_generator(connection):
    yield connection


def generator(connection):
    yield connection


class Callable:
    def __call__(self, connection):
        return connection


class AsyncCallable:
    async def __call__(self, connection):
        return connection


async def test_awaiting_it_gives_itself_and_runs_nothing():
    """The transaction that a task awaits is the one that it must return."""
    desk = TransactionDesk()
    asked = desk.ask(plain, None)
    assert await asked is asked
    assert desk.concluded(asked) is asked
    assert asked.timeout_seconds == TRANSACTION_DEFAULT_SECONDS


def test_the_function_sees_the_tasks_context_variables():
    """The function runs elsewhere, with the context variables of the moment when it was asked for."""
    token = VARIABLE.set("set")
    asked = TransactionDesk().ask(plain, 1)
    VARIABLE.reset(token)
    assert asked.run("connection") == ("connection", "set")


@pytest.mark.parametrize("function", [plain, partial(plain), Callable(), len, lambda connection: None])
def test_any_plain_function_will_do(function):
    """Functions, partials, objects with a call, built-in ones."""
    assert isinstance(TransactionDesk().ask(function, TRANSACTION_MAX_SECONDS), Transaction)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (asynchronous, "is async"),
        (partial(asynchronous), "is async"),
        (async_generator, "is async"),
        (AsyncCallable(), "is async"),
        (generator, "is a generator"),
        ("SELECT 1", "expected a function of one argument, found 'SELECT 1'"),
    ],
)
def test_other_things_are_refused(function, words):
    """What would be awaited or iterated, or is no function, is refused when it is asked for."""
    with pytest.raises(UsageError, match=words):
        TransactionDesk().ask(function, None)


@pytest.mark.parametrize("timeout", [0, -1, TRANSACTION_MAX_SECONDS + 1, float("nan"), True, "1"])
def test_a_limit_that_cannot_be_kept_is_refused(timeout):
    """The time limit is a number of seconds within the bound."""
    with pytest.raises(UsageError, match="expected seconds, more than 0 and up to 8"):
        TransactionDesk().ask(plain, timeout)


def test_an_attempt_has_one_transaction():
    """A second one is refused, and the first stays."""
    desk = TransactionDesk()
    asked = desk.ask(plain, None)
    with pytest.raises(TransactionRefused, match="do it all in one function"):
        desk.ask(plain, None)
    assert desk.concluded(asked) is asked


def test_a_task_returns_what_it_asked_for():
    """Returning anything else, or another attempt's transaction, is refused; without a transaction all is as ever."""
    desk = TransactionDesk()
    assert desk.concluded(42) is None
    desk.ask(plain, None)
    for given in (42, None):
        with pytest.raises(TransactionRefused, match="the function was not run"):
            desk.concluded(given)
    with pytest.raises(TransactionRefused, match="another attempt"):
        desk.concluded(TransactionDesk().ask(plain, None))


async def test_its_result_is_not_known_yet():
    """Looking into the result, or iterating it, is refused with what to do."""
    asked = await TransactionDesk().ask(lambda connection: {"a": 1}, None)
    with pytest.raises(TransactionRefused, match="as it is"):
        _ = asked["a"]
    with pytest.raises(TypeError):
        list(asked)
