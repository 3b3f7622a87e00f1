"""The veil: given values, when something that holds them comes back, then they are not in it."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import logging
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowsm.limits import SECRET_LINE_MIN_CHARS, SECRET_MIN_CHARS, SECRET_PIECE_CHARS, SECRET_VALUES_REMEMBERED
from flowsm.logs import JsonFormatter, TextFormatter
from flowsm.tasks.veil import Veil, veil_of_all
from flowsm.tasks.veiled_logger import VeiledLogger

ODD = "sk/live+\"ä\\%&<'\t€\U0001f511=end"
PLAIN = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
LONG = "a%25/b&amp;+c\"\\\\n\\n%&'-\n" * 12 + "end"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda value: value,
    "in a sentence": lambda value: f"no {value!s}!",
    "repr": repr,
    "repr in repr": lambda value: repr(repr(value)),
    "ascii": ascii,
    "bytes": lambda value: repr(value.encode()),
    "json": json.dumps,
    "json as Unicode": lambda value: json.dumps(value, ensure_ascii=False),
    "json with slashes": lambda value: json.dumps(value).replace("/", "\\/"),
    "json in json": lambda value: json.dumps({"a": json.dumps({"b": json.dumps(value)})}),
    "url": lambda value: urllib.parse.quote(value, safe=""),
    "path of a url": urllib.parse.quote,
    "url in a url": lambda value: urllib.parse.quote(urllib.parse.quote(value)),
    "form": urllib.parse.quote_plus,
    "url in lower case": lambda value: urllib.parse.quote(value, safe="").lower() if value == value.lower() else value,
    "html": html.escape,
    "basic": lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
    "basic, one further": lambda value: base64.b64encode(f"users:{value}".encode()).decode(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 in lines": lambda value: base64.encodebytes(value.encode()).decode().rstrip(),
    "base64 in lines of the network": lambda value: (
        base64.encodebytes(f"Subject: {value}".encode()).decode().replace("\n", "\r\n ").rstrip()
    ),
    "base64 in lines in json": lambda value: json.dumps(base64.encodebytes(b"\0" * 50 + value.encode()).decode()),
    "base64 for urls in lines": lambda value: (
        base64.encodebytes(value.encode()).decode().translate({43: "-", 47: "_"}).rstrip()
    ),
    "hex": lambda value: value.strip().encode().hex(),
    "hex in capitals": lambda value: f"0x{value.strip().encode().hex().upper()}",
    "url, each byte": lambda value: "".join(f"%{byte:02X}" for byte in value.strip().encode()),
    "url, each byte in lower case": lambda value: "".join(f"%{byte:02x}" for byte in value.strip().encode()),
    "base64 for urls": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
}


def veil_of(**values: str) -> Veil:
    veil = Veil()
    for name, value in values.items():
        veil.hide(name, value)
    return veil


@pytest.mark.parametrize("value", [ODD, PLAIN, "ab c", "pass word\nof two lines", LONG])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_value_is_hidden_however_it_is_spelled(spelling: str, value: str) -> None:
    """As it is, and as JSON, Python, URLs, HTML and Base64 have it, nothing of it is left, in texts, data and keys."""
    written = SPELLINGS[spelling](value)
    veil = veil_of(KEY=value)
    if "bas" in spelling and len(value) < 8:
        return  # four characters of Base64 would be found in anything
    for hidden in (veil.text(written), veil.word(written), *veil.value({written: [written]})):
        assert written not in hidden
        assert "***KEY***" in hidden
    assert veil.value({"a": {written: [1, None, written]}, "b": 2.5, "c": True}) == {
        "a": {veil.word(written): [1, None, veil.word(written)]},
        "b": 2.5,
        "c": True,
    }


@pytest.mark.parametrize(
    ("written", "left"),
    [
        (f"a {PLAIN} b", "a ***KEY*** b"),
        (f'{{"key": "{PLAIN}"}}', '{"key": "***KEY***"}'),
        (f"{PLAIN}{PLAIN}", "***KEY******KEY***"),
        (f"https://x.example/?key={PLAIN}&y=1", "https://x.example/?key=***KEY***&y=1"),
        ("nothing of it", "nothing of it"),
        ("", ""),
    ],
)
def test_the_rest_stays(written: str, left: str) -> None:
    """What is around a value is as it was."""
    assert veil_of(KEY=PLAIN).text(written) == left
    assert veil_of(KEY=PLAIN).word(written) == left


@pytest.mark.parametrize("length", range(SECRET_PIECE_CHARS, len(PLAIN)))
def test_pieces_are_hidden_in_texts(length: int) -> None:
    """A text for people may have been cut: a beginning, an end or a middle of a value is hidden, too."""
    veil = veil_of(KEY=PLAIN)
    for piece in (PLAIN[:length], PLAIN[-length:], PLAIN[1 : length + 1]):
        assert veil.text(f"found '{piece}…") == "found '***KEY***…"
        assert veil.text(f"{piece} and {piece}") == "***KEY*** and ***KEY***"


def test_pieces_stay_in_data() -> None:
    """Data is not made another for a word that is part of a secret."""
    veil = veil_of(URL="postgres://app:hunter2@localhost/orders")
    assert veil.value(["postgres://", "localhost"]) == ["postgres://", "localhost"]
    assert veil.value(["postgres://app:hunter2@localhost/orders"]) == ["***URL***"]


def test_lines_and_the_space_around_do_not_matter() -> None:
    """A key of many lines is hidden line by line; one that ends with a line break, without it."""
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "short", "-----END PRIVATE KEY-----"]
    veil = veil_of(PEM="\n".join(lines) + "\n")
    assert veil.value("\n".join(lines)) == "***PEM***"
    assert veil.value(lines) == ["***PEM***", "***PEM***", "short", "***PEM***"]
    assert all(len(line) >= SECRET_LINE_MIN_CHARS for line in lines if line != "short")
    assert veil_of(KEY=f" {PLAIN}\n").value([PLAIN]) == ["***KEY***"]


def test_one_value_may_be_part_of_another() -> None:
    """The longer one is hidden as a whole."""
    veil = veil_of(SHORT="abcd", LONG="xx-abcd-yy")
    assert veil.value(["xx-abcd-yy", "abcd"]) == ["***LONG***", "***SHORT***"]


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("1234", [1234, 1234.0, -1234, -1234.0]),
        ("12.34", [12.34, -12.34]),
        ("12345.50\n", [12345.5]),
        ("0012345", [12345]),
        ("+12e3", [12000]),
        ("12345678901234567890", [12345678901234567890.0, 1.2345678901234567e19]),
    ],
)
def test_numbers_are_hidden_too(value: str, numbers: list[float]) -> None:
    """A task may have made a number of a value, of another sign, or form; other numbers with the same digits stay."""
    veil, others = veil_of(PIN=value), [0, 912345, 1234.5, 12340, True, None, "ab"]
    assert veil.value([*numbers, others, {"n": numbers}]) == [
        *["***PIN***"] * len(numbers),
        others,
        {"n": ["***PIN***"] * len(numbers)},
    ]


@pytest.mark.parametrize("value", ["0000", "0001", "1.00", "-1.0", "01.50", "word", "1234x"])
def test_a_number_of_few_digits_is_not_hidden(value: str) -> None:
    """What everybody's numbers are is no secret's: 1 is not hidden for a value that is 0001."""
    numbers = [0, 1, 1.0, -1, 1.5, 1234]
    assert veil_of(PIN=value).value(numbers) == numbers


def test_the_latest_values_are_remembered() -> None:
    """What is said when an attempt is over is looked through for what the latest ones were given, and no others."""
    for number in range(SECRET_VALUES_REMEMBERED + 1):
        Veil().hide("K", f"remembered-{number:04}x")
        Veil().hide("K", "remembered-again")
    text = veil_of_all().word("remembered-0001x remembered-0002x remembered-0064x remembered-again!")
    assert text == "remembered-0001x ***K*** ***K*** ***K***!"


def test_without_a_value_nothing_is_touched() -> None:
    """An attempt without secrets gives back the very objects that it gave."""
    veil, data = Veil(), [object()]
    assert not veil
    assert veil.value(data) is data
    assert veil.text("abc") == veil.word("abc") == "abc"
    full, plain = veil_of(KEY=PLAIN), {"a": [1, "b"]}
    assert full
    assert full.value(plain) is plain
    assert full.value(None) is None


def test_no_text_takes_long() -> None:
    """A long text of what spellings begin with is gone through once, not once for each of its places."""
    veil = veil_of(KEY=ODD, OTHER='\\"\\"\\"x' * 5)
    for text in ("\\" * 200_000, "%" * 200_000, "sk" * 100_000, "&#" * 100_000, "\\u00" * 50_000, "\\r\n" * 50_000):
        assert veil.word(text) == text


@given(
    st.text(min_size=SECRET_MIN_CHARS, max_size=40).filter(lambda text: len(text.strip()) >= SECRET_MIN_CHARS),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_no_value_is_left(value: str, data: Any) -> None:
    """Whatever the value, whatever is around it, and however it is spelled, its spelling is found."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    spelling = data.draw(st.sampled_from(sorted(set(SPELLINGS) - {"url in lower case"})))
    written = SPELLINGS[spelling](value)
    if "bas" in spelling and len(value.encode()) < 8:
        return
    around = data.draw(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]), max_size=20))
    hidden = veil_of(NAME=value).word(around + written + around)
    assert written not in hidden
    assert "***NAME***" in hidden


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@pytest.fixture
def logged() -> Records:
    return Records()


@pytest.fixture
def logger(logged: Records) -> VeiledLogger:
    plain = logging.getLogger(f"{__name__}.{id(logged)}")
    plain.setLevel(logging.INFO)
    plain.propagate = False
    plain.addHandler(logged)
    return VeiledLogger(plain, {"task": "charge"}, veil_of(KEY=PLAIN))


def test_records_have_no_secrets(logger: VeiledLogger, logged: Records) -> None:
    """Neither the message, nor its arguments, nor the exception hold a value; the place and what the record knows stay."""
    logger.info("with %s", PLAIN)
    logger.warning(PLAIN)
    logger.debug("not asked for: %s", PLAIN)
    error = ValueError(PLAIN)
    with contextlib.suppress(ValueError):
        try:
            raise error
        except ValueError:
            logger.exception("100%% %s", "wrong")
            raise
    logger.log(logging.ERROR, "this one", exc_info=error)
    logger.log(logging.ERROR, "and so", exc_info=(ValueError, error, None))
    logger.log(logging.ERROR, "no exception", exc_info=(None, None, None))
    assert [record.levelname for record in logged.kept] == ["INFO", "WARNING", *["ERROR"] * 4]
    texts = [
        logging.Formatter("%(message)s %(task)s %(filename)s %(funcName)s").format(record) for record in logged.kept
    ]
    assert not any(
        PLAIN in text or PLAIN in repr(record.__dict__) for text, record in zip(texts, logged.kept, strict=True)
    )
    assert texts[0] == "with ***KEY*** charge test_veil.py test_records_have_no_secrets"
    assert texts[2].startswith(
        "100% wrong charge test_veil.py test_records_have_no_secrets\nTraceback (most recent call last):"
    )
    assert texts[2].endswith("\nValueError: ***KEY***")
    assert [record.getMessage() for record in logged.kept][2:5] == ["100% wrong", "this one", "and so"]
    told = json.loads(JsonFormatter().format(logged.kept[2]))
    assert (told["message"], told["exception"]["type"], told["exception"]["message"]) == (
        "100% wrong",
        "ValueError",
        "***KEY***",
    )
    assert told["exception"]["traceback"].endswith("ValueError: ***KEY***\n")
    assert TextFormatter().format(logged.kept[2]).endswith("\nValueError: ***KEY***")
    assert all("ValueError: ***KEY***" in text for text in texts[2:5])
    assert texts[5].startswith("no exception charge")
