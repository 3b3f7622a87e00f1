"""Moments as callers write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from flowsm.findings import Finding
from flowsm.service.problems import Refusal

__all__ = ["moment_of"]

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO: Final = re.compile(r"(\d{1,6})([smhdw])")


def moment_of(text: str) -> datetime:
    """The moment that `30m`, `2h`, `7d` ago was, or an ISO 8601 time, in UTC where it names no zone.

    Raises:
        Refusal: 422, it means none.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus that was not escaped
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = f"expected 30m, 2h, 7d, or an ISO 8601 time such as 2026-01-31T12:00:00Z, found {text!r}"
        finding = Finding(code="wrong_value", severity="error", pointer="/query/since", message=message)
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", message, findings=[finding]) from None
