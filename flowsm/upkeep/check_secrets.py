"""Which secrets the flows of a file may use that is to be imported."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from flowsm.definition.digest import flow_from_canonical
from flowsm.definition.subflows import all_secrets_of
from flowsm.errors import NotAllowed
from flowsm.upkeep.archive_file import Flow, read_archive

__all__ = ["check_secrets"]


def check_secrets(path: Path, allowed: Collection[str]) -> None:
    """See to it that no flow in the file, or inside one of its flows, uses a secret that is not allowed.

    Raises:
        NotAllowed: one does.
        ArchiveBroken: the file is not what was written.
    """
    for item in read_archive(path):
        for name in _secrets_in(item) if isinstance(item, Flow) else ():
            if name not in allowed:
                raise NotAllowed("secret", name, f"whoever serves the log can allow it, with --allow-secret {name}")


def _secrets_in(flow: Flow) -> list[str]:
    """The names that a stored flow uses; none where it is no flow that could run."""
    try:
        return [name for _, name in all_secrets_of(flow_from_canonical(flow.document.encode()))]
    except msgspec.DecodeError:
        return []
