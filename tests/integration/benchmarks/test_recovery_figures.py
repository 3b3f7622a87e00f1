"""The benchmark of recovery runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_benchmark_of_recovery_prints_its_figures() -> None:
    """With small figures it runs through, and names each of the four things that it measures."""
    script = ROOT / "tests" / "benchmarks" / "recovery.py"
    small = ["--executions", "20", "--sleeping", "50", "--seconds", "0.3", "--commands", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, str(script), *small], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    for figure in ("taken up per second", "bytes each; idle", "the loop's lateness beside 100", "(promised 500 ms)"):
        assert figure in run.stdout
