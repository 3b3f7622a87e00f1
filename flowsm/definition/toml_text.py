"""Reading TOML text, so that whatever is wrong with it becomes a finding."""

from __future__ import annotations

import math
import tomllib
from typing import Any

from flowsm.definition.plain import HugeNumber, NotANumber
from flowsm.definition.pointer import MISSING
from flowsm.definition.report import Report
from flowsm.limits import DOCUMENT_MAX_DEPTH

__all__ = ["read_toml"]


def read_toml(text: str, report: Report) -> Any:
    """The raw document, or `MISSING` where the text is not TOML."""
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
