"""How a value may be spelled in what a task gives back: plain, or as JSON, Python, URLs, HTML, hex and Base64 write it."""

from __future__ import annotations

import base64
import functools
import html
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from flowsm.limits import SECRET_LINE_MIN_CHARS, SECRET_MIN_CHARS

__all__ = ["Spelling", "joined", "spellings_of", "texts_of"]

_BASE64_MIN_CHARS: Final = 7  # by chance one in 4 * 10**12 is the same
_ALSO_IN_BASE64: Final = {"+": "-", "/": "_"}
_BREAK: Final = r"(?:(?:[\r\n]|(?<!\\)\\++[rn]|%0[AaDd])[ \t]*+)"
"""Where a line of Base64 ends, and the next one begins."""
_BREAKS: Final = ("\\n", "\\r", "\\", "\n", "\r", "%0A", "%0D", "%0a", "%0d", " ", "\t")
"""Of these, one after the other, nothing is left where lines are joined."""
_RUNS: Final = re.compile("[A-Za-z0-9]+")
_BETWEEN_BYTES: Final = ":- "
_URLS_IN_URLS: Final = 3
_SHARED_MAX_CHARS: Final = 40
"""So long is a character before the core at most, however it is escaped, with the break behind it."""
_HEAD_CHARS: Final = 24
"""By so many characters a value is looked for; whether the rest is there, is looked at then."""
_FREE_STEPS: Final = 4096
_STEPS_PER_CHAR: Final = 2
"""Steps in vain, after which a text that is like the value all over is hidden from there on: nothing waits for it."""
_NAMED: Final = {"\n": "n", "\r": "r", "\t": "t", "\f": "f", "\b": "b"}


class Spelling(Protocol):
    """One way in which a value may be written."""

    def may_be_in(self, text: str, lines: str) -> bool:
        """Whether the value has to be looked for in a text, or in its `joined` lines."""
        ...

    def replaced(self, text: str, mask: str) -> str:
        """The text with the mask wherever the value stands."""
        ...


def joined(text: str) -> str:
    """What is left of a text without the ends of its lines, and some more: to know quickly what is nowhere in it."""
    while "\\\\" in text:  # or what is left of an escape would become one with the letter behind it
        text = text.replace("\\\\", "\\")
    for mark in _BREAKS:
        text = text.replace(mark, "")
    return text


def spellings_of(value: str) -> tuple[Spelling, ...]:
    """What finds a value: whole, without the space around it, line by line, byte by byte, and in Base64."""
    data = value.strip().encode()
    encoded = (_Escaped(core.text, core) for core in _base64_cores(data))
    return (*map(_Escaped, texts_of(value)), *map(_Exact, dict.fromkeys(_byte_by_byte(data))), *encoded)


def texts_of(value: str) -> list[str]:
    """A value, the same without the space around it, and its longer lines; the longest first."""
    lines = [line.strip() for line in value.splitlines()]
    texts = {value, value.strip(), *(line for line in lines if len(line) >= SECRET_LINE_MIN_CHARS)}
    return sorted((text for text in texts if len(text) >= SECRET_MIN_CHARS), key=len, reverse=True)


class _Exact:
    """What nothing writes in another way."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def may_be_in(self, text: str, _: str) -> bool:
        """Whether it is there."""
        return self._text in text

    def replaced(self, text: str, mask: str) -> str:
        """The text with the mask wherever it stands."""
        return text.replace(self._text, mask)


class _Core(NamedTuple):
    """The characters of Base64 that depend on a value alone, and whether those beside it depend on it, too."""

    text: str
    shares_before: bool
    shares_behind: bool


class _Escaped:
    """One way in which a value may be written.

    Its longest run of letters and digits, which nothing escapes, says quickly where it is not; its head, where it may be.
    """

    __slots__ = ("_head", "_in_base64", "_run", "_shares_before", "_steps")

    def __init__(self, text: str, core: _Core | None = None) -> None:
        before = ("", *text)
        in_base64 = core is not None
        ways_of = _base64_ways if in_base64 else _ways
        ways = [ways_of(char, before[place]) for place, char in enumerate(text)]
        self._steps = (*ways, *_behind()) if core is not None and core.shares_behind else tuple(ways)
        self._shares_before = core is not None and core.shares_before
        self._head = re.compile("".join(_either(step) for step in ways[:_HEAD_CHARS]))
        self._in_base64 = in_base64
        self._run = max(_RUNS.findall(text), key=len, default="")

    def may_be_in(self, text: str, lines: str) -> bool:
        """Whether the value has to be looked for."""
        has_run = self._run in text or (self._in_base64 and self._run in lines)
        return has_run and self._head.search(text) is not None

    def replaced(self, text: str, mask: str) -> str:
        """The text with the mask wherever the value stands."""
        if self._run not in text and not (self._in_base64 and self._run in joined(text)):
            return text
        parts: list[str] = []
        done = place = 0
        steps_left = _FREE_STEPS + _STEPS_PER_CHAR * len(text)
        while (found := self._head.search(text, place)) is not None:
            start = found.start()
            end, steps = self._end(text, start)
            if end is not None:
                parts += (text[done : self._begin(text, done, start)], mask)
                done = place = end
                continue
            place = start + 1
            steps_left -= steps
            if steps_left < 0:
                return "".join((*parts, text[done:start], mask))
        return "".join((*parts, text[done:])) if parts else text

    def _begin(self, text: str, done: int, start: int) -> int:
        """Where the value begins whose core begins there: with the character before it, if its first bits are in that."""
        if not self._shares_before:
            return start
        found = _before().search(text, max(done, start - _SHARED_MAX_CHARS), start)
        return start if found is None else found.start()

    def _end(self, text: str, start: int) -> tuple[int | None, int]:
        """Where the value ends that begins there, None where it does not; and how many steps it took to know."""
        pending, seen = [(0, start)], set[tuple[int, int]]()
        while pending:
            here = step, place = pending.pop()
            if step == len(self._steps):
                return place, len(seen)
            if here in seen:
                continue
            seen.add(here)
            for way in reversed(self._steps[step]):
                found = way.match(text, place)
                if found is not None:
                    pending.append((step + 1, found.end()))
        return None, len(seen)


def _either(ways: Sequence[re.Pattern[str]]) -> str:
    return "(?:" + "|".join(way.pattern for way in ways) + ")" if len(ways) > 1 else ways[0].pattern


@functools.lru_cache(maxsize=1024)
def _ways(char: str, before: str) -> tuple[re.Pattern[str], ...]:
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
    ]
    return tuple(map(re.compile, ways))


def _base64_ways(char: str, before: str) -> tuple[re.Pattern[str], ...]:
    """What finds a character of Base64: of the alphabet for URLs, too, and on a new line."""
    return _base64_ways_of(char, is_first=not before)


@functools.lru_cache(maxsize=256)
def _base64_ways_of(char: str, *, is_first: bool) -> tuple[re.Pattern[str], ...]:
    before, broken = ("", "") if is_first else ("A", _BREAK + "*+")
    ways = [way.pattern for way in _ways(char, before)]
    ways += [_ALSO_IN_BASE64[char]] if char in _ALSO_IN_BASE64 else []
    return tuple(re.compile(broken + way) for way in ways)


@functools.cache
def _any_of_base64() -> tuple[re.Pattern[str], ...]:
    return (re.compile("[A-Za-z0-9_-]"), *_ways("+", "A"), *_ways("/", "A"))


@functools.cache
def _before() -> re.Pattern[str]:
    """What finds the character before a core, up to which it is looked."""
    return re.compile(f"{_either(_any_of_base64())}{_BREAK}*+\\Z")


@functools.cache
def _behind() -> tuple[tuple[re.Pattern[str], ...], ...]:
    """What may follow a core: one character, which is gone where another value began in it, and `=` up to two."""
    one, end = (
        [re.compile(f"{_BREAK}*+{_either(ways)}"), re.compile("")] for ways in (_any_of_base64(), _ways("=", "A"))
    )
    return tuple(one), tuple(end), tuple(end)


def _byte_by_byte(value: bytes) -> Iterator[str]:
    """Each byte as two hex digits: all in a row, with one sign between them, or as URLs have what they cannot hold."""
    for digits in (value.hex(), value.hex().upper()):
        yield digits
        yield from (sign.join(digits[at : at + 2] for at in range(0, len(digits), 2)) for sign in _BETWEEN_BYTES)
        yield "".join(f"%{digits[start : start + 2]}" for start in range(0, len(digits), 2))


def _base64_cores(value: bytes) -> Iterator[_Core]:
    """What depends on the value alone, wherever in a group of three bytes it begins."""
    for shift in range(3):
        padded = b"\0" * shift + value
        first, last = -(-shift * 8 // 6), len(padded) * 8 // 6
        core = base64.b64encode(padded).decode()[first:last]
        if len(core) >= _BASE64_MIN_CHARS:
            yield _Core(core, shares_before=shift > 0, shares_behind=len(padded) % 3 > 0)
