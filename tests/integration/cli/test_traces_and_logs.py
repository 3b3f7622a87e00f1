"""`--otel` and `--log-format`, as processes: one trace over a crash, and lines that are JSON whatever tasks print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 40
ASKED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TASKS = r"""
import logging, os, sys, time
from flowsm import task

print("imported")

@task("first")
async def first(context) -> str:
    context.logger.info("told %s", '\n{"forged": true}')
    print('{"forged": 1}\n{"forged": 2}')
    print("\x1b[2K\r\u2028\x85", file=sys.stderr)
    logging.getLogger("mine").warning("\ud800")
    return "xyzzy"

@task("slow")
def slow() -> str:
    open("began", "a").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    raise ConnectionError("no answer")

@task("last")
async def last(context) -> str:
    try:
        raise KeyError("k")
    except KeyError:
        context.logger.exception("caught")
    return "done"
"""
SDK = """
import json
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
line = lambda span: json.dumps(json.loads(span.to_json())) + "\\n"
exporter = ConsoleSpanExporter(out=open("spans", "a", buffering=1), formatter=line)
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
"""
FLOW = {
    "id": "demo",
    "name": "Demo",
    "start_task": "first",
    "tasks": [{"name": "first", "parameters": {}}, {"name": "slow"}, {"name": "last"}],
    "conditions": [
        {"source_task": "first", "target_task_success": "slow"},
        {"source_task": "slow", "target_task_success": "last", "target_task_failure": "last"},
    ],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "flow.json").write_text(json.dumps(FLOW))
    (tmp_path / "tasks.py").write_text(TASKS)
    (tmp_path / "sdk.py").write_text(SDK + TASKS)
    return tmp_path


def begin(folder, *argv, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "FLOWSM_DB"}}
    return subprocess.Popen(
        [sys.executable, "-m", "flowsm", *argv],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def until(file):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} did not come"
        os.sched_yield()


def ended(child):
    out, err = child.communicate(timeout=DEADLINE_SECONDS)
    return child.returncode, out, err


def parsed(err):
    """Each line of stderr, as the one JSON value that it is; however lines are told apart."""
    assert err.splitlines() == err.removesuffix("\n").split("\n")
    return [json.loads(line) for line in err.splitlines()]


def test_what_a_killed_process_began_goes_on_in_the_same_trace(folder):
    """A run that is killed and the worker that takes it up make spans of one trace: that of $TRACEPARENT."""
    child = begin(folder, "run", "flow.json", "--tasks", "sdk.py", "--otel", "--id", "x", TRACEPARENT=ASKED)
    until(folder / "began")
    child.kill()
    ended(child)
    (folder / "began").unlink()
    worker = begin(folder, "worker", "--tasks", "sdk.py", "--otel", "--lease", "0.5")
    until(folder / "began")
    (folder / "go").touch()
    assert worker.stderr is not None
    spans = folder / "spans"
    deadline = time.monotonic() + DEADLINE_SECONDS
    while '"run Demo"' not in spans.read_text():
        assert time.monotonic() < deadline
        os.sched_yield()
    worker.send_signal(signal.SIGTERM)
    assert ended(worker)[0] == 0

    found = [json.loads(line) for line in spans.read_text().splitlines()]
    assert [span["name"] for span in found] == ["create Demo", "first", "slow", "last", "run Demo"]
    assert {span["context"]["trace_id"] for span in found} == {f"0x{ASKED.split('-')[1]}"}
    create, _, slow, last, drive = found
    assert create["parent_id"] == f"0x{ASKED.split('-')[2]}"
    assert drive["parent_id"] == create["context"]["span_id"]
    assert slow["parent_id"] == last["parent_id"] == drive["context"]["span_id"]
    assert slow["status"] == {"status_code": "ERROR", "description": "ConnectionError"}
    assert slow["attributes"]["flowsm.execution.id"] == "x"
    assert "xyzzy" not in spans.read_text()


def test_every_line_of_a_worker_is_json(folder):
    """With --log-format json each line on a worker's stderr is one JSON value: what tasks print cannot forge another."""
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "x", TRACEPARENT=ASKED)
    until(folder / "began")
    child.kill()
    ended(child)
    (folder / "began").unlink()
    (folder / "go").touch()
    worker = begin(
        folder, "worker", "--tasks", "tasks.py", "--lease", "0.5", "--log-format", "json", PYTHONIOENCODING="ascii"
    )
    assert worker.stderr is not None
    read = []
    for line in worker.stderr:
        read.append(line)
        if '"execution.completed"' in line:
            break
    worker.send_signal(signal.SIGTERM)
    code, _, err = ended(worker)
    assert code == 0
    lines = parsed("".join(read) + err)

    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert all(line["time"].endswith("Z") for line in lines)
    assert not any("forged" in line for line in lines)
    engine = [line for line in lines if line["logger"] == "flowsm.execution"]
    assert [(line["level"], line["event"], line.get("task"), line["seq"]) for line in engine] == [
        ("WARNING", "task.interrupted", "slow", 8),
        ("WARNING", "task.completed", "slow", 10),
        ("INFO", "task.completed", "last", 13),
        ("INFO", "execution.completed", None, 15),
    ]
    assert {line["execution_id"] for line in engine} == {"x"}
    assert {line["trace_id"] for line in engine} == {ASKED.split("-")[1]}
    assert engine[1]["error"] == "ConnectionError"
    assert "no answer" not in json.dumps(engine)
    (caught,) = (line for line in lines if line["logger"] == "flowsm.task")
    assert {name: caught[name] for name in ("execution_id", "task", "visit", "attempt", "seq")} == {
        "execution_id": "x",
        "task": "last",
        "visit": 1,
        "attempt": 1,
        "seq": 12,
    }
    assert caught["exception"]["type"] == "KeyError"
    assert "raise KeyError" in caught["exception"]["traceback"]
    assert lines[0]["message"] == "imported"
    assert lines[-1]["message"] == "flowsm: stopped; nothing is left to do"


def test_a_run_logs_to_stderr_and_reports_to_stdout(folder):
    """`flowsm run --log-format json` keeps its report on stdout; what its tasks print is one record a line, and whose."""
    (folder / "go").touch()
    child = begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "x", "--log-format", "json", "--json")
    code, out, err = ended(child)
    assert (code, json.loads(out)["status"]) == (0, "completed")
    lines = parsed(err)
    printed = [line for line in lines if line["logger"] == "flowsm.printed"]
    assert [line["message"] for line in printed] == [
        "imported",
        '{"forged": 1}',
        '{"forged": 2}',
        "\x1b[2K\r\u2028\x85",
    ]
    assert [line.get("execution_id") for line in printed] == [None, "x", "x", "x"]
    assert [line["message"] for line in lines if line["logger"] == "mine"] == ["\\ud800"]
    assert "xyzzy" not in err
    assert "progress" not in err


def test_a_run_logs_text(folder):
    """`--log-format text` says the same for people, a line per record."""
    (folder / "go").touch()
    code, _, err = ended(begin(folder, "run", "flow.json", "--tasks", "tasks.py", "--id", "x", "--log-format", "text"))
    assert code == 0
    assert " INFO flowsm.execution task 'first' completed: success, " in err
    assert " execution_id=x flow_id=demo task=first visit=1 attempt=1 seq=5 " in err
    assert '{"forged": true}' in err
    assert '\n{"forged": true}' not in err


def test_errors_of_a_command_are_records_too(folder):
    """What the command itself says when it fails is JSON as well."""
    code, _, err = ended(begin(folder, "worker", "--log-format", "json"))
    assert code == 4
    assert "there is no log" in parsed(err)[-1]["message"]


def test_a_trace_of_the_command_line(folder):
    """--traceparent is kept; one that is none is a usage error, $TRACEPARENT is ignored then; none fits an id."""
    (folder / "go").touch()
    common = ("--tasks", "tasks.py", "--json")
    code, out, _ = ended(begin(folder, "run", "flow.json", *common, "--traceparent", ASKED, TRACEPARENT="none"))
    assert (code, json.loads(out)["traceparent"]) == (0, ASKED)
    code, out, _ = ended(begin(folder, "run", "flow.json", *common, "--id", "y", TRACEPARENT="none"))
    assert (code, json.loads(out)["traceparent"]) == (0, None)
    code, _, err = ended(begin(folder, "run", "flow.json", *common, "--traceparent", "none"))
    assert (code, "expected one of W3C Trace Context" in err) == (2, True)
    code, _, err = ended(begin(folder, "run", "y", *common, "--traceparent", ASKED))
    assert (code, "--traceparent is for new ones" in err) == (2, True)
