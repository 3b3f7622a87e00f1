"""Requests of the service beside a bare FastAPI route that returns a constant: ratios, for the client shares the cores.

Both are processes of their own, under the same uvicorn, asked in turns by one asyncio client over connections that are
kept. `status` is GET /flow/{id}/status of an ended execution; `execute-sync` runs a flow of three tasks without delays,
and is durable when it is answered. Every figure is the median of the rounds of one run.

Run: python tests/benchmarks/service.py [--rounds 5] [--requests 400]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
CONNECTIONS = (1, 8)
FLOW = {
    "id": "three",
    "name": "Three",
    "start_task": "fetch_data",
    "tasks": [{"name": "fetch_data"}, {"name": "process_data"}, {"name": "store_data"}],
    "conditions": [
        {"source_task": "fetch_data", "target_task_success": "process_data"},
        {"source_task": "process_data", "target_task_success": "store_data"},
    ],
}
BARE = """
import socket, uvicorn
from fastapi import FastAPI

app = FastAPI()

@app.get("/constant")
@app.post("/constant")
async def constant():
    return {"status": "completed"}

listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
listening.listen()
print(f"at http://127.0.0.1:{listening.getsockname()[1]};", flush=True)
config = uvicorn.Config(app, access_log=False, log_level="warning", http="h11", ws="none")
uvicorn.Server(config).run(sockets=[listening])
"""


class Figures(NamedTuple):
    """What one round gave."""

    rate: float
    p99_seconds: float


class Question(NamedTuple):
    """What is asked of whom, as bytes."""

    url: str
    request: bytes


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[str]:
    """A server's URL; it is ended at the end."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert running.stdout is not None
            found = next(filter(None, (re.search(r"at (http://\S+);", line) for line in running.stdout)))
            yield found[1]
        finally:
            running.kill()


def question(url: str, method: str, path: str, body: bytes = b"") -> Question:
    """A request on a connection that is kept."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return Question(url, head.encode() + body)


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The body of a good answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    found = re.search(rb"content-length: (\d+)", head.lower())
    assert found is not None
    return await reader.readexactly(int(found[1]))


async def once(asked: Question) -> bytes:
    """One answer."""
    address = urlsplit(asked.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(asked.request)
    body = await answer(reader)
    writer.close()
    return body


async def measure(asked: Question, connections: int, requests: int) -> Figures:
    """Ask so often, over so many connections at once."""
    address = urlsplit(asked.url)
    took: list[float] = []

    async def client(count: int) -> None:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for _ in range(count):
            began = time.perf_counter()
            writer.write(asked.request)
            await answer(reader)
            took.append(time.perf_counter() - began)
        writer.close()

    await client(max(1, requests // 20))  # warm
    took.clear()
    began = time.perf_counter()
    await asyncio.gather(*(client(requests // connections) for _ in range(connections)))
    rate = len(took) / (time.perf_counter() - began)
    return Figures(rate, sorted(took)[max(0, len(took) * 99 // 100 - 1)])


def median(rounds: list[Figures]) -> Figures:
    """Of each figure by itself."""
    return Figures(*(statistics.median(column) for column in zip(*rounds, strict=True)))


def say(name: str, connections: int, ours: Figures, bare: Figures) -> None:
    """One line."""
    print(
        f"{name:<13} {connections} connection{'s' if connections > 1 else ' '}  "
        f"{ours.rate:8,.0f}/s of {bare.rate:8,.0f}/s: {ours.rate / bare.rate:5.2f}   "
        f"p99 {ours.p99_seconds * 1000:7.2f} ms beside {bare.p99_seconds * 1000:6.2f} ms: "
        f"{ours.p99_seconds / bare.p99_seconds:5.2f}"
    )


async def compare(service: str, bare: str, rounds: int, requests: int) -> None:
    """Ask both in turns, and say what came of it."""
    flow = json.dumps({"flow": FLOW}).encode()
    ran = json.loads(await once(question(service, "POST", "/flow/execute-sync", flow)))
    assert ran["status"] == "completed", ran
    pairs = {
        "status": (
            question(service, "GET", f"/flow/{ran['execution_id']}/status"),
            question(bare, "GET", "/constant"),
        ),
        "execute-sync": (
            question(service, "POST", "/flow/execute-sync", flow),
            question(bare, "POST", "/constant", flow),
        ),
    }
    for name, (ours, theirs) in pairs.items():
        for connections in CONNECTIONS:
            figures: tuple[list[Figures], list[Figures]] = ([], [])
            for _ in range(rounds):
                figures[0].append(await measure(ours, connections, requests))
                figures[1].append(await measure(theirs, connections, requests))
            say(name, connections, *map(median, figures))


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        serve = ("-m", "flowsm", "serve", "flows.db", "--port", "0", "--durability", given.durability)
        service = stack.enter_context(process(folder, *serve))
        bare = stack.enter_context(process(folder, "-c", BARE))
        print("requests per second of the service, of a bare route, and their ratio; the same of the 99th percentile")
        asyncio.run(compare(service, bare, given.rounds, given.requests))


if __name__ == "__main__":
    main()
