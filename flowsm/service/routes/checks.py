"""Flows that are only looked at: checked, and rehearsed on what is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from flowsm.definition.digest import flow_digest
from flowsm.definition.load import check_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import InputInvalid
from flowsm.findings import Finding
from flowsm.replay.whatif import WhatIf
from flowsm.runtime.input import checked_input
from flowsm.service.answers import json_answer
from flowsm.service.call import Call
from flowsm.service.inputs import checked_json, json_document
from flowsm.service.moments import moment_of
from flowsm.service.operation import Answer, Area, Body
from flowsm.service.posted import apart, bare_flow, not_allowed, told_of_options
from flowsm.service.problems import FindingView, Refusal, finding_view, refusal_of

__all__ = ["CHECKS", "Validity", "WhatIfQuery"]

CHECKS: Final = Area("checks", "Look at flows without running them.")


class Validity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the service would take a flow, and everything that is wrong, or odd, about it.

    `digest` is that of the version that it is, None where it is no flow.
    """

    valid: bool
    findings: list[FindingView]
    digest: str | None = None


class WhatIfQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose executions are rehearsed: by the flow's id or name, by default the document's own; created since when."""

    flow: str | None = None
    since: str | None = None


@CHECKS.post(
    "/flow/validate",
    answers={200: Answer(about="The findings.", type=Validity)},
    body=Body(type="any", required=False),
    problems=(400, 413),
    role="read",
)
async def validate(call: Call) -> Response:
    """Check a flow document: every error and warning at once. What is no JSON is answered with findings, too.

    An `input` that stands beside the flow is checked, too.
    """
    data = await call.raw()
    try:
        document, beside = apart(json_document(data))
    except Refusal as refusal:
        return json_answer(Validity(valid=False, findings=[finding_view(finding) for finding in refusal.findings]))
    tasks = call.manager.tasks
    source = document if isinstance(document, dict) else msgspec.json.encode(document)
    checked = check_flow(source, known_task_types=tasks.types(), check_parameters=tasks.check_parameters)
    findings = told_of_options(checked.findings, document)
    if checked.flow is not None:
        findings += not_allowed(checked.flow, document, call.desk.options)
        findings += _misfits(checked.flow, beside)
    valid = not any(finding.severity == "error" for finding in findings)
    digest = None if checked.flow is None else flow_digest(checked.flow)
    return json_answer(Validity(valid=valid, findings=[finding_view(finding) for finding in findings], digest=digest))


@CHECKS.post(
    "/flow/whatif",
    answers={200: Answer(about="What the change would have meant.", type=WhatIf)},
    body=Body(type="bare flow"),
    query=WhatIfQuery,
    problems=(400, 403, 413, 422),
    role="read",
)
async def whatif(call: Call) -> Response:
    """Send every recorded history of a flow through another version of it, with its recorded outcomes. Runs nothing."""
    asked = call.query(WhatIfQuery)
    since = None if asked.since is None else moment_of(asked.since)
    flow = await bare_flow(call)
    return json_answer(await call.manager.whatif(flow, flow_id=asked.flow, since=since))


def _misfits(flow: FlowConfig, beside: dict[str, Any]) -> Sequence[Finding]:
    """What is wrong about the input that stands beside a flow, where one does."""
    try:
        if "input" in checked_json(beside):
            checked_input(flow, beside["input"])
    except Refusal as refusal:
        return refusal.findings
    except InputInvalid as error:
        return refusal_of(error).findings
    return ()
