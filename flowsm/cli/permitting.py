"""What the built-in tasks may touch, as options say it: looked at before anything is run."""

from __future__ import annotations

from pathlib import Path

from flowsm.cli.output import talk
from flowsm.errors import UsageError

__all__ = ["allowed_folders", "allowed_hosts", "made_folder"]


def allowed_folders(given: list[Path] | None) -> list[Path]:
    """The folders of `--allow-dir`.

    Raises:
        UsageError: one of them is a file.
    """
    for folder in given or ():
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--allow-dir {folder}: expected a folder, found a file")
        if not folder.exists():  # store_data may make it
            talk(f"flowsm: --allow-dir {folder}: there is no such folder yet")
    return given or []


def allowed_hosts(given: list[str] | None) -> list[str]:
    """The hosts of `--allow-host`.

    Raises:
        UsageError: one of them is no host.
    """
    for host in given or ():
        if not host or "/" in host or "@" in host:
            raise UsageError(
                f"--allow-host {host!r}: expected a host, such as example.com or localhost:8080, not a URL"
            )
    return given or []


def made_folder(given: Path | None) -> Path | None:
    """The folder of `--data-dir`, which is there now.

    Raises:
        UsageError: it cannot be made.
    """
    if given is not None:
        try:
            given.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--data-dir {given}: expected a folder, or a place for one: {error.strerror}") from None
    return given
