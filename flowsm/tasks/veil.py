"""The veil: what a task was given in secret is hidden in everything that it gives back.

Hidden is each occurrence of a value, however it is spelled, and each line of a value of many lines; a number also as
another form of that number. In texts for people, which may have been cut on their way, longer pieces of it are hidden too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from flowsm.limits import SECRET_MIN_CHARS, SECRET_PIECE_CHARS, SECRET_VALUES_REMEMBERED
from flowsm.tasks.spelling import Spelling, joined, spellings_of, texts_of

__all__ = ["Veil", "veil_of_all"]

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")


class _Hidden:
    """One value: how it may be spelled, and what stands in its place."""

    __slots__ = ("forms", "length", "mask", "numbers", "pieces")

    def __init__(self, name: str, value: str) -> None:
        self.length = len(value)
        self.mask = f"***{name}***"
        self.forms: tuple[Spelling, ...] = spellings_of(value)
        self.numbers = tuple(_numbers(value))
        self.pieces = frozenset(_windows(value))

    def whole(self, text: str) -> str:
        """The text without the value."""
        for form in self.forms:
            text = form.replaced(text, self.mask)
        return text

    def cut(self, text: str) -> str:
        """The text without the value, and without pieces of it."""
        return self.mask.join(map(self._without_pieces, self.whole(text).split(self.mask)))

    def is_number(self, number: float) -> bool:
        """Whether that is the value as a number, whatever its sign, and however it was written."""
        size = abs(number)
        return any(size == (float(own) if isinstance(size, float) else own) for own in self.numbers)

    def _without_pieces(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for start, window in enumerate(_windows(text)):
            if window in self.pieces:
                if start > done or not parts:
                    parts += (text[done:start], self.mask)
                done = start + SECRET_PIECE_CHARS
        return "".join((*parts, text[done:]))


class Veil:
    """Hides the values that one attempt was given; nothing, as long as it was given none."""

    def __init__(self, hidden: Iterable[_Hidden] = ()) -> None:
        self._hidden = sorted(hidden, key=_length)

    def __bool__(self) -> bool:
        return bool(self._hidden)

    def hide(self, name: str, value: str) -> None:
        """Hide that value from now on, behind `***name***`."""
        self._hidden.append(_GIVEN.taken(name, value))
        self._hidden.sort(key=_length)

    def text(self, text: str) -> str:
        """A text for people, in which neither a value nor a longer piece of one is left."""
        for hidden in self._hidden:
            text = hidden.cut(text)
        return text

    def word(self, text: str) -> str:
        """A text that is data: no value is left in it."""
        for hidden in self._hidden:
            text = hidden.whole(text)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value in which no value is left: not in its texts, nor in its keys, nor as a number."""
        if not self._hidden or value is None:
            return value
        text = msgspec.json.encode(value).decode()
        lines = joined(text)
        found = [(form, one.mask) for one in self._hidden for form in one.forms if form.may_be_in(text, lines)]
        if not found and not any(hidden.numbers for hidden in self._hidden):
            return value

        def word(text: str) -> str:
            for form, mask in found:
                text = form.replaced(text, mask)
            return text

        return self._veiled(value, word)

    def _veiled(self, value: Any, word: Callable[[str], str]) -> Any:
        if isinstance(value, str):
            return word(value)
        if isinstance(value, dict):
            keys = _told_apart(map(word, value))
            return {key: self._veiled(item, word) for key, item in zip(keys, value.values(), strict=True)}
        if isinstance(value, list):
            return [self._veiled(item, word) for item in value]
        if value is None or isinstance(value, bool):
            return value
        return next((hidden.mask for hidden in self._hidden if hidden.is_number(value)), value)


def _length(hidden: _Hidden) -> int:
    """The longest comes first: one may be part of another."""
    return -hidden.length


class _Given:
    """The values that attempts of this process were given, the latest `SECRET_VALUES_REMEMBERED`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hidden: dict[tuple[str, str], _Hidden] = {}
        self.veil = Veil()

    def taken(self, name: str, value: str) -> _Hidden:
        """The value, which is the latest now."""
        with self._lock:
            known = self._hidden.pop((name, value), None)
            self._hidden[name, value] = hidden = known or _Hidden(name, value)
            if known is None:
                for key in list(self._hidden)[:-SECRET_VALUES_REMEMBERED]:
                    del self._hidden[key]
                self.veil = Veil(self._hidden.values())
        return hidden


_GIVEN: Final = _Given()


def veil_of_all() -> Veil:
    """What hides the values that any attempt of this process was given lately: for what comes when one is over."""
    return _GIVEN.veil


def _told_apart(keys: Iterable[str]) -> Iterator[str]:
    """The keys of one object; what others are already is numbered."""
    times: dict[str, int] = {}
    for key in keys:
        one = key
        while one in times:
            times[key] += 1
            one = f"{key} ({times[key]})"
        times[one] = 1
        yield one


def _windows(text: str) -> Iterator[str]:
    return (text[start : start + SECRET_PIECE_CHARS] for start in range(len(text) - SECRET_PIECE_CHARS + 1))


def _numbers(value: str) -> Iterator[Decimal]:
    """The numbers that a value, or a line of it, is; none that so few digits write that others have them by chance."""
    for text in texts_of(value):
        if _NUMBER.fullmatch(text) is None:
            continue
        number = Decimal(text).copy_abs()
        whole, _, fraction = f"{number:f}".partition(".")
        if len(f"{whole.lstrip('0')}.{fraction.rstrip('0')}") > SECRET_MIN_CHARS:
            yield number
