"""The benchmark of the service runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_the_benchmark_of_the_service_prints_its_ratios() -> None:
    """In a short time it runs through, and has a line for each question and number of connections."""
    if shutil.which("wrk") is None and not os.environ.get("FLOWSM_NEEDS_WRK"):
        pytest.skip("wrk is not installed, which makes the load (Debian: apt-get install wrk)")
    command = [sys.executable, str(ROOT / "tests/benchmarks/service.py"), "--rounds", "1", "--seconds", "1"]
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
