"""The input of an execution: a JSON value that fits the flow's `input_schema`."""

from __future__ import annotations

from typing import Any

import msgspec

from flowsm.definition.model import FlowConfig
from flowsm.definition.user_schema import schema_misfits
from flowsm.errors import InputInvalid
from flowsm.limits import INPUT_MAX_BYTES
from flowsm.tasks.jsonvalue import NotJson, json_form

__all__ = ["checked_input"]


def checked_input(flow: FlowConfig, value: Any) -> Any:
    """The input as it will be recorded: what its JSON text reads back as.

    Raises:
        InputInvalid: it is not JSON, larger than 16 MiB, or does not fit the flow's `input_schema`.
    """
    try:
        form = json_form(value)
    except NotJson as error:
        raise InputInvalid(flow.name, "", str(error)) from None
    if form is not None and len(msgspec.json.encode(form)) > INPUT_MAX_BYTES:
        raise InputInvalid(flow.name, "", f"it is larger than {INPUT_MAX_BYTES} bytes of JSON")
    if flow.input_schema is not None:
        for misfit in schema_misfits(flow.input_schema, form):
            raise InputInvalid(flow.name, misfit.pointer, misfit.message)
    return form
