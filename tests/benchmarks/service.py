"""Requests of the service beside a bare FastAPI route that returns a constant: ratios, for the load shares the cores.

Both are processes of their own, under the same uvicorn, asked in turns by wrk over connections that are kept. `status`
is GET /flow/{id}/status of an ended execution; `execute-sync` runs a flow of three tasks without delays, and is durable
when it is answered. Every figure is the median of the rounds of one run.

Run: python tests/benchmarks/service.py [--rounds 5] [--seconds 3] [--durability full]
Needs wrk (Debian: apt-get install wrk).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

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
    """What is asked: a GET, or a POST of a flow with the words of a wrk script."""

    url: str
    script: Path | None = None


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


def post_of(body: str, folder: Path) -> Path:
    """The script with which wrk posts a body."""
    script = folder / "post.lua"
    quoted = json.dumps(body)
    script.write_text(f'wrk.method = "POST"\nwrk.body = {quoted}\nwrk.headers["Content-Type"] = "application/json"\n')
    return script


def measure(asked: Question, connections: int, seconds: int) -> Figures:
    """Ask for so long, over so many connections at once."""
    words = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s"]
    words += ["-s", str(asked.script)] if asked.script else []
    said = subprocess.run([*words, asked.url], capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said)
    assert rate is not None, said
    assert p99 is not None, said
    return Figures(float(rate[1]), float(p99[1]) / {"us": 1e6, "ms": 1e3, "s": 1}[p99[2]])


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


def compare(service: str, bare: str, folder: Path, rounds: int, seconds: int) -> None:
    """Ask both in turns, and say what came of it."""
    flow = json.dumps({"flow": FLOW})
    with urllib.request.urlopen(f"{service}/flow/execute-sync", flow.encode()) as answer:
        ran = json.load(answer)
    assert ran["status"] == "completed", ran
    post = post_of(flow, folder)
    pairs = {
        "status": (Question(f"{service}/flow/{ran['execution_id']}/status"), Question(f"{bare}/constant")),
        "execute-sync": (Question(f"{service}/flow/execute-sync", post), Question(f"{bare}/constant", post)),
    }
    for name, (ours, theirs) in pairs.items():
        for connections in CONNECTIONS:
            figures: tuple[list[Figures], list[Figures]] = ([], [])
            for asked in (ours, theirs) if rounds > 1 else ():
                measure(asked, connections, 1)  # warm
            for _ in range(rounds):
                figures[0].append(measure(ours, connections, seconds))
                figures[1].append(measure(theirs, connections, seconds))
            say(name, connections, *map(median, figures))


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("expected wrk, which makes the load; on Debian: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        serve = ("-m", "flowsm", "serve", "flows.db", "--port", "0", "--durability", given.durability)
        service = stack.enter_context(process(folder, *serve))
        bare = stack.enter_context(process(folder, "-c", BARE))
        print("requests per second of the service, of a bare route, and their ratio; the same of the 99th percentile")
        compare(service, bare, folder, given.rounds, given.seconds)


if __name__ == "__main__":
    main()
