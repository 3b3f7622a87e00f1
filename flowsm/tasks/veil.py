"""The veil: what a task was given in secret is hidden in everything that it gives back.

Hidden is each occurrence of a value, plain or as JSON, Python, URLs, HTML and Base64 write it, and each line of a value of
many lines. In texts for people, which may have been cut on their way, longer pieces of it are hidden too.
"""

from __future__ import annotations

import base64
import functools
import html
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from flowsm.limits import SECRET_LINE_MIN_CHARS, SECRET_MIN_CHARS, SECRET_PIECE_CHARS

__all__ = ["Veil"]

_BASE64_MIN_CHARS: Final = 8
_BASE64_REST: Final = "[A-Za-z0-9+/_-]{0,2}={0,2}"
_NAMED: Final = {"\n": "n", "\r": "r", "\t": "t", "\f": "f", "\b": "b"}


class _Hidden:
    """One value: how it may be spelled, and what stands in its place."""

    __slots__ = ("length", "mask", "patterns", "pieces")

    def __init__(self, name: str, value: str) -> None:
        self.length = len(value)
        self.mask = f"***{name}***"
        self.patterns = _patterns(value)
        self.pieces = frozenset(_windows(value))

    def whole(self, text: str) -> str:
        """The text without the value."""
        for pattern in self.patterns:
            text = pattern.sub(self.mask, text)
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
        if not any(pattern.search(text) for hidden in self._hidden for pattern in hidden.patterns):
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


def _patterns(value: str) -> tuple[re.Pattern[str], ...]:
    """What finds a value: whole, without the space around it, line by line, and in Base64; the longest first."""
    lines = [line.strip() for line in value.splitlines()]
    forms = {value, value.strip(), *(line for line in lines if len(line) >= SECRET_LINE_MIN_CHARS)}
    usable = sorted((form for form in forms if len(form) >= SECRET_MIN_CHARS), key=len, reverse=True)
    spelled = [_spelling(form) for form in usable]
    encoded = ["".join(map(_spelled_in_base64, core)) + _BASE64_REST for core in _base64_cores(value.strip().encode())]
    return tuple(map(re.compile, (*spelled, *encoded)))


def _spelling(text: str) -> str:
    """What finds a text, as it is or however its characters are escaped."""
    before = ("", *text)
    return "".join(_spelled(char, before[place]) for place, char in enumerate(text))


@functools.lru_cache(maxsize=1024)
def _spelled(char: str, before: str) -> str:
    """What finds a character behind another one, or at the beginning.

    JSON in JSON in a repr doubles the escapes of what is inside it: however many they are, they are gone through once.
    """
    if char.isascii() and char.isalnum():
        return char
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
        first + (r"\\++" if char == "\\" else r"\\*+" + re.escape(char)),
        first + rf"\\{least}+(?:{'|'.join(escaped)})",
        "(?i:" + "".join(f"%(?:25)*{byte:02x}" for byte in utf8) + ")",
        f"&#{ord(char)};",
        f"(?i:&#x0*+{ord(char):x};)",
        *([re.escape(html.escape(char))] if html.escape(char) != char else []),
        *([r"\+"] if char == " " else []),
    ]
    return "(?:" + "|".join(ways) + ")"


def _spelled_in_base64(char: str) -> str:
    """What finds a character of Base64, in either alphabet."""
    if char == "+":
        return "(?:-|" + _spelling("+") + ")"
    return "(?:_|" + _spelling("/") + ")" if char == "/" else char


def _base64_cores(value: bytes) -> Iterator[str]:
    """The characters of Base64 that depend on the value alone, wherever in a group of three bytes it begins."""
    for shift in range(3):
        padded = b"\0" * shift + value
        first, last = -(-shift * 8 // 6), len(padded) * 8 // 6
        core = base64.b64encode(padded).decode()[first:last]
        if len(core) >= _BASE64_MIN_CHARS:
            yield core
