"""Secrets in the parameters of flow documents: which places are some, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from flowsm.definition.digest import flow_digest
from flowsm.definition.load import check_flow, load_flow
from flowsm.definition.model import TaskConfig
from flowsm.definition.secrets import is_secret, secret_places, secrets_of
from flowsm.definition.subflows import all_secrets_of, flows_within
from flowsm.limits import SECRET_NAME_MAX_CHARS
from flowsm.tasks.factory import TaskFactory

KEY = {"$secret": "KEY"}


def document(parameters: Any, task_type: str = "charge", **flow: Any) -> dict[str, Any]:
    task = {"name": "a", "task_type": task_type, "parameters": parameters}
    return {"id": "f", "name": "F", "start_task": "a", "tasks": [task], **flow}


def findings(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding.code, finding.pointer) for finding in check_flow(found).findings]


@pytest.mark.parametrize("name", ["A", "_", "a9", "STRIPE_KEY", "x" * SECRET_NAME_MAX_CHARS])
def test_a_secret_is_a_name_and_nothing_else(name: str) -> None:
    """Letters, digits and underscores, as variables of an environment have them, alone under `$secret`."""
    assert is_secret({"$secret": name})
    assert findings(document({"x": {"$secret": name}})) == []


@pytest.mark.parametrize(
    "value",
    [{}, "KEY", {"secret": "A"}, {"$secret": "A", "x": 1}, {"$secret": 1}, {"$secret": "A\n"}, {"$secret": "é"}],
)
def test_everything_else_is_data(value: Any) -> None:
    """What has not exactly that form is no secret, whatever it looks like."""
    assert not is_secret(value)
    assert secret_places(TaskConfig(name="a", task_type="b", parameters={"x": [value]})) == ()


@pytest.mark.parametrize("name", ["", "9A", "A-B", "A B", "A.B", "é", "x" * (SECRET_NAME_MAX_CHARS + 1), 1, None, KEY])
def test_a_name_that_is_none_is_refused(name: Any) -> None:
    """The finding names the place, shows the value, and says what a name is."""
    (finding,) = check_flow(document({"x": [{"$secret": name}]})).findings
    assert (finding.code, finding.pointer) == ("bad_secret", "/tasks/0/parameters/x/0/$secret")
    assert "letters, digits and _" in finding.message


def test_nothing_stands_beside_it() -> None:
    """Each other key is refused where it is."""
    assert findings(document({"x": {"$secret": "A", "default": 1, "b": 2}})) == [
        ("bad_secret", "/tasks/0/parameters/x/default"),
        ("bad_secret", "/tasks/0/parameters/x/b"),
    ]
    assert findings(document({"x": {"$from": "/input", "$secret": "A"}})) == [
        ("unknown_field", "/tasks/0/parameters/x/$secret")
    ]


def test_parameters_are_no_secret_themselves() -> None:
    """They are an object of names, one of which may be a secret."""
    assert ("bad_secret", "/tasks/0/parameters") in findings(document({"$secret": "A"}))


@pytest.mark.parametrize(
    ("task_type", "parameters", "place"),
    [
        ("charge", {"x": {"$from": "/input/x", "default": KEY}}, "/x/default"),
        ("charge", {"x": [{"$from": "/input/x", "default": {"y": [KEY]}}]}, "/x/0/default/y/0"),
        ("wait", {"seconds": KEY}, "/seconds"),
        ("wait_for_signal", {"name": KEY}, "/name"),
        ("subflow", {"flow": "other", "input": {"token": KEY}}, "/input/token"),
        ("subflow", {"flow": KEY}, "/flow"),
    ],
)
def test_none_stands_where_its_value_would_be_recorded(task_type: str, parameters: Any, place: str) -> None:
    """What a reference falls back to, and what the engine itself looks into, is recorded: the finding says another way."""
    found = [finding for finding in check_flow(document(parameters, task_type)).findings if "secret" in finding.code]
    assert [(finding.code, finding.pointer) for finding in found] == [
        ("misplaced_secret", f"/tasks/0/parameters{place}")
    ]
    assert found[0].hint
    assert found[0].value == '{"$secret": "KEY"}'


def test_what_cannot_be_one_is_found_in_a_flow_inside() -> None:
    """Before the sub-flow is started."""
    inner = document({"x": {"$secret": 3}})
    place = "/tasks/0/parameters/flow/tasks/0/parameters/x/$secret"
    assert findings(document({"flow": inner}, "subflow")) == [("bad_secret", place)]
    assert findings(document({"flow": document({"x": KEY})}, "subflow")) == []


@pytest.mark.parametrize("value", [KEY, [1, KEY]])
def test_conditions_compare_with_none(value: Any) -> None:
    """A condition would compare with the object as it is written: never met, and with `ne` always."""
    op = "in" if isinstance(value, list) else "ne"
    clause = {"path": "/input/token", "op": op, "value": value}
    flow = document({}, conditions=[{"source_task": "a", "target_task_success": "end", "when": [clause]}])
    flow["tasks"][0]["skip_when"] = [clause]
    places = {pointer for code, pointer in findings(flow) if code == "misplaced_secret"}
    inside = "/1" if isinstance(value, list) else ""
    assert places == {f"/tasks/0/skip_when/0/value{inside}", f"/conditions/0/when/0/value{inside}"}


@pytest.mark.parametrize(
    ("task", "place"),
    [
        ({"timeout": KEY}, "timeout"),
        ({"description": KEY}, "description"),
        ({"on_interrupt": KEY}, "on_interrupt"),
        ({"skip_when": KEY}, "skip_when"),
        ({"retry": KEY}, "retry"),
        ({"retry": {"max_attempts": KEY}}, "retry/max_attempts"),
        ({"result_schema": {"properties": {"token": {"const": KEY}}}}, "result_schema/properties/token/const"),
        ({"parameters": {"timeout": KEY}}, "parameters/timeout"),
        ({"parameters": {"retry_count": KEY}, "retry": {"max_attempts": 2}}, "parameters/retry_count"),
        ({"task_type": "fetch_data", "parameters": {"timeout": KEY}}, "parameters/timeout"),
    ],
)
def test_the_fields_of_a_task_are_none(task: dict[str, Any], place: str) -> None:
    """What the engine reads, and what it records as it is written, cannot be secret: place, value and way out are told."""
    flow = document({}, "charge")
    flow["tasks"][0] |= task
    tasks = TaskFactory()
    tasks.register_task("charge", lambda timeout=None, retry_count=None: (timeout, retry_count))
    found = check_flow(flow, known_task_types=tasks.types(), check_parameters=tasks.check_parameters).findings
    assert [(one.severity, one.code, one.pointer) for one in found] == [
        ("error", "misplaced_secret", f"/tasks/0/{place}")
    ]
    assert found[0].value == '{"$secret": "KEY"}'
    assert found[0].hint


@pytest.mark.parametrize(
    ("task_type", "parameters", "places"),
    [
        ("wait", {"seconds": KEY}, ["/seconds"]),
        ("wait", {"until": KEY}, ["/until"]),
        (
            "wait_for_signal",
            {"name": KEY, "timeout": KEY, "schema": {"type": KEY}},
            ["/name", "/timeout", "/schema/type"],
        ),
    ],
)
def test_one_finding_is_enough(task_type: str, parameters: Any, places: list[str]) -> None:
    """Where none can stand, nothing else is said of what it is, and what it is is said once."""
    tasks = TaskFactory()
    checks: Any = {"known_task_types": tasks.types(), "check_parameters": tasks.check_parameters}
    found = check_flow(document(parameters, task_type), **checks).findings
    assert [(one.code, one.pointer) for one in found] == [
        ("misplaced_secret", f"/tasks/0/parameters{place}") for place in places
    ]
    assert all(str(one).count("found {") == 1 for one in found)
    assert [one.code for one in check_flow(document({"seconds": "x"}, "wait"), **checks).findings] == ["bad_parameters"]


def test_the_fields_of_a_flow_are_none() -> None:
    """Nor what the flow as a whole says; a name that only looks like the mark is one."""
    schema = {"properties": {"$secret": {"type": "string"}}}
    assert findings(document({}, input_schema=schema)) == []
    assert findings(document({}, timeout=KEY, input_schema={"default": KEY})) == [
        ("misplaced_secret", "/timeout"),
        ("misplaced_secret", "/input_schema/default"),
    ]


def test_the_places_are_those_of_the_document() -> None:
    """Each place with its name, in order, at any depth; none for the engine's own tasks."""
    flow = load_flow(document({"a": KEY, "b": [{"c/d": {"$secret": "B"}}, {"$from": "/input"}]}))
    assert secret_places(flow.tasks[0]) == ((("a",), "KEY"), (("b", 0, "c/d"), "B"))
    assert list(secrets_of(flow)) == [
        (("tasks", 0, "parameters", "a"), "KEY"),
        (("tasks", 0, "parameters", "b", 0, "c/d"), "B"),
    ]


def test_flows_inside_have_their_own() -> None:
    """Those of sub-flows are found at any depth, wrapped or not; what is named, comes by data or is no flow has none here."""
    deepest = document({"x": KEY})
    middle = {"flow_config": {"flow": document({"flow": {"flow": deepest}}, "subflow")}}
    flow = load_flow(document({"flow": middle}, "subflow"))
    place = "tasks/0/parameters/flow/flow_config/flow/tasks/0/parameters/flow/flow/tasks/0/parameters/x"
    assert [("/".join(map(str, tokens)), name) for tokens, name in all_secrets_of(flow)] == [(place, "KEY")]
    for other in ("named", {"$from": "/input/flow"}, {"id": "no flow", "tasks": [{"parameters": {"x": KEY}}]}):
        assert len(list(flows_within(load_flow(document({"flow": other}, "subflow"))))) == 1


def test_the_digest_is_that_of_the_name() -> None:
    """A flow with another secret is another flow; what its value is does not matter."""
    one, other = (flow_digest(load_flow(document({"x": {"$secret": name}}))) for name in ("A", "B"))
    assert one != other
