"""Documents that are flows: each must load, fit the schema, and keep its digest."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from flowsm.definition.digest import canonical_json, flow_digest, flow_from_canonical
from flowsm.definition.load import check_flow, load_flow
from flowsm.definition.schema import flow_schema

VALID = Path(__file__).parents[2] / "flows" / "valid"
NAMES = sorted(path.name for path in VALID.iterdir())
SCHEMA = Draft202012Validator(flow_schema())


def raw(path: Path):
    text = path.read_text("utf-8-sig")
    if path.suffix == ".toml":
        return tomllib.loads(text)
    return yaml.load(text, yaml.BaseLoader) if path.suffix in {".yaml", ".yml"} else json.loads(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_document_loads_without_errors(name):
    """A document of the corpus has no errors, and only the one made for it has warnings."""
    checked = check_flow(VALID / name)

    assert checked.flow is not None
    assert load_flow(str(VALID / name)) == checked.flow
    assert bool(checked.findings) == (name == "dead-parts.json")


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_document_fits_the_schema(name):
    """An editor that checks by the schema accepts every document that loads, and its canonical form."""
    if "yaml" not in name:
        SCHEMA.validate(raw(VALID / name))
    SCHEMA.validate(json.loads(canonical_json(load_flow(VALID / name))))


@pytest.mark.parametrize("name", NAMES)
def test_canonical_json_is_a_document_and_gives_the_flow_back(name):
    """What is stored decodes to the same flow, with its tasks in the order of their names, and loads as well."""
    flow = load_flow(VALID / name)

    stored = canonical_json(flow)

    again = flow_from_canonical(stored)
    assert again.tasks == tuple(sorted(flow.tasks, key=lambda task: task.name))
    assert (again.id, again.name, again.start_task, again.conditions) == (
        flow.id,
        flow.name,
        flow.start_task,
        flow.conditions,
    )
    assert load_flow(stored) == again
    assert load_flow(flow) == flow
    assert flow_digest(again) == flow_digest(flow)
    assert canonical_json(again) == stored


def test_the_three_wrappings_are_one_flow():
    """How a flow is wrapped does not change it."""
    names = ("three-tasks.json", "three-tasks-in-flow-config.json", "three-tasks-bare.json")

    assert len({flow_digest(load_flow(VALID / name)) for name in names}) == 1


def test_dead_parts_are_warned_of():
    """What can never be reached, asked, met or used is a warning, which does not refuse the flow."""
    checked = check_flow(VALID / "dead-parts.json")

    assert [(finding.code, finding.pointer) for finding in checked.findings] == [
        ("wrong_type", "/tasks/0/parameters/timeout"),
        ("out_of_range", "/tasks/0/retry/initial_interval"),
        ("wrong_type", "/tasks/1/parameters/timeout"),
        ("wrong_type", "/tasks/1/parameters/retry_count"),
        ("unreachable_task", "/tasks/2"),
        ("target_never_taken", "/conditions/0/target_task_failure"),
        ("condition_never_met", "/conditions/1"),
        ("condition_never_met", "/conditions/2"),
        ("condition_never_met", "/conditions/3"),
        ("condition_never_met", "/conditions/4"),
        ("condition_never_asked", "/conditions/5"),
    ]
    assert {finding.severity for finding in checked.findings} == {"warning"}


def test_a_cleaning_that_nothing_ends_is_warned_of():
    """An on_cancel task without a timeout may hang a cancellation; one with a timeout, or a mere pause, may not."""
    cleaners = {
        "without": {"name": "c"},
        "own": {"name": "c", "timeout": 5},
        "parameter": {"name": "c", "parameters": {"timeout": 5}},
        "pause": {"name": "c", "task_type": "wait", "parameters": {"seconds": 1}},
    }
    found = {}
    for name, cleaner in cleaners.items():
        checked = check_flow({"id": "f", "name": "F", "start_task": "c", "on_cancel": "c", "tasks": [cleaner]})
        found[name] = [(finding.code, finding.pointer, finding.severity) for finding in checked.findings]

    assert found == {
        "without": [("on_cancel_without_timeout", "/on_cancel", "warning")],
        "own": [],
        "parameter": [],
        "pause": [],
    }


def test_defaults_are_filled_in():
    """A task's type and a condition's name come from the document where it gives none."""
    flow = load_flow(VALID / "branches-and-a-loop.json")

    assert [task.task_type for task in flow.tasks] == ["draft", "review", "publish", "handle_error"]
    assert [condition.name for condition in flow.conditions] == [
        "drafted",
        "review:approved",
        "review:approved#2",
        "review:rejected",
        "review:failure",
        "publish:success",
        "handle error:success",
    ]
