"""`--tasks`: the user's code, and what is said when it is broken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from flowsm.cli.tasks_option import load_tasks
from flowsm.errors import NotFound, UsageError

GOOD = 'from flowsm import task\n@task("{name}")\ndef it() -> int:\n    return 1\n'


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    return folder


def test_a_file_and_a_module_register_their_task_types(here: Path) -> None:
    """Both spellings run the code once, also when they are given twice."""
    (here / "file_tasks.py").write_text(GOOD.format(name="of_file"))
    (here / "module_tasks.py").write_text(GOOD.format(name="of_module"))
    for _ in range(2):
        types = load_tasks(["./file_tasks.py", "module_tasks"]).types()
        assert {"of_file", "of_module", "fetch_data"} <= set(types)


def test_a_file_may_import_its_neighbours(here: Path) -> None:
    """The folder of a tasks file is searched, as a script's is."""
    (here / "sub").mkdir()
    (here / "sub" / "neighbour_of_tasks.py").write_text('NAME = "by_neighbour"\n')
    (here / "sub" / "t.py").write_text("from neighbour_of_tasks import NAME\n" + GOOD.replace('"{name}"', "NAME"))
    assert "by_neighbour" in load_tasks(["sub/t.py"]).types()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\nnope\n", "broken.py, line 2: NameError: name 'nope' is not defined"),
        ("x = 1\ndef f(:\n", "broken.py, line 2: SyntaxError"),
        ("import json\njson.loads('{')\n", "broken.py, line 2: JSONDecodeError"),
        ("import sys\nsys.exit(3)\n", "broken.py, line 2: SystemExit: 3"),
        ("class Odd(BaseException): ...\nraise Odd('no')\n", "broken.py, line 2: Odd: no"),
        ("import no_module_of_this_name\n", "broken.py, line 1: ModuleNotFoundError"),
        ("from flowsm import task\n\ntask(3)\n", "broken.py, line 3: expected @task"),
    ],
)
@pytest.mark.parametrize("as_module", [False, True])
def test_code_that_raises_is_named_with_file_and_line(here: Path, code: str, said: str, *, as_module: bool) -> None:
    """The sentence names the line of the user's file, not that of a library it called."""
    (here / "broken.py").write_text(code)
    with pytest.raises(UsageError) as caught:
        load_tasks(["broken" if as_module else "broken.py"])
    assert said in str(caught.value)
    assert not [name for name in sys.modules if name.startswith("broken_")]


def test_what_is_not_there_is_not_found(here: Path) -> None:
    """A missing file, a missing module, and a file whose name lacks its ending are told apart."""
    (here / "lacks_ending.py").write_text("")
    (here / "text.txt").write_text("")
    with pytest.raises(NotFound, match="no tasks file"):
        load_tasks(["gone.py"])
    with pytest.raises(NotFound, match=r"no module 'gone\.sub'"):
        load_tasks(["gone.sub"])
    sys.path[:] = [entry for entry in sys.path if entry not in {"", str(here)}]
    with pytest.raises(UsageError, match=r"ends in \.py"):
        load_tasks(["./text.txt"])


def test_a_file_without_tasks_is_noted(flowsm: Any, here: Path) -> None:
    """A tasks file that registers nothing is probably a mistake, but no error."""
    (here / "quiet.py").write_text("X = 1\n")
    ran = flowsm("run", "flow.json", "--tasks", "quiet.py")
    assert ran.code == 0
    assert "quiet.py registers no task type" in ran.err


def test_what_tasks_print_stays_out_of_the_data(flowsm: Any, here: Path) -> None:
    """A task's print goes to stderr, so stdout is JSON alone."""
    (here / "loud.py").write_text(
        'from flowsm import task\n@task("loud")\ndef loud() -> int:\n    print("NOISE")\n    return 1\n'
    )
    (here / "loud.json").write_text('{"id":"l","name":"l","start_task":"a","tasks":[{"name":"a","task_type":"loud"}]}')
    ran = flowsm("run", "loud.json", "--tasks", "loud.py", "--json")
    assert ran.json["task_results"]["a"]["data"] == 1
    assert "NOISE" in ran.err


def test_what_a_tasks_file_prints_is_talk(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Data alone goes to stdout, or `--json` could not be parsed."""
    (here / "chatty.py").write_text('print("hello")\n' + GOOD.format(name="chatty"))
    load_tasks(["chatty.py"])
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")
