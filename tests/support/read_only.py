"""Looking at a log as somebody who may not write: a process without rights, on files and a folder that are read-only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["look_without_writing", "shared_folder"]

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 60
PROGRAM = """
import asyncio, ctypes, os, struct, sys
import {module} as test
if os.geteuid() == 0:  # root may write anything, unless it gives its capabilities up
    version_3 = struct.pack("Ii", 0x20080522, 0)
    assert ctypes.CDLL(None, use_errno=True).capset(version_3, bytes(24)) == 0, os.strerror(ctypes.get_errno())
    assert not os.access(sys.argv[1], os.W_OK, effective_ids=True)
asyncio.run(test.look(sys.argv[1]{arguments}))
"""


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder that can be made read-only, and is left as one that can be removed."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o777)
        try:
            yield Path(made)
        finally:
            Path(made).chmod(0o777)


def look_without_writing(module: Path, path: Path, *arguments: str) -> str:
    """Run `look(path, …)` of a test module in a process that may only read the log; gives its output.

    The files are as they were, byte for byte, but for what SQLite shares about its readers.
    """
    before = _digests(path.parent)
    for file in path.parent.iterdir():
        file.chmod(0o444)
    path.parent.chmod(0o555)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    environment |= {"PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, ROOT / "tests/support", module.parent)))
    more = "".join(f", {argument!r}" for argument in arguments)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(module=module.stem, arguments=more), str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert _digests(path.parent) == before
    return done.stdout


def _digests(folder: Path) -> dict[str, str]:
    files = (file for file in folder.iterdir() if not file.name.endswith("-shm"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.stat().st_size}
