"""Documents that are not flows: each must be refused for the reasons written beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowsm.definition.load import check_flow, load_flow
from flowsm.errors import DocumentInvalid

INVALID = Path(__file__).parents[2] / "flows" / "invalid"
EXPECTED = json.loads((INVALID / "expected.json").read_text("utf-8"))


@pytest.mark.parametrize("name", EXPECTED)
def test_an_invalid_document_gives_its_findings(name):
    """Every finding of a document is reported with code, pointer and severity, and no other one is."""
    checked = check_flow(INVALID / name)

    found = sorted([finding.code, finding.pointer, finding.severity] for finding in checked.findings)
    assert found == sorted(EXPECTED[name])
    assert checked.flow is None
    assert checked.source == str(INVALID / name)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_invalid_document_is_refused_with_all_findings(name):
    """Loading raises one error, which says everything, in text that can be printed."""
    with pytest.raises(DocumentInvalid) as raised:
        load_flow(str(INVALID / name))

    assert raised.value.findings == check_flow(INVALID / name).findings
    assert all(str(finding).encode() for finding in raised.value.findings)
    assert all(finding.message for finding in raised.value.findings)


def test_every_document_is_expected_something_of():
    """No file of the folder is left out of the index, and there are enough of them."""
    assert set(EXPECTED) == {path.name for path in INVALID.iterdir()} - {"expected.json"}
    assert len(EXPECTED) >= 90
