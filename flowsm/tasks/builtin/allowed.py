"""Which files and hosts a built-in task may touch: looked at where the links lead, and again once open."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult

from flowsm.errors import DataInvalid, NotAllowed
from flowsm.limits import DATA_MAX_BYTES, MIB
from flowsm.tasks.context import Permissions

__all__ = [
    "allowed_path",
    "check_host",
    "host_and_port",
    "is_bare_word",
    "is_listed",
    "read_allowed",
    "shown_host",
    "writable_target",
]

_PORTS: Final = {"http": 80, "https": 443}
_OPEN_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)  # links were followed already, to a place that is allowed
    | getattr(os, "O_NONBLOCK", 0)  # opening a FIFO must not wait for its writer
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def is_bare_word(text: str) -> bool:
    """Whether it names neither a file nor a place: `external_api`, but not `orders.cvs`, whose user meant a file."""
    return not any(mark in text for mark in "/\\.:~")


def allowed_path(path: str, permissions: Permissions) -> Path:
    """Where the path really leads, links and `..` resolved.

    Raises:
        NotAllowed: that is in none of the allowed folders.
        DataInvalid: it is no path at all.
    """
    if path.startswith("~"):
        raise DataInvalid(path, "", "expected a path, but '~' stands for no folder here; write the folder out, or ./~")
    try:
        begun = Path(permissions.base or "", path)
        real = Path(os.path.realpath(begun))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error  # an OSError's own text has the whole path
        raise DataInvalid(repr(path), "", f"expected a path: {reason}") from error
    for folder in permissions.folders:
        if real.is_relative_to(os.path.realpath(folder)):
            return real
    raise NotAllowed("path", path, _way_in(path, begun, real, permissions))


def _way_in(path: str, begun: Path, real: Path, permissions: Permissions) -> str:
    """How to allow a path, in the words in which it was given: whoever reads that may not know where it lies here."""
    if os.path.normpath(begun.absolute()) != str(real):
        said = "a link in it leads elsewhere: allow the folder to which it leads"
        return f"{said}, with --allow-dir or FlowManager(allow_dirs=[...])"
    if permissions.base is not None and not Path(path).is_absolute():
        return "allow its folder with --allow-dir or FlowManager(allow_dirs=[...])"
    wanted = path if real.is_dir() else str(Path(path).parent)
    return f"allow its folder with --allow-dir {wanted} or FlowManager(allow_dirs=[{wanted!r}])"


def read_allowed(path: str, permissions: Permissions) -> bytes:
    """The bytes of a regular file in an allowed folder.

    Raises:
        NotAllowed: it is in none of the allowed folders.
        DataInvalid: it is not there, not a regular file, larger than `DATA_MAX_BYTES`, or cannot be read.
    """
    real = allowed_path(path, permissions)
    try:
        descriptor = os.open(real, _OPEN_FLAGS)
    except FileNotFoundError as error:
        where = (
            "" if Path(path).is_absolute() else f" in the {'working' if permissions.base is None else 'data'} folder"
        )
        raise DataInvalid(path, "", f"no such file{where}") from error
    except OSError as error:
        raise DataInvalid(path, "", f"cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataInvalid(path, "", "expected a file, found a folder or a special file")
    with os.fdopen(descriptor, "rb") as file:
        if allowed_path(path, permissions) != real:
            raise DataInvalid(path, "", "it was moved while it was opened; run the task again")
        data = file.read(DATA_MAX_BYTES + 1)
    if len(data) > DATA_MAX_BYTES:
        raise DataInvalid(path, "", f"larger than {DATA_MAX_BYTES // MIB} MiB; split it into parts")
    return data


def writable_target(path: str, permissions: Permissions) -> Path:
    """The file to write, whose folder is made if need be.

    Raises:
        NotAllowed: it is in none of the allowed folders.
        DataInvalid: something that is not a regular file is there, or the folder cannot be made.
    """
    real = allowed_path(path, permissions)
    try:
        if real.exists() and not real.is_file():
            raise DataInvalid(path, "", "expected a file to write, found a folder or a special file")
    except OSError as error:
        raise DataInvalid(path, "", f"cannot be written: {error.strerror}") from error
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataInvalid(path, "", f"its folder cannot be made: {error.strerror}") from error
    return allowed_path(str(real), permissions)


def check_host(url: SplitResult, permissions: Permissions) -> None:
    """Refuse a URL whose host the caller did not allow.

    Raises:
        NotAllowed: the host is not among the allowed ones.
    """
    name, port = host_and_port(url)
    if "*" in permissions.hosts or is_listed(url.scheme, name, port, permissions):
        return
    shown = shown_host(url.scheme, name, port)
    raise NotAllowed("host", shown, f"allow it with --allow-host {shown} or FlowManager(allow_hosts=[{shown!r}])")


def host_and_port(url: SplitResult) -> tuple[str, int]:
    """The host that a URL names, and the port that is meant."""
    return (url.hostname or "").rstrip("."), url.port if url.port is not None else _PORTS[url.scheme]


def is_listed(scheme: str, name: str, port: int, permissions: Permissions) -> bool:
    """Whether a host was allowed by this very name, or address."""
    return shown_host(scheme, name, port) in {host.lower().rstrip(".") for host in permissions.hosts}


def shown_host(scheme: str, name: str, port: int) -> str:
    """A host as it is allowed: with its port where that is not the scheme's own."""
    shown = f"[{name}]" if ":" in name else name
    return shown if port == _PORTS[scheme] else f"{shown}:{port}"
