"""The veil: what a task was given in secret is hidden in everything that it gives back.

Hidden is each occurrence of a value, plain or as JSON, Python, URLs, HTML and Base64 write it, and each line of a value of
many lines. In texts for people, which may have been cut on their way, longer pieces of it are hidden too.
"""

from __future__ import annotations

import base64
import functools
import html
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from flowsm.limits import SECRET_LINE_MIN_CHARS, SECRET_MIN_CHARS, SECRET_PIECE_CHARS

__all__ = ["Veil"]

_BASE64_MIN_CHARS: Final = 8
_BASE64_REST: Final = "[A-Za-z0-9+/_-]{0,2}={0,2}"
_ALSO_IN_BASE64: Final = {"+": "-", "/": "_"}
_RUNS: Final = re.compile("[A-Za-z0-9]+")
_URLS_IN_URLS: Final = 3
_HEAD_CHARS: Final = 24
"""By so many characters a value is looked for; whether the rest is there, is looked at then."""
_NAMED: Final = {"\n": "n", "\r": "r", "\t": "t", "\f": "f", "\b": "b"}


class _Hidden:
    """One value: how it may be spelled, and what stands in its place."""

    __slots__ = ("forms", "length", "mask", "pieces")

    def __init__(self, name: str, value: str) -> None:
        self.length = len(value)
        self.mask = f"***{name}***"
        self.forms = _forms(value)
        self.pieces = frozenset(_windows(value))

    def whole(self, text: str) -> str:
        """The text without the value."""
        for form in self.forms:
            text = form.replaced(text, self.mask)
        return text

    def cut(self, text: str) -> str:
        """The text without the value, and without pieces of it."""
        return self.mask.join(map(self._without_pieces, self.whole(text).split(self.mask)))

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

    def __init__(self) -> None:
        self._hidden: list[_Hidden] = []

    def __bool__(self) -> bool:
        return bool(self._hidden)

    def hide(self, name: str, value: str) -> None:
        """Hide that value from now on, behind `***name***`."""
        self._hidden.append(_hidden(name, value))
        self._hidden.sort(key=lambda hidden: -hidden.length)  # one may be part of another

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
        if not any(form.may_be_in(text) for hidden in self._hidden for form in hidden.forms):
            return value
        return self._veiled(value)

    def _veiled(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.word(value)
        if isinstance(value, dict):
            return {self.word(key): self._veiled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._veiled(item) for item in value]
        if value is None or isinstance(value, bool):
            return value
        number = str(value)
        return next((hidden.mask for hidden in self._hidden if hidden.whole(number) == hidden.mask), value)


@functools.lru_cache(maxsize=64)
def _hidden(name: str, value: str) -> _Hidden:
    return _Hidden(name, value)


def _windows(text: str) -> Iterator[str]:
    return (text[start : start + SECRET_PIECE_CHARS] for start in range(len(text) - SECRET_PIECE_CHARS + 1))


def _forms(value: str) -> tuple[_Form, ...]:
    """What finds a value: whole, without the space around it, line by line, and in Base64; the longest first."""
    lines = [line.strip() for line in value.splitlines()]
    texts = {value, value.strip(), *(line for line in lines if len(line) >= SECRET_LINE_MIN_CHARS)}
    usable = sorted((text for text in texts if len(text) >= SECRET_MIN_CHARS), key=len, reverse=True)
    encoded = _base64_cores(value.strip().encode())
    return (*map(_Form, usable), *(_Form(core, in_base64=True) for core in encoded))


class _Form:
    """One way in which a value may be written.

    Its longest run of letters and digits, which nothing escapes, says quickly where it is not; its head, where it may be.
    """

    __slots__ = ("_head", "_run", "_steps")

    def __init__(self, text: str, *, in_base64: bool = False) -> None:
        before = ("", *text)
        ways = [_ways(char, before[place], in_base64) for place, char in enumerate(text)]
        self._steps = (*ways, (re.compile(_BASE64_REST),)) if in_base64 else tuple(ways)
        self._head = re.compile("".join(_either(step) for step in ways[:_HEAD_CHARS]))

        self._run = max(_RUNS.findall(text), key=len, default="")

    def may_be_in(self, text: str) -> bool:
        """Whether the value has to be looked for."""
        return self._run in text and self._head.search(text) is not None

    def replaced(self, text: str, mask: str) -> str:
        """The text with the mask wherever the value stands."""
        if self._run not in text:
            return text
        parts: list[str] = []
        done = 0
        while (found := self._head.search(text, done)) is not None:
            start = found.start()
            while (end := self._end(text, start)) is None:
                found = self._head.search(text, start + 1)
                if found is None:
                    return "".join((*parts, text[done:]))
                start = found.start()
            parts += (text[done:start], mask)
            done = end
        return "".join((*parts, text[done:])) if parts else text

    def _end(self, text: str, start: int) -> int | None:
        """Where the value ends that begins there; None where it does not."""
        pending, seen = [(0, start)], set[tuple[int, int]]()
        while pending:
            here = step, place = pending.pop()
            if step == len(self._steps):
                return place
            if here in seen:
                continue
            seen.add(here)
            for way in reversed(self._steps[step]):
                found = way.match(text, place)
                if found is not None:
                    pending.append((step + 1, found.end()))
        return None


def _either(ways: Sequence[re.Pattern[str]]) -> str:
    return "(?:" + "|".join(way.pattern for way in ways) + ")" if len(ways) > 1 else ways[0].pattern


@functools.lru_cache(maxsize=1024)
def _ways(char: str, before: str, in_base64: bool) -> tuple[re.Pattern[str], ...]:
    """What finds a character behind another one, or at the beginning: as it is, or however it is escaped.

    JSON in JSON in a repr doubles the escapes of what is inside it: however many they are, they are gone through once.
    """
    if char.isascii() and char.isalnum():
        return (re.compile(char),)
    utf8, utf16 = char.encode(), char.encode("utf-16-be")
    units = [utf16[start : start + 2].hex() for start in range(0, len(utf16), 2)]
    escaped = [
        "(?i:" + r"\\++".join(f"u{unit}" for unit in units) + ")",
        "(?i:" + r"\\++".join(f"x{byte:02x}" for byte in utf8) + ")",
        f"(?i:x{ord(char):02x}|U{ord(char):08x})",
        *([_NAMED[char]] if char in _NAMED else []),
    ]
    first = "" if before else r"(?<!\\)"
    least = "*" if before == "\\" else "+"  # which has taken the escapes of this one, too
    ways = [
        first + (rf"\\{least}+" if char == "\\" else r"\\*+" + re.escape(char)),
        first + rf"\\{least}+(?:{'|'.join(escaped)})",
        *("(?i:" + "".join(f"%{'25' * times}{byte:02x}" for byte in utf8) + ")" for times in range(_URLS_IN_URLS)),
        f"(?i:&#(?:{ord(char)}|x0*+{ord(char):x});)",
        *([re.escape(html.escape(char))] if html.escape(char) != char else []),
        *([r"\+"] if char == " " else []),
        *([_ALSO_IN_BASE64[char]] if in_base64 else []),
    ]
    return tuple(map(re.compile, ways))


def _base64_cores(value: bytes) -> Iterator[str]:
    """The characters of Base64 that depend on the value alone, wherever in a group of three bytes it begins."""
    for shift in range(3):
        padded = b"\0" * shift + value
        first, last = -(-shift * 8 // 6), len(padded) * 8 // 6
        core = base64.b64encode(padded).decode()[first:last]
        if len(core) >= _BASE64_MIN_CHARS:
            yield core
