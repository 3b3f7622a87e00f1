"""`flowsm worker --webhook`, as a process, and a receiver that comes and goes."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowsm.sync import FlowManager

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 30
WAITS = {"id": "w", "name": "W", "start_task": "a", "tasks": [{"name": "a", "task_type": "wait"}]}
WAITS["tasks"][0]["parameters"] = {"seconds": 0}  # type: ignore[index]


class Receiver:
    """An HTTP server on a thread, which notes what is posted to it."""

    def __init__(self, port: int = 0, refuse: int = 0) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self._open: list[socket.socket] = []
        receiver = self
        left = [refuse]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                receiver._open.append(self.connection)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                left[0] -= 1
                if left[0] < 0:
                    receiver.got.append((dict(self.headers.items()), body))
                self.send_response(503 if left[0] >= 0 else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def receivers():
    made: list[Receiver] = []

    def begin(**options: int) -> Receiver:
        made.append(Receiver(**options))
        return made[-1]

    yield begin
    for receiver in made:
        receiver.close()


@pytest.fixture
def workers(tmp_path):
    """Begins workers in the test's folder, and ends those that are left."""
    made: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str, **environment: str) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "FLOWSM_DB"}}
        said = (tmp_path / f"said-{len(made)}").open("w")
        child = subprocess.Popen(
            [sys.executable, "-m", "flowsm", "worker", "--create", *argv],
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(ROOT), **environment},
            stderr=said.fileno(),
        )
        said.close()
        made.append(child)
        return child

    yield begin
    for child in made:
        child.kill()
        child.communicate()


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline
        os.sched_yield()
    return found


def line_with(said: Path, words: str) -> str:
    """The first line that has these words, once there is one."""
    return until(lambda: next((line for line in said.read_text().splitlines() if words in line), None))


def create(folder: Path, name: str) -> None:
    """An execution that is due at once, for a worker to take up."""
    with FlowManager(folder / "flowsm.db") as manager:
        manager.start(WAITS, execution_id=name, start_at=datetime.now(UTC))


def test_each_event_is_posted_signed_in_order(tmp_path, receivers, workers) -> None:
    """Body, id, type and signature are what the receiver needs to check it, and to leave out what it has."""
    receiver = receivers()
    worker = workers(
        "--webhook", f"http://ada:secret@127.0.0.1:{receiver.port}/hook?token=x", FLOWSM_WEBHOOK_SECRET="s"
    )
    said = line_with(tmp_path / "said-0", "events go to")
    assert f"events go to http://127.0.0.1:{receiver.port}/hook, subscription webhook:" in said
    create(tmp_path, "x")
    until(lambda: any(event["type"] == "execution.completed" for event in receiver.events))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(DEADLINE_SECONDS) == 0
    assert [event["seq"] for event in receiver.events] == list(range(1, len(receiver.got) + 1))
    for headers, body in receiver.got:
        event = json.loads(body)
        signature = hmac.new(b"s", body, hashlib.sha256).hexdigest()
        assert headers["Flowsm-Event-Id"] == f"x/{event['seq']}"
        assert headers["Flowsm-Event-Type"] == event["type"]
        assert headers["Flowsm-Signature"] == f"sha256={signature}"
        assert headers["Content-Type"] == "application/json"
        assert headers["Authorization"].startswith("Basic ")


def test_a_receiver_that_is_away_hinders_nobody_and_misses_nothing(tmp_path, receivers, workers) -> None:
    """The worker works on, says what is amiss, and stops at once; what was not taken is sent by the next worker."""
    receiver = receivers()
    options = ("--webhook", f"http://127.0.0.1:{receiver.port}/", "--webhook-type", "execution.completed")
    options = (*options, "--webhook-name", "mine")
    worker = workers(*options)
    line_with(tmp_path / "said-0", "subscription mine")
    create(tmp_path, "first")
    until(lambda: len(receiver.got) == 1)
    receiver.close()
    create(tmp_path, "second")
    assert "event second/" in line_with(tmp_path / "said-0", "was not taken: no answer")
    create(tmp_path, "third")
    with FlowManager(tmp_path / "flowsm.db") as manager:
        until(lambda: len(manager.executions(status="completed").items) == 3)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(DEADLINE_SECONDS) == 0
    again = receivers(port=receiver.port, refuse=2)
    worker = workers(*options)
    assert "503" in line_with(tmp_path / "said-1", "was not taken")
    until(lambda: len(again.got) == 2)
    assert "event second/" in line_with(tmp_path / "said-1", "was taken at last")
    assert [event["stream"] for event in [*receiver.events, *again.events]] == ["first", "second", "third"]
    assert "Flowsm-Signature" not in again.got[0][0]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--webhook", "ftp://x"], "expected a URL of http or https"),
        (["--webhook", "http://[x"], "expected a URL of http or https"),
        (["--webhook", "http://x", "--webhook-type", "execution.end"], "no event has the type 'execution.end'"),
        (["--webhook", "http://x", "--webhook-name", "a b"], "subscription 'a b'"),
        (["--webhook-name", "a"], "give its URL"),
    ],
)
def test_a_webhook_that_cannot_be_is_a_usage_error(tmp_path, workers, argv, said) -> None:
    """It is refused before anything is taken up."""
    assert workers(*argv).wait(DEADLINE_SECONDS) == 2
    assert said in (tmp_path / "said-0").read_text()
