"""Looking at a log as somebody who may not write: a process of another user, on files and a folder that are read-only."""

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
import asyncio, contextlib, io, os, shutil, sys, tempfile
import {module} as test
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
    shutil.copyfile(sys.argv[1], folder + "/copy.db")
    asyncio.run(test.look(folder + "/copy.db"{arguments}))  # imports, while the interpreter's own folder can be read
os.chdir("/")
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anything
asyncio.run(test.look(sys.argv[1]{arguments}))
"""


@contextmanager
def shared_folder() -> Iterator[Path]:
    """A folder that another user can reach, which pytest's own are not."""
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
