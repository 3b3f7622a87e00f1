"""Which batches are refused, and why."""

from __future__ import annotations

import pytest

from flowsm.errors import Conflict, ExecutionNotFound, Fenced, LeaseHeld
from flowsm.log.check import refusal
from flowsm.testing.log_contract import started, to_append, worker_row

FACT = (started(),)


@pytest.mark.parametrize(
    ("facts", "fields", "expected_seq", "head", "refused"),
    [
        (FACT, {}, 0, (0, 0), None),
        (FACT, {}, 0, (1, 0), Conflict),
        (FACT, {}, 3, (0, 0), Conflict),
        (FACT, {"epoch": 1}, 3, (3, 1), None),
        (FACT, {"epoch": 1}, 3, (3, 2), Fenced),
        (FACT, {"epoch": 1}, 2, (3, 2), Fenced),
        (FACT, {"epoch": 1}, 2, (3, 1), Conflict),
        (FACT, {"claim": True}, 2, (3, 1), Conflict),
        (FACT, {"claim": True}, 3, (3, 1), None),
        ((), {"claim": True}, 0, (3, 1), None),
        ((), {"claim": True, "epoch": 1}, 0, (3, 2), Fenced),
        ((), {"claim": True}, 0, (0, 0), ExecutionNotFound),
        ((), {}, 3, (3, 0), None),
        ((), {}, 2, (3, 0), Conflict),
    ],
)
def test_refusal(facts, fields, expected_seq, head, refused):
    """A batch is refused for its epoch first, then for its seq; a bare claim for neither."""
    result = refusal(to_append("a", expected_seq, *facts, **fields), *head, "", None)
    assert result is None if refused is None else type(result) is refused


@pytest.mark.parametrize(
    ("owner", "fields", "refused"),
    [
        ("", {"claim": True, "worker": "me"}, None),
        ("me", {"claim": True, "worker": "me"}, None),
        ("living", {"claim": True, "worker": "me"}, LeaseHeld),
        ("dead", {"claim": True, "worker": "me"}, None),
        ("living", {}, None),
        ("living", {"epoch": 1}, None),
    ],
)
def test_claims_look_at_the_owner(owner, fields, refused):
    """Only a claim of what belongs to another, living worker is refused, and only then is anybody looked up."""
    asked = []

    def living(worker):
        asked.append(worker)
        return worker_row(worker) if worker == "living" else None

    result = refusal(to_append("a", 3, *FACT, **fields), 3, 1, owner, living)
    assert result is None if refused is None else type(result) is refused
    assert asked == ([owner] if owner in {"living", "dead"} and fields.get("claim") else [])
