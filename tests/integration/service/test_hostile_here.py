"""Hostile callers, at a service whose limits are small: who is slow, who is many, and who wants what is inside."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from children import until
from serving_here import exchange, serving_here

from flowsm import FlowManager
from flowsm.service import call, protocol
from flowsm.service.guards import rooms

PATIENCE_SECONDS = 0.3
WAITS = {"id": "w", "name": "W", "start_task": "wait_for_signal", "tasks": [{"name": "wait_for_signal"}]}


def _task(task_type: str, **parameters: object) -> dict[str, Any]:
    task = {"name": "t", "task_type": task_type, "parameters": parameters}
    return {"id": "h", "name": "H", "start_task": "t", "tasks": [task]}


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[FlowManager]:
    (tmp_path / "data").mkdir()
    made = FlowManager(tmp_path / "flows.db", durability="normal", allow_dirs=[tmp_path / "data"], allow_hosts=["*"])
    yield made
    await made.close()


@pytest.fixture
async def url(manager: FlowManager) -> AsyncIterator[str]:
    async with serving_here(manager) as place:
        yield place


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=20) as made:
        yield made


async def _dripped(url: str, said: bytes, drop: bytes) -> bytes:
    """What is answered to one who says this, then a drop now and then, for as long as it is listened to."""
    got = b""
    async with exchange(url) as (reader, writer):
        writer.write(said)
        while True:
            try:
                part = await asyncio.wait_for(reader.read(65536), PATIENCE_SECONDS / 10)
            except TimeoutError:
                writer.write(drop)
                continue
            except ConnectionResetError:
                return got
            got += part
            if not part:
                return got


@pytest.mark.parametrize("drop", [b"", b"x"])
async def test_slow_headers(url: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, drop: bytes) -> None:
    """Who says its headers byte by byte, or not at all, is let go of; others are served meanwhile."""
    monkeypatch.setattr(protocol, "HEADERS_SECONDS", PATIENCE_SECONDS)
    slow = asyncio.ensure_future(_dripped(url, b"GET / HTTP/1.1\r\nHost: localh", drop))
    assert (await client.get("/health")).status_code == 200
    async with asyncio.timeout(20 * PATIENCE_SECONDS):
        assert await slow == b""


@pytest.mark.parametrize(
    "path", ["/flow/create", "/flow/execute-sync", "/flow/execute", "/flow/x/signal", "/flow/validate"]
)
@pytest.mark.parametrize("drop", [b"", b" "])
async def test_slow_bodies(
    url: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str, drop: bytes
) -> None:
    """A body that comes drop by drop, or stays away, is 408 in time, and its connection is closed."""
    monkeypatch.setattr(call, "BODY_SECONDS", PATIENCE_SECONDS)
    said = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{{".encode()
    slow = asyncio.ensure_future(_dripped(url, said, drop))
    assert (await client.get("/health")).status_code == 200
    async with asyncio.timeout(20 * PATIENCE_SECONDS):
        answer = await slow
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert b'"code":"too_slow"' in answer


@pytest.mark.parametrize(
    ("bound", "status", "code"), [("REQUESTS_MAX", 503, "full"), ("CALLER_REQUESTS_MAX", 429, "too_many_requests")]
)
async def test_too_many_requests(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, bound: str, status: int, code: str
) -> None:
    """One too many, of all or of an address, is told when to ask again; the process is alive, and there is room afterwards."""
    monkeypatch.setattr(rooms, bound, 1)
    async with client.stream("GET", "/events/stream") as stream:
        await anext(stream.aiter_lines())
        refused = await client.get("/flows")
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/health/live")).status_code == 200

    async def has_room() -> bool:
        return (await client.get("/flows")).status_code == 200

    await until(has_room)


async def test_too_many_connections(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is one too many is told when to come again, and closed; those that are there are served."""
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 2)
    asks = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with AsyncExitStack() as stack:
        (first, says), _, (third, asks_too) = [await stack.enter_async_context(exchange(url)) for _ in range(3)]
        asks_too.write(asks)
        answer = await third.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in answer.lower()
        says.write(asks)
        assert (await first.readline()).startswith(b"HTTP/1.1 200 ")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


@pytest.mark.parametrize(
    "path",
    [
        "data/../escape.json",
        "data/x/../../escape.json",
        "{root}/escape.json",
        "data/link/escape.json",
        "data/leads.json",
    ],
)
async def test_files_beyond_the_folder(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """With a folder that is allowed, no way leads out of it, by dots, by links or straight; inside all goes well."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "data" / "leads.json").symlink_to(tmp_path / "secret.json")
    (tmp_path / "secret.json").write_text('[{"a": "hidden"}]')
    place = path.format(root=tmp_path)
    before = _files(tmp_path)
    for flow in (_task("store_data", storage_path=place, records=[{"a": 1}]), _task("fetch_data", data_source=place)):
        ended = (await client.post("/flow/execute-sync", json=flow)).json()
        assert (ended["status"], "is not allowed" in ended["error"]) == ("failed", True), ended["error"]
        assert "hidden" not in str(ended)
    assert _files(tmp_path) == before
    inside = _task("store_data", storage_path="data/deep/ok.json", records=[{"a": 1}])
    assert (await client.post("/flow/execute-sync", json=inside)).json()["status"] == "completed"
    assert (tmp_path / "data" / "deep" / "ok.json").exists()


@pytest.mark.parametrize("path", ["data/\0.json", "data/" + "x" * 5000, "data", "data/.."])
async def test_paths_that_are_no_files(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """What can be no file fails, with a sentence."""
    monkeypatch.chdir(tmp_path)
    ended = (await client.post("/flow/execute-sync", json=_task("store_data", storage_path=path, format="json"))).json()
    assert ended["status"] == "failed"
    assert "Traceback" not in ended["error"]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
async def test_names_that_lead_inside(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Every host is allowed here; none of them may lead to this machine, or to a private network."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *arguments: Any, **more: Any) -> Any:
        if host != "inside.example":
            return real(host, port, *arguments, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    shown = f"[{address}]" if ":" in address else address
    for source in ("http://inside.example/x.json", "https://inside.example/x.json", f"http://{shown}/x.json"):
        ended = (await client.post("/flow/execute-sync", json=_task("fetch_data", data_source=source))).json()
        assert ended["status"] == "failed"
        assert "an address of a private network" in ended["error"]


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0", "localhost", "LOCALHOST.", "ip6-localhost"])
async def test_other_ways_to_write_this_machine(client: httpx.AsyncClient, host: str) -> None:
    """However this machine is written, the request does not come to it."""
    flow = _task("fetch_data", data_source=f"http://{host}/x.json")
    ended = (await client.post("/flow/execute-sync", json=flow)).json()
    assert ended["status"] == "failed"
    assert "private network" in ended["error"] or "was not found" in ended["error"] or "two ways" in ended["error"]


async def test_a_redirect_inside(client: httpx.AsyncClient, manager: FlowManager, tmp_path: Path) -> None:
    """A host that may be asked does not lead on to one that may not."""

    async def redirects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/secret\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirects, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with FlowManager(tmp_path / "other.db", allow_hosts=["*", host]) as other, serving_here(other) as place:
            flow = _task("fetch_data", data_source=f"http://{host}/x.json")
            ended = (await client.post(f"{place}/flow/execute-sync", json=flow)).json()
    assert ended["status"] == "failed"
    assert "host '127.0.0.1:1' is not allowed; that is an address of a private network" in ended["error"]


async def test_answers_are_sent_at_once(url: str) -> None:
    """Connections do not wait for more to send: a request on one that is kept would take 40 ms each."""
    seen: list[int] = []
    accepted = protocol.PatientProtocol.connection_made

    def noting(self: protocol.PatientProtocol, transport: Any) -> None:
        seen.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        accepted(self, transport)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol.PatientProtocol, "connection_made", noting)
        async with exchange(url) as (reader, writer):
            writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    assert [bool(option) for option in seen] == [True]
