"""One vocabulary over Python, the command line and HTTP: verbs and their parameters, read from the three themselves.

Whatever one of them has, and another has not, or calls by another name, is listed here with its reason; and what is
listed is so.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from flowsm import FlowManager
from flowsm.cli.app import COMMANDS, app

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "schemas" / "openapi.json").read_text("utf-8"))

CLI_VERBS = {
    "executions": "ls",  # what every shell calls it
    "get_flow_status": "show",
    "state_at": "state",
    "remove_flow": "remove",
    "import_archive": "import",
}
"""Verbs that the command line has under a shorter name."""
REST_VERBS = {
    "run": "execute_sync",  # the paths of the earlier flow manager
    "begin": "execute",
    "timeline": "get_timeline",
    "measures": "metrics",
    "ready": "health_ready",
    "tail": "stream_all",
}
"""Verbs that HTTP has under the name of an earlier path, or of a custom of the web."""

NO_PYTHON = {
    "cli init": "writes a sample to begin with",
    "cli validate": "flowsm.check_flow: it needs no manager",
    "cli graph": "FlowMachine.diagram",
    "cli worker": "work, with a webhook and signals of the process around it",
    "cli serve": "flowsm.service.create_app",
    "cli top": "a screen over executions",
    "cli debug": "browse, with prompts",
    "cli testgen": "replay and generate_test, in one go",
    "cli redrive": "another name of retry, for those who know it",
    "cli schema": "a text that the package holds",
    "rest index": "what can be asked",
    "rest health": "ready, as the earlier manager had it",
    "rest health_live": "that the process answers",
    "rest validate": "flowsm.check_flow",
    "rest get_flow": "get_flow_status, with all of its fields",
    "rest get_task_result": "a part of get_flow_status",
    "rest attempts": "a part of history",
    "rest graph": "FlowMachine.diagram, and as data",
    "rest stream": "tail, of one execution",
    "rest tasks": "TaskFactory.types",
    "rest flow_schema": "a text that the package holds",
    "rest events_schema": "likewise",
}
"""What is no verb of the manager's."""

NO_CLI = {
    "compare": "diff, with the id of another execution",
    "create": "the command line runs what it creates",
    "create_flow_execution": "likewise",
    "start": "likewise",
    "begin": "likewise",
    "execute_flow": "run takes an id as well",
    "finish": "likewise",
    "definition": "graph and export show a flow",
    "definitions": "ls and coverage name them",
    "measures": "summary and doctor tell people; figures are for programs",
    "tail": "follow keeps its place",
    "work": "worker",
    "ready": "a process that answers is",
    "plan_fork": "fork --dry-run",
    "rehearse_upgrade": "upgrade --dry-run",
    "upgrade_in_bulk": "upgrade takes filters",
    "in_bulk": "the verbs take filters",
    "rehearse": "whatif says it for people",
}
"""Verbs of the manager's that the command line has not, or in another one."""

NO_REST = {
    "compare": "diff, with the id of another execution",
    "create_flow_execution": "create, for those without a loop",
    "start": "create takes start_at and paused",
    "execute_flow": "execute",
    "finish": "execute, with Prefer: wait",
    "plan_fork": "fork with dry_run",
    "rehearse_upgrade": "upgrade with dry_run",
    "upgrade_in_bulk": "a caller asks for each; many at once are for who has the file",
    "in_bulk": "likewise",
    "rehearse": "whatif says it for people",
    "coverage": "for who writes flows, at the file",
    "work": "the service works as long as it runs",
    "follow": "the streams of events",
    "subscriptions": "their places are kept in the file, by who follows it",
    "anchor": "files of the operator's machine",
    "archive": "likewise",
    "backup": "likewise",
    "doctor": "what it finds is told to who can mend it",
    "verify": "it reads the whole file",
    "rebuild": "it writes the whole file",
}
"""Verbs of the manager's that HTTP has not, or in another one."""

PYTHON_ONLY = {
    "anchor_lines": "anchor, without a file",
    "browse": "a history that is looked at step by step: explain, state_at and timeline ask one question each",
    "close": "the end of a manager",
    "holds": "part of explain",
    "left": "what a worker asks before it leaves",
    "listing": "the window of a screen over executions",
    "load_flow_config": "validate, against the registered types",
    "log_version": "what a service asks",
    "machine_of": "the machine, for what draws it",
    "on_commit": "what a service asks",
    "open_file": "a log, or an export, to be read",
    "operate": "what the verbs of operators have in common",
    "owners": "part of explain",
    "refresh": "part of browse",
    "remove_subscription": "subscriptions --remove",
    "replay": "the states that state_at and timeline are made of",
    "resolve_id": "the command line takes unique beginnings of ids; programs have whole ones",
    "stop_telling": "the end of a manager",
    "version": "a number to compare",
}
"""Verbs that are for programs in the same process."""

CLI_WORDS = {
    "ID": "execution_id",
    "id": "execution_id",
    "key": "idempotency_key",
    "data": "payload",
    "set": "overrides",
    "all": "everything",
    "as": "resolution",
    "to": "flow",
    "FLOW_FILE": "flow",
    "FILE": "path",
    "output": "path",
    "FILE|ID": "flow",
    "type": "types",
}
"""Words that are shorter where they are typed; of `FILE|ID` one is a flow, the other an id."""
CLI_WORDS_OF = {
    ("diff", "SECOND"): "first",  # or the id of another execution
    ("diff", "THIRD"): "second",
    ("fork", "id"): "fork_id",
    ("resolve", "data"): "data",
}
"""Words that mean something else with one verb."""
REST_WORDS = {"Idempotency-Key": "idempotency_key", "If-Match": "expected_seq", "Last-Event-ID": "after"}
"""Words that HTTP has headers for."""
CLI_OWN = {
    "allow_dir", "allow_host", "db", "durability", "format", "json", "log_format", "otel", "tasks",
}  # fmt: skip
"""How the command line opens a log, and shows what it finds."""
REST_OWN = {"If-None-Match", "Prefer"}
"""How HTTP answers."""
BULK = ("everything", "flow", "since", "status", "dry_run")
BULK_VERBS = ("cancel", "pause", "resume", "retry", "remove_flow")

DIFFERENCES: dict[tuple[str, str], tuple[set[str], str]] = {
    **{(verb, word): ({"cli"}, "many at once: in_bulk") for verb in BULK_VERBS for word in BULK},
    **{
        (verb, "expected_seq"): ({"rest"}, "operate takes it: who looks at a page acts on what it showed")
        for verb in (*BULK_VERBS, "resolve")
    },
    **{("upgrade", word): ({"cli"}, "many at once: upgrade_in_bulk") for word in ("status", "since", "everything")},
    ("coverage", "every_version"): ({"python"}, "--all: the same, in a word"),
    ("coverage", "everything"): ({"cli"}, "likewise"),
    ("follow", "limit"): ({"cli"}, "who iterates can stop"),
    ("subscriptions", "remove"): ({"cli"}, "remove_subscription"),
    ("tail", "limit"): ({"python"}, "a stream goes on"),
    **{
        (verb, "expected_seq"): ({"python", "rest"}, "who types it has seen no seq, or has just been told")
        for verb in ("signal", "fork", "upgrade")
    },
    ("upgrade", "dry_run"): ({"cli", "rest"}, "rehearse_upgrade"),
    ("fork", "dry_run"): ({"cli", "rest"}, "plan_fork"),
    ("fork", "input"): ({"cli"}, "overrides of /input, from a file"),
    ("fork", "traceparent"): ({"python", "rest"}, "who forks at a terminal is part of no trace"),
    ("resolve", "message"): ({"python", "rest"}, "--reason says it"),
    ("run", "start_at"): ({"rest"}, "start, whose end is waited for"),
    ("run", "paused"): ({"rest"}, "likewise"),
    ("create", "start_at"): ({"rest"}, "start"),
    ("create", "paused"): ({"rest"}, "likewise"),
    ("explain", "task_types"): ({"python"}, "the command line and HTTP have those that are registered"),
    ("whatif", "flow_id"): ({"python"}, "the flow whose executions are rehearsed is `flow` elsewhere"),
    ("export", "path"): ({"python", "cli"}, "the answer is the file"),
    ("import_archive", "path"): ({"python", "cli"}, "the body is the file"),
    ("import_archive", "allow_secrets"): (
        {"python"},
        "who types it decides by importing, and a service's operator has",
    ),
    ("state_at", "seq"): ({"python", "cli"}, "`at` in a path that says `state`"),
    ("state_at", "at"): ({"rest"}, "likewise"),
    ("diff", "patch"): ({"cli", "rest"}, "json_patch of what it gives"),
    ("diff", "other"): ({"rest"}, "compare"),
}
"""By verb and parameter: which of the three have it, and why not all."""


def _python() -> dict[str, set[str]]:
    found = inspect.getmembers(FlowManager, callable)
    return {name: {*inspect.signature(one).parameters} - {"self"} for name, one in found if not name.startswith("_")}


def _cli() -> dict[str, set[str]]:
    found = {}
    for name in COMMANDS:
        words = {argument.names[0].lstrip("-") for argument in app[name].assemble_argument_collection()}
        plain = {word.replace("-", "_") for word in words - {"*"}}
        known = {CLI_WORDS_OF.get((name, word)) or CLI_WORDS.get(word, word.lower()) for word in plain}
        found[name] = known - CLI_OWN
    return found


def _properties(schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:  # a flow that was posted: what stands beside it
        return {name for part in schema["anyOf"] if "properties" in part for name in part["properties"]}
    return set(schema.get("properties", ()))


def _rest() -> dict[str, set[str]]:
    found = {}
    for methods in DOCUMENT["paths"].values():
        for one in methods.values():
            words = {given.get("name") or given["$ref"].rpartition("/")[2] for given in one["parameters"]}
            for content in one.get("requestBody", {"content": {}})["content"].values():
                words |= _properties(content["schema"]) - {"$schema", "flow_config"}
            found[one["operationId"]] = {REST_WORDS.get(word, word) for word in words} - REST_OWN
    return found


PYTHON, CLI, REST = _python(), _cli(), _rest()
VERBS = {
    name: {
        "python": words,
        **({"cli": CLI[CLI_VERBS.get(name, name)]} if CLI_VERBS.get(name, name) in CLI else {}),
        **({"rest": REST[REST_VERBS.get(name, name)]} if REST_VERBS.get(name, name) in REST else {}),
    }
    for name, words in PYTHON.items()
}


def test_every_verb_is_on_all_three_faces() -> None:
    """What the manager can do, the command line and HTTP can, by the same name; or the tables say why not."""
    lacking_cli = {name for name, faces in VERBS.items() if "cli" not in faces}
    lacking_rest = {name for name, faces in VERBS.items() if "rest" not in faces}
    assert lacking_cli == NO_CLI.keys() | PYTHON_ONLY.keys()
    assert lacking_rest == NO_REST.keys() | PYTHON_ONLY.keys()
    assert not PYTHON_ONLY.keys() & (NO_CLI.keys() | NO_REST.keys())


def test_no_face_has_verbs_of_its_own() -> None:
    """What the command line, or HTTP, can do is a verb of the manager's; or the tables say what it is."""
    known_cli = {CLI_VERBS.get(name, name) for name in PYTHON}
    known_rest = {REST_VERBS.get(name, name) for name in PYTHON}
    own = {f"cli {name}" for name in CLI.keys() - known_cli} | {f"rest {name}" for name in REST.keys() - known_rest}
    assert own == NO_PYTHON.keys()
    assert {*CLI_VERBS, *REST_VERBS} <= PYTHON.keys()


SHARED = sorted(name for name, faces in VERBS.items() if len(faces) > 1)


@pytest.mark.parametrize("verb", SHARED)
def test_parameters_have_one_name(verb: str) -> None:
    """A verb takes the same on every face, under one name; or the table says where not, and why."""
    faces = VERBS[verb]
    found = {
        (verb, word): {face for face, words in faces.items() if word in words}
        for word in set().union(*faces.values())
        if not all(word in words for words in faces.values())
    }
    assert found == {place: having for place, (having, _) in DIFFERENCES.items() if place[0] == verb}


def test_differences_are_of_verbs_that_are_shared() -> None:
    """No difference is listed of what is not there."""
    assert {verb for verb, _ in DIFFERENCES} <= set(SHARED)
    assert all(reason for _, reason in DIFFERENCES.values())
