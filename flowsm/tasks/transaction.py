"""`context.transaction`: how an attempt asks that a function be run with its result's record, in one transaction.

Asking runs nothing. The attempt must return what it was given; only then, once no code of the task runs any more, the
function is called, by the log's writer.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NoReturn, Protocol, TypeVar, cast

from flowsm.errors import TransactionRefused, UsageError
from flowsm.limits import TRANSACTION_DEFAULT_SECONDS, TRANSACTION_MAX_SECONDS

__all__ = ["Transaction", "TransactionConnection", "TransactionDesk", "TransactionRows"]

T = TypeVar("T")


class TransactionRows(Protocol):
    """The rows of a statement, and what it did; as sqlite3's cursors have it."""

    @property
    def description(self) -> Any:
        """A tuple for each column, its name first; None where a statement gives no rows."""
        ...

    @property
    def lastrowid(self) -> int | None:
        """The rowid of the row that was inserted last."""
        ...

    @property
    def rowcount(self) -> int:
        """How many rows were inserted, updated or deleted; -1 for other statements."""
        ...

    def fetchone(self) -> Any:
        """The next row, None after the last."""
        ...

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Up to so many rows more."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class TransactionConnection(Protocol):
    """What the function gets: single statements on the log's own file, until it returns."""

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> TransactionRows:
        """Run one statement; its rows are read from what it gives."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any] | Mapping[str, Any]]) -> TransactionRows:
        """Run one statement once for each set of parameters."""
        ...


class Transaction(Generic[T]):
    """What an attempt must return to have its function run; awaiting it gives itself, whatever types say."""

    __slots__ = ("_function", "_variables", "timeout_seconds")

    def __init__(self, function: Callable[[Any], T], timeout_seconds: float) -> None:
        self._function = function
        self._variables = contextvars.copy_context()
        self.timeout_seconds = timeout_seconds

    def run(self, connection: TransactionConnection) -> T:
        """Call the function, with the context variables of the task that asked."""
        return self._variables.copy().run(self._function, connection)

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()
        return cast("T", self)

    def __getitem__(self, key: object) -> NoReturn:
        raise TransactionRefused(
            "what the function returns is not known before the attempt has ended",
            "return what `await context.transaction(function)` gives as it is, and look into it in the next task",
        )

    __iter__ = None


class TransactionDesk:
    """Where one attempt asks for its one transaction."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked: Transaction[Any] | None = None

    def ask(self, function: Callable[[TransactionConnection], T], timeout: float | None) -> Transaction[T]:
        """Check the function and note it.

        Raises:
            UsageError: it is not a plain function, or the limit cannot be kept.
            TransactionRefused: the attempt has asked before.
        """
        _check(function)
        seconds = TRANSACTION_DEFAULT_SECONDS if timeout is None else timeout
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 < seconds <= TRANSACTION_MAX_SECONDS
        ):
            raise UsageError(
                f"context.transaction: timeout is {timeout!r}, expected seconds, more than 0 and up to "
                f"{TRANSACTION_MAX_SECONDS:g}: all other appends wait meanwhile"
            )
        if self._asked is not None:
            raise TransactionRefused(
                "the attempt has asked for a transaction before", "one ends the attempt: do it all in one function"
            )
        self._asked = asked = Transaction(function, seconds)
        return asked

    def concluded(self, given: object) -> Transaction[Any] | None:
        """The transaction that ends the attempt, None if it ends without one; `given` is what the task returned.

        Raises:
            TransactionRefused: it asked for one, and returned something else.
        """
        if isinstance(given, Transaction):
            if given is self._asked:
                return given
            raise TransactionRefused("the task returned the transaction of another attempt", "ask in each attempt")
        if self._asked is not None:
            raise TransactionRefused(
                "the task asked for a transaction and returned something else, so the function was not run",
                "end with `return await context.transaction(function)`",
            )
        return None


def _check(function: object) -> None:
    if not callable(function):
        raise UsageError(f"context.transaction: expected a function of one argument, found {function!r}")
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    body = inner if inspect.isroutine(inner) else type(inner).__call__
    if inspect.iscoroutinefunction(body) or inspect.isasyncgenfunction(body):
        raise UsageError(
            f"context.transaction: {function!r} is async, and nothing can be awaited inside a transaction: await "
            "what it needs before, and give a plain function"
        )
    if inspect.isgeneratorfunction(body):
        raise UsageError(f"context.transaction: {function!r} is a generator; give a function that returns its result")
