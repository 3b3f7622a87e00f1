"""The service and its description agree, whatever is asked: schemathesis finds out, within bounds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from serving import serving

SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "10"))
FLOW = {"id": "orders", "name": "Orders", "start_task": "fetch_data", "tasks": [{"name": "fetch_data"}]}
LEFT_OUT = "stream$|import$"
"""Streams do not end, and an import is no JSON: they are asked elsewhere."""


@pytest.mark.processes
@pytest.mark.parametrize(("phases", "examples"), [("examples,coverage,fuzzing", 3), ("stateful", 100)])
def test_schemathesis_finds_nothing(tmp_path: Path, phases: str, examples: int) -> None:
    """Examples, edges and links of all operations give what the description says, and never a server error."""
    config = Path(__file__).with_name("schemathesis.toml")
    with serving(tmp_path) as service:
        started = service.post("/flow/execute-sync", {"flow": FLOW, "execution_id": "orders-4711"})
        assert started.status == 200, started.body
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
                *("run", f"{service.url}/openapi.json", "--exclude-path-regex", LEFT_OUT),
                *("--phases", phases, "--max-examples", str(examples * SECONDS // 10), "--max-time", str(SECONDS)),
                *("--request-timeout", "5", "--seed", "1", "--no-shrink", "--no-color", "--warnings", "off"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=3 * SECONDS + 60,
            check=False,
        )
        print(*[line for line in ran.stdout.splitlines() if "generated" in line or "Links" in line], sep="\n")
        assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
        assert service.stop() == 0
        assert "Traceback" not in "\n".join(service.said)
