"""Reading TOML text, so that whatever is wrong with it becomes a finding."""

from __future__ import annotations

import math
import re
import tomllib
from typing import Any, Final

from flowsm.definition.plain import HugeNumber, NotANumber
from flowsm.definition.pointer import MISSING
from flowsm.definition.report import Report
from flowsm.limits import DOCUMENT_MAX_DEPTH, DOCUMENT_MAX_TOML_BYTES

__all__ = ["read_toml"]

_KEY: Final = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY: Final = re.compile(rf"(?:{_KEY}[ \t]*+\.[ \t]*+){{{DOCUMENT_MAX_DEPTH}}}")


def read_toml(text: str, report: Report) -> Any:
    """The raw document, or `MISSING` where the text is not TOML."""
    if len(text) > DOCUMENT_MAX_TOML_BYTES:
        report.error("too_large", None, f"expected at most {DOCUMENT_MAX_TOML_BYTES} bytes of TOML", hint="write JSON")
        return MISSING
    if _LONG_KEY.search(text):
        report.error("too_deep", None, f"expected keys of at most {DOCUMENT_MAX_DEPTH} parts")
        return MISSING
    try:
        return tomllib.loads(text, parse_float=_float)
    except tomllib.TOMLDecodeError as error:
        report.error("not_toml", None, f"not TOML: {error}")
    except RecursionError:
        report.error("too_deep", None, f"expected at most {DOCUMENT_MAX_DEPTH} levels of nesting")
    except ValueError as error:  # an integer of more digits than Python reads, a date that is none
        report.error("not_toml", None, f"not TOML: {error}")
    return MISSING


def _float(text: str) -> float | HugeNumber | NotANumber:
    value = float(text)
    if math.isfinite(value):
        return value
    return NotANumber(text) if text.strip("+-") in {"nan", "inf"} else HugeNumber(text)
