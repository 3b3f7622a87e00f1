"""Operations: each endpoint as data, from which its route and its description are made."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from flowsm.service.options import Role

if TYPE_CHECKING:
    from flowsm.service.call import Call

__all__ = ["JSON", "Answer", "Area", "Body", "Handler", "Operation"]

JSON: Final = "application/json"

Handler = Callable[["Call"], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of an operation: what it means, and the type of its body, None where it has none.

    `also` are the media types of other forms of it, which are texts.
    """

    about: str
    type: Any = None
    media: str = JSON
    also: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an operation takes: a type, or the name of a schema of its own."""

    type: Any
    required: bool = True
    media: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An endpoint.

    `problems` are the statuses that it may refuse with, besides those that all may. `headers` are the names of the
    request headers that mean something to it.
    """

    name: str
    method: str
    path: str
    handle: Handler
    area: str
    answers: Mapping[int, Answer]
    query: type[msgspec.Struct] | None = None
    body: Body | None = None
    problems: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    role: Role = "read"
    hidden: bool = False
    """Whether it is left out of the description."""

    @property
    def refuses_queries(self) -> bool:
        """Whether a query is a mistake, of which nothing would be read; pages, and what watches a service, may add one."""
        return self.query is None and not self.hidden and self.area != "service"

    @property
    def summary(self) -> str:
        """The first sentence of the handler's docstring."""
        return self._text.partition("\n")[0].removesuffix(".")

    @property
    def description(self) -> str:
        """The rest of it."""
        return self._text.partition("\n")[2].strip()

    @property
    def _text(self) -> str:
        return inspect.cleandoc(self.handle.__doc__ or "")


@dataclass(slots=True)
class Area:
    """The operations of one area, collected where their handlers are."""

    name: str
    about: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, **fields: Any) -> Callable[[Handler], Handler]:
        """A decorator for what answers a GET; fields as those of `Operation`."""
        return self._add("GET", path, fields)

    def post(self, path: str, **fields: Any) -> Callable[[Handler], Handler]:
        """The same for a POST; whoever asks must be allowed to operate, unless it is said otherwise."""
        return self._add("POST", path, {"role": "operate"} | fields)

    def delete(self, path: str, **fields: Any) -> Callable[[Handler], Handler]:
        """The same for a DELETE."""
        return self._add("DELETE", path, {"role": "operate"} | fields)

    def _add(self, method: str, path: str, fields: dict[str, Any]) -> Callable[[Handler], Handler]:
        def add(handle: Handler) -> Handler:
            name = fields.pop("name", getattr(handle, "__name__", "").strip("_"))
            self.operations.append(
                Operation(name=name, method=method, path=path, handle=handle, area=self.name, **fields)
            )
            return handle

        return add
