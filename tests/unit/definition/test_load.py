"""Loading: the sources, and what is said of task types."""

from __future__ import annotations

import io
import json
import sys
from collections import OrderedDict
from types import MappingProxyType

import pytest

from flowsm.definition import load, yaml_text
from flowsm.definition.load import check_flow, load_flow
from flowsm.errors import DocumentInvalid, DocumentNotFound, ExtraMissing, UsageError
from flowsm.limits import DOCUMENT_MAX_BYTES, DOCUMENT_MAX_TOML_BYTES, DOCUMENT_MAX_YAML_BYTES

FLOW = {
    "id": "f",
    "name": "F",
    "start_task": "Fetch Data",
    "tasks": [{"name": "Fetch Data"}, {"name": "b", "task_type": "stor_data"}],
    "conditions": [{"source_task": "Fetch Data", "target_task_success": "b"}],
}
TEXT = json.dumps(FLOW)


class Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (FLOW, "the given object"),
        (OrderedDict(FLOW), "the given object"),
        (MappingProxyType(FLOW), "the given object"),
        (TEXT, "the given text"),
        ("\ufeff \n" + TEXT, "the given text"),
        (TEXT.encode(), "the given bytes"),
        (bytearray(TEXT.encode()), "the given bytes"),
        (memoryview(TEXT.encode()), "the given bytes"),
    ],
)
def test_every_source_gives_the_same_flow(source, name):
    """An object, text and bytes are one flow, each called by what it is."""
    checked = check_flow(source)

    assert checked.flow == load_flow(FLOW)
    assert checked.source == name


def test_stdin_is_read(monkeypatch):
    """`-` is stdin."""
    monkeypatch.setattr(sys, "stdin", Stdin(TEXT.encode()))

    assert check_flow("-").source == "stdin"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="stdin"):
        load_flow("-")


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    """The error names the path."""
    with pytest.raises(DocumentNotFound, match=r"nope\.json"):
        check_flow(tmp_path / "nope.json")


@pytest.mark.parametrize("source", ["", "\0", "x" * 5000])
def test_a_path_that_cannot_be_read_is_a_finding(source):
    """A folder, and text that is no path, are findings, not tracebacks."""
    assert [finding.code for finding in check_flow(source).findings] == ["unreadable"]


@pytest.mark.parametrize("source", [None, 5, [FLOW], {1, 2}])
def test_another_type_is_a_usage_error(source):
    """What can be no source is refused with the list of what can."""
    with pytest.raises(UsageError, match="expected a flow as an object"):
        check_flow(source)


@pytest.mark.parametrize(
    ("suffix", "size"),
    [(".json", DOCUMENT_MAX_BYTES), (".toml", DOCUMENT_MAX_TOML_BYTES), (".yaml", DOCUMENT_MAX_YAML_BYTES)],
)
def test_a_file_beyond_the_limit_is_refused(tmp_path, suffix, size):
    """Each format has a limit in bytes."""
    path = tmp_path / f"flow{suffix}"
    path.write_bytes(b" " * (size + 1))

    assert [finding.code for finding in check_flow(path).findings] == ["too_large"]


def test_text_beyond_the_limit_is_refused():
    """Text counts like a file."""
    assert [finding.code for finding in check_flow("{" + " " * DOCUMENT_MAX_BYTES).findings] == ["too_large"]


def test_yaml_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    """The error names the extra."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "flow.yaml"
    path.write_text("id: f")

    with pytest.raises(ExtraMissing, match=r"flowsm\[yaml\]"):
        check_flow(path)
    assert load._READERS[".yaml"] is yaml_text.read_yaml


def test_unknown_task_types_are_errors_with_the_nearest_name():
    """Given the registered types, an unknown one refuses the flow, also where it comes from the name."""
    with pytest.raises(DocumentInvalid) as raised:
        load_flow(FLOW, known_task_types=["store_data", "xyz"])

    found = [(finding.code, finding.pointer, finding.value) for finding in raised.value.findings]
    assert found == [
        ("unknown_task_type", "/tasks/0/name", '"fetch_data"'),
        ("unknown_task_type", "/tasks/1/task_type", '"stor_data"'),
    ]
    assert raised.value.findings[1].hint == 'did you mean "store_data"?'
    assert "register it" in check_flow(FLOW, known_task_types=["xyz"]).findings[0].hint


def test_unknown_task_types_may_be_warnings():
    """`validate`, which does not know the user's tasks, warns."""
    checked = check_flow(FLOW, known_task_types=(), unknown_types="warning")

    assert checked.flow is not None
    assert {finding.severity for finding in checked.findings} == {"warning"}
    assert check_flow(FLOW, known_task_types={"fetch_data", "stor_data"}).findings == ()


def test_an_object_is_copied_and_must_hold_json():
    """Later changes of the caller's object do not reach the flow, and other types are findings."""
    parameters = {"x": [1, (2.0,)], "y": 1.5}
    document = FLOW | {"tasks": [FLOW["tasks"][0] | {"parameters": parameters}, FLOW["tasks"][1]]}

    flow = load_flow(document)
    parameters["x"].append(9)

    assert flow.tasks[0].parameters == {"x": [1, [2]], "y": 1.5}
    parameters |= {"s": {1}, "n": float("nan"), "i": float("inf"), "b": 10**400}
    parameters[1] = 2
    found = [(finding.code, finding.pointer) for finding in check_flow(document).findings]
    assert found == [
        ("wrong_type", "/tasks/0/parameters"),
        ("wrong_type", "/tasks/0/parameters/s"),
        ("not_a_number", "/tasks/0/parameters/n"),
        ("not_a_number", "/tasks/0/parameters/i"),
        ("number_too_large", "/tasks/0/parameters/b"),
    ]


def test_a_circle_is_a_finding():
    """An object that holds itself is nested too deeply; one that shares too much is too large."""
    circle = {}
    circle["x"] = circle
    shared = []
    for _ in range(50):
        shared = [shared, shared]

    assert "too_deep" in {finding.code for finding in check_flow(circle).findings}
    assert [finding.code for finding in check_flow({"id": shared}).findings] == ["too_large"]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"name": False}, 'put it in quotes: "…"'),
        ({"version": 1.0}, 'put it in quotes: "…"'),
        ({"timeout": "10"}, "leave out the quotes"),
        ({"timeout": "ten"}, ""),
        ({"name": None}, ""),
    ],
)
def test_quotes_too_many_or_too_few_are_told(change, hint):
    """YAML reads `no` and `1.0` as other than text, and a number in quotes is text: the hint says which it was."""
    flow = {"id": "a", "name": "A", "start_task": "t", "tasks": [{"name": "t"}]}
    (finding,) = check_flow(flow | change).findings
    assert (finding.code, finding.hint) == ("wrong_type", hint)
