"""A real `flowsm serve`, and the real curl."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Answered", "Service", "serving"]

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 20


@dataclass(frozen=True)
class Answered:
    """What curl got: header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """A service that runs as a process."""

    url: str
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def curl(self, path: str, *arguments: str, stdin: str = "") -> Answered:
        """Ask with curl, as its user would; the answer's last block of headers counts."""
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--include", *arguments, self.url + path]
        given = stdin.encode("utf-8", "surrogateescape")
        ran = subprocess.run(command, input=given, capture_output=True, check=False, timeout=40)
        assert ran.returncode == 0, ran.stderr
        head, _, body = ran.stdout.decode().partition("\r\n\r\n")
        while head.split(" ", 2)[1] == "100":
            head, _, body = body.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answered(int(first.split(" ", 2)[1]), headers, body)

    def post(self, path: str, document: Any, *arguments: str) -> Answered:
        """POST a document as JSON."""
        text = document if isinstance(document, str) else json.dumps(document)
        return self.curl(path, "-H", "Content-Type: application/json", "--data-binary", "@-", *arguments, stdin=text)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        assert self.process.stderr is not None
        self.said += self.process.stderr.read().splitlines()
        return code


@contextmanager
def serving(folder: Path, *options: str, db: str = "flows.db", port: int = 0, **environment: str) -> Iterator[Service]:
    """`flowsm serve` in a folder, by default at a port that is free; it is ended at the end, however the test ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSM_")}
    command = [sys.executable, "-m", "flowsm", "serve", db, "--port", str(port), *options]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=kept | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said: list[str] = []
            for line in process.stderr:
                said.append(line.rstrip())
                if found := re.search(r" at (http://\S+);", line):
                    yield Service(found[1], process, said)
                    return
            raise AssertionError(f"it did not begin: {said}")
        finally:
            if process.poll() is None:
                process.kill()
