"""A folder with a flow, and the command line called in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowsm.cli import main

FLOW = {
    "flow": {
        "id": "demo",
        "name": "Demo [bold]",
        "start_task": "fetch",
        "tasks": [
            {"name": "fetch", "task_type": "fetch_data"},
            {"name": "store", "task_type": "store_data"},
            {"name": "spare", "task_type": "store_data"},
        ],
        "conditions": [
            {
                "name": "some",
                "source_task": "fetch",
                "target_task_success": "store",
                "target_task_failure": "spare",
                "when": [{"path": "/results/fetch/data/count", "op": "gt", "value": 0}],
            }
        ],
    }
}
FAILING = {
    "id": "bad",
    "name": "Bad",
    "start_task": "fetch",
    "tasks": [{"name": "fetch", "task_type": "fetch_data", "parameters": {"failure_rate": 1}}],
}


@dataclass
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Flowsm = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWSM_DB", raising=False)
    (tmp_path / "flow.json").write_text(json.dumps(FLOW))
    (tmp_path / "bad.json").write_text(json.dumps(FAILING))
    return tmp_path


@pytest.fixture
def flowsm(folder: Path, capsys: pytest.CaptureFixture[str]) -> Flowsm:
    def call(*argv: str) -> Ran:
        code = main(argv)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call
