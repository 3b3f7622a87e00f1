"""Spellings in which a value begins in the middle of a character, and those that take long."""

from __future__ import annotations

import base64
import random
import re
import string
import time

import pytest

from flowsm.tasks.veil import Veil

CHARS = string.ascii_letters + string.digits + "/+-_?=&é"


def veil_of(**values: str) -> Veil:
    veil = Veil()
    for name, value in values.items():
        veil.hide(name, value)
    return veil


def test_values_in_base64_are_hidden_one_behind_the_other() -> None:
    """Of two values that follow each other nothing is left, and what is around them stays to the character."""
    dice = random.Random(7)
    for _ in range(300):
        first, second = ("".join(dice.choices(CHARS, k=dice.randint(8, 40))) for _ in "ab")
        before, behind = (dice.randbytes(dice.randint(0, 5)) for _ in "ab")
        written = base64.b64encode(before + first.encode() + second.encode() + behind).decode()
        end = -(-(len(before) + len((first + second).encode())) * 8 // 6)
        rest = written[end:] if behind else ""
        left = f"{written[: len(before) * 8 // 6]}***A******B***{rest}"
        assert veil_of(A=first, B=second).word(written) == left


@pytest.mark.parametrize("length", range(6, 60))
@pytest.mark.parametrize("times", [2, 6])
def test_a_value_in_base64_is_hidden_as_often_as_it_is_there(length: int, times: int) -> None:
    """A value that follows itself is hidden each time, over the ends of lines as well."""
    value = "".join(random.Random(length).choices(CHARS[:-1], k=length))
    lines = base64.encodebytes(value.encode() * times).decode()
    hidden = veil_of(K=value).word(lines.replace("\n", "\r\n"))
    assert hidden.count("***K***") == times
    assert not re.sub(r"\*\*\*K\*\*\*|\r\n", "", hidden)


@pytest.mark.parametrize("letter", "rnax")
@pytest.mark.parametrize("depth", range(4))
def test_a_line_of_base64_may_begin_with_any_letter(letter: str, depth: int) -> None:
    """However often the end of the line before it is escaped."""
    value = base64.b64decode("Q" * 43 + letter + "Q" * 40).decode("latin-1")
    assert value.isascii()
    written = "Q" * 43 + "\\" * (2**depth if depth else 0) + ("n" if depth else "\n") + letter + "Q" * 40
    assert veil_of(K=value).word(f"'{written}'") == "'***K***'"


@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_six_bytes_are_found_in_base64(before: str) -> None:
    """The shortest value that is found there is found wherever it begins."""
    assert "***K***" in veil_of(K="s3cr3t").word(base64.b64encode(f"{before}s3cr3t: and".encode()).decode())


@pytest.mark.parametrize("value", ["s3cr3t-of-many-bytes", "s3cr3t-of-many-bytes1", "s3cr3t-of-many-bytes12"])
def test_what_follows_base64_stays(value: str) -> None:
    """A name that goes on behind a value loses none of its own characters, but the one that the value may reach into."""
    written = base64.b64encode(value.encode()).decode()
    assert veil_of(K=value).word(f"{written}-v2.json") == "***K***-v2.json"
    for escaped in (written.replace("=", "%3D"), written.replace("=", r"\u003d")):
        assert veil_of(K=value).word(f"{escaped}!") == "***K***!"


@pytest.mark.parametrize("sign", [":", " ", "-", ""])
def test_bytes_are_found_with_a_sign_between_them(sign: str) -> None:
    """As tools print bytes, a value is hidden."""
    digits = b"s3cr3t/x".hex(sign) if sign else b"s3cr3t/x".hex()
    for written in (digits, digits.upper()):
        assert veil_of(K="s3cr3t/x").word(f"<{written}>") == "<***K***>"


def test_keys_that_become_the_same_are_told_apart() -> None:
    """Of an object no value is lost where two of its keys were the same secret, spelled in two ways."""
    given = {"s3cr3t/x": 1, "s3cr3t%2Fx": 2, "a": 3, b"s3cr3t/x".hex(): {"s3cr3t/x": 4}, "***K*** (2)": 5}
    assert veil_of(K="s3cr3t/x").value(given) == {
        "***K***": 1,
        "***K*** (2)": 2,
        "a": 3,
        "***K*** (3)": {"***K***": 4},
        "***K*** (2) (2)": 5,
    }


@pytest.mark.parametrize("text", ["ab" * 10_000, "ab" * 199 + "!" + "ab" * 10_000])
def test_a_value_that_repeats_itself_takes_no_longer(text: str) -> None:
    """What is like a value all over is hidden from where that is known, and what came before it stays."""
    value = "ab" * 200 + "!"
    written = f"no: {text} {value} and {value}"
    started = time.process_time()
    hidden = veil_of(K=value).word(written)
    assert time.process_time() - started < 0.5
    assert hidden.startswith("no: ")
    assert "***K***" in hidden
    assert value not in hidden
    assert veil_of(K=value).word(f"ab {value} ab") == "ab ***K*** ab"
