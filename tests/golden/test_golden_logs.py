"""Old logs: what was once written is opened, and folds to the same rows, for ever."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager, TaskFactory
from flowsm.events.facts import FACTS

FOLDER = Path(__file__).parent
NAMES = sorted(path.name.removesuffix(".db.gz") for path in FOLDER.glob("*.db.gz"))


def load_make() -> Any:
    """The script that makes golden logs."""
    spec = importlib.util.spec_from_file_location("make_golden", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = load_make()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each golden log."""
    kept: str = request.param
    return kept


@pytest.fixture
def path(name: str, tmp_path: Path) -> Path:
    """A copy of it."""
    path = tmp_path / "flowsm.db"
    path.write_bytes(gzip.decompress((FOLDER / f"{name}.db.gz").read_bytes()))
    return path


def promised(name: str) -> Any:
    """What it must come to."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def text_of(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def narrowed(found: Any, wanted: Any) -> Any:
    """What is found, without the fields of records that are newer than what is wanted."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {key: narrowed(found[key], wanted[key]) for key in wanted}
    if isinstance(wanted, list) and isinstance(found, list) and len(found) == len(wanted):
        return [narrowed(one, other) for one, other in zip(found, wanted, strict=True)]
    return found


def test_every_kind_of_event_is_kept() -> None:
    """The golden logs hold an event of each type and version that flowsm records today."""
    seen: set[tuple[str, int]] = set()
    for name in NAMES:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(gzip.decompress((FOLDER / f"{name}.db.gz").read_bytes()).replace(b"\2\2", b"\1\1", 1))
        seen |= set(connection.execute("SELECT DISTINCT type, version FROM events"))
        connection.close()
    missing = {(fact.TYPE, fact.VERSION) for fact in FACTS} - seen
    assert not missing, f"extend tests/golden/make.py by {missing}, and make another golden log"


def test_it_folds_to_the_same_executions(name: str, path: Path) -> None:
    """Every execution of the old log is what its callers saw when it was written, byte for byte."""
    wanted = promised(name)["executions"]
    found = narrowed(json.loads(json.dumps(asyncio.run(make.executions_in(path)))), wanted)
    assert text_of(found) == text_of(wanted)


async def test_it_is_opened_and_folds_to_the_same_rows(name: str, path: Path) -> None:
    """Today's flowsm opens the old file, finds nothing wrong in it, and makes the same rows of it again."""
    wanted = promised(name)["rows"]
    assert text_of(narrowed(make.rows_in(path), wanted)) == text_of(wanted)
    async with FlowManager(path, tasks=TaskFactory()) as manager:
        report = await manager.verify()
        assert report.ok, report.problems
        assert report.events > 50
        assert (await manager.rebuild()).ok
        assert (await manager.verify()).ok
    assert text_of(narrowed(make.rows_in(path), wanted)) == text_of(wanted)


async def test_it_goes_on(path: Path) -> None:
    """What had not ended in the old log is run to its end by today's flowsm."""
    tasks = TaskFactory()
    tasks.register_task("work", lambda **_: {"n": 1})
    async with FlowManager(path, tasks=tasks) as manager:
        for unfinished in ("waiting", "running", "created"):
            ended = await manager.execute_flow(unfinished)
            assert ended.ended_at is not None
        assert (await manager.verify()).ok


def test_one_command_makes_another(tmp_path: Path) -> None:
    """A new golden log is made whole, and always the same; one that is there is never written again."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        make.make("new", tmp_path / folder)
    kept = [(tmp_path / folder / "new.json").read_bytes() for folder in ("one", "two")]
    assert kept[0] == kept[1]
    with pytest.raises(SystemExit, match="never written again"):
        make.make("new", tmp_path / "one")
    shutil.rmtree(tmp_path / "two")
    with pytest.raises(SystemExit, match="usage"):
        make.main([])
