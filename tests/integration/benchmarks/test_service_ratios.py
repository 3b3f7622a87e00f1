"""The benchmark of the service runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_benchmark_of_the_service_prints_its_ratios() -> None:
    """With few requests it runs through, and has a line for each question and number of connections."""
    command = [sys.executable, str(ROOT / "tests/benchmarks/service.py"), "--rounds", "1", "--requests", "16"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    _, *lines = run.stdout.splitlines()
    assert [tuple(line.split()[:2]) for line in lines] == [
        ("status", "1"),
        ("status", "8"),
        ("execute-sync", "1"),
        ("execute-sync", "8"),
    ]
    assert all("p99" in line and "beside" in line for line in lines)
