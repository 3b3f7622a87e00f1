"""What installed distributions offer, and which version a piece of code belongs to.

`importlib.metadata` costs some 15 ms to import, hence inside the functions that need it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["distribution_version", "installed_entry_points", "version_of_module"]


@cache
def distribution_version(distribution: str) -> str | None:
    """The version of an installed distribution, or None."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


@cache
def version_of_module(module: str) -> str | None:
    """The version of the one distribution that the module's package comes from, or None.

    The first call reads the metadata of everything installed.
    """
    top = module.partition(".")[0]
    distributions = set(_packages().get(top, ()))
    return distribution_version(distributions.pop()) if len(distributions) == 1 else None


def installed_entry_points(group: str) -> list[EntryPoint]:
    """The entry points that installed distributions have in this group."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - see above

    return list(entry_points(group=group))


@cache
def _packages() -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - see above

    return dict(packages_distributions())
