"""POSTs to a host on a thread."""

from __future__ import annotations

import http.server
import sys
import threading
from typing import Any

import pytest

from flowsm.errors import ExtraMissing, UsageError
from flowsm.limits import WEBHOOK_ANSWER_MAX_BYTES
from flowsm.tasks.builtin.post import Poster


@pytest.fixture
def host():
    """Answers as the path says: a status, and so many bytes; notes which connection each request came over."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.seen.append((body, self.headers["X-Word"], self.client_address[1]))
            status, size = map(int, self.path.split("/")[1:])
            self.send_response(status)
            self.send_header("Content-Length", str(size))
            self.send_header("Location", "/200/0")
            self.end_headers()
            try:
                self.wfile.write(b"x" * size)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        seen: list[tuple[bytes, str, int]] = []

        @property
        def url(self) -> str:
            return f"http://127.0.0.1:{self.server_address[1]}"

    server = Server(("127.0.0.1", 0), Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_taken_is_what_is_answered_with_2xx(host) -> None:
    """One connection serves many requests."""
    async with Poster(f"{host.url}/202/10") as poster:
        assert await poster.post(b"one", {"X-Word": "w"}) is None
        assert await poster.post(b"two", {"X-Word": "w"}) is None
    (first, second) = host.seen
    assert (first[:2], second[:2]) == ((b"one", "w"), (b"two", "w"))
    assert first[2] == second[2]


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_anything_else_is_not(host, status) -> None:
    """A redirect is not followed."""
    async with Poster(f"{host.url}/{status}/3") as poster:
        assert (await poster.post(b"", {})).startswith(f"the host answered {status} ")
    assert len(host.seen) == 1


async def test_an_answer_is_not_read_without_end(host) -> None:
    """Of a long answer the beginning is enough."""
    async with Poster(f"{host.url}/200/{WEBHOOK_ANSWER_MAX_BYTES * 100}") as poster:
        assert await poster.post(b"", {}) is None


async def test_nobody_there(host) -> None:
    """No connection is a reason, not an error."""
    url = host.url
    host.shutdown()
    host.server_close()
    async with Poster(f"{url}/200/0") as poster:
        assert (await poster.post(b"", {})).startswith("no answer: ")


async def test_a_host_that_is_silent(host, monkeypatch) -> None:
    """It is not waited for without end."""
    monkeypatch.setattr("flowsm.tasks.builtin.post.WEBHOOK_TIMEOUT_SECONDS", 0)
    async with Poster(f"{host.url}/200/0") as poster:
        assert (await poster.post(b"", {})).startswith("no answer: ")


async def test_what_is_shown_is_no_secret() -> None:
    """User, password and query are left out."""
    async with Poster("https://ada:secret@host:8080/path?token=secret#secret") as poster:
        assert poster.shown == "https://host:8080/path"


@pytest.mark.parametrize("url", ["", "host/path", "ftp://host", "http://", "http://[x", "http://x:y/", "http://x:0/"])
def test_what_is_no_url_is_refused(url) -> None:
    """So that a mistake is told at the beginning."""
    with pytest.raises(UsageError, match="expected a URL of http or https"):
        Poster(url)


def test_without_httpx_it_says_what_to_install(monkeypatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ExtraMissing, match=r"flowsm\[http\]"):
        Poster("http://host/")
