"""Which version of which distribution a piece of code belongs to."""

from __future__ import annotations

import importlib.metadata
from functools import cache

__all__ = ["distribution_version", "version_of_module"]


@cache
def distribution_version(distribution: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def version_of_module(module: str) -> str | None:
    """The version of the one distribution that the module's package comes from, or None.

    The first call reads the metadata of everything installed.
    """
    top = module.partition(".")[0]
    distributions = set(_packages().get(top, ()))
    return distribution_version(distributions.pop()) if len(distributions) == 1 else None


@cache
def _packages() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())
