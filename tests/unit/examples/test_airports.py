"""The example with the airports of the world."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowsm import FlowManager, check_flow
from flowsm.examples import airports


def test_files_are_written_once(tmp_path, capsys):
    """The flow and the CSV are put into the folder, which is made; what is there is kept as it is."""
    folder = tmp_path / "new"
    assert airports.main([str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"wrote {folder / name}" for name in ("airports.json", "airports.csv")
    ]
    (folder / "airports.json").write_text("mine")
    (folder / "airports.csv").unlink()

    assert airports.write_example(folder) == [folder / "airports.csv"]
    assert (folder / "airports.json").read_text() == "mine"


def test_default_is_the_working_folder(tmp_path, monkeypatch):
    """Without an argument the files go where one is."""
    monkeypatch.chdir(tmp_path)
    assert airports.main([]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["airports.csv", "airports.json"]


@pytest.mark.parametrize("arguments", [["a", "b"], ["--help"]])
def test_other_arguments_are_usage(arguments, capsys):
    """Two folders, or an option, are a matter of usage."""
    assert airports.main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_without_the_data_set_it_says_what_to_install(monkeypatch, capsys):
    """Where airportsdata is not installed, nothing is written, and the command that installs it is named."""
    monkeypatch.setattr(airports, "find_spec", lambda name: None)
    assert airports.main([]) == 1
    assert "pip install airportsdata" in capsys.readouterr().err


async def test_it_runs_on_all_of_them(tmp_path, monkeypatch):
    """The flow reads 28,000 airports, has no finding, and ranks more than 200 countries by their highest airport."""
    monkeypatch.chdir(tmp_path)
    airports.write_example(Path())
    assert check_flow(Path("airports.json")).findings == ()
    stored = tmp_path / "airports_by_country.csv"
    async with FlowManager() as manager:
        execution = await manager.run("airports.json")

    assert execution.path == ["fetch", "process", "store"]
    assert execution.completed_tasks == execution.path
    assert execution.task_results["fetch"].data["count"] > 28_000
    records = execution.task_results["process"].data["records"]
    assert len(records) > 200
    highest = [record["highest_metres"] for record in records]
    assert highest == sorted(highest, reverse=True)
    assert all(0 < record["mean_metres"] <= record["highest_metres"] < 5_000 for record in records)
    assert stored.read_text("utf-8").count("\n") == len(records) + 1
