"""The records that `fetch_data` gives when it is told no source."""

from __future__ import annotations

from typing import Any

__all__ = ["sample_records"]


def sample_records() -> list[dict[str, Any]]:
    """Eight orders, always the same: numbers, texts, a date and a null."""
    columns = ("id", "customer", "country", "amount", "quantity", "ordered_on", "note")
    rows = (
        (1, "Ada", "GB", 120.5, 2, "2024-01-05", None),
        (2, "Blaise", "FR", 75.0, 1, "2024-01-07", "gift"),
        (3, "Carl", "DE", 310.25, 5, "2024-01-07", None),
        (4, "Dorothy", "US", 42.0, 1, "2024-01-09", None),
        (5, "Emmy", "DE", 99.9, 3, "2024-01-12", "express"),
        (6, "Grace", "US", 560.0, 8, "2024-01-15", None),
        (7, "Hedy", "AT", 18.75, 1, "2024-01-16", None),
        (8, "Ada", "GB", 240.0, 4, "2024-01-20", "express"),
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]
