"""The flows that are written inside a flow: those of its `subflow` tasks, and of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flowsm.definition.load import load_flow
from flowsm.definition.model import FlowConfig
from flowsm.definition.references import FROM
from flowsm.definition.secrets import Tokens, secrets_of
from flowsm.definition.waiting import SUBFLOW
from flowsm.errors import DocumentInvalid

__all__ = ["all_secrets_of", "flow_tokens", "flows_within"]


def flows_within(flow: FlowConfig, place: Tokens = ()) -> Iterator[tuple[Tokens, FlowConfig]]:
    """A flow and all flows inside it, each with its place; what is no flow, and will not run, is left out."""
    yield place, flow
    for number, task in enumerate(flow.tasks):
        inner = task.parameters.get("flow") if task.task_type == SUBFLOW else None
        if not isinstance(inner, dict) or FROM in inner:
            continue
        try:
            loaded = load_flow(inner)
        except DocumentInvalid:
            continue
        yield from flows_within(loaded, (*place, "tasks", number, "parameters", "flow", *flow_tokens(inner)))


def flow_tokens(document: dict[str, Any]) -> Sequence[str]:
    """Where the flow lies in its document, which may wrap it."""
    if "flow_config" in document:
        return ("flow_config", "flow")
    return ("flow",) if "flow" in document else ()


def all_secrets_of(flow: FlowConfig, place: Tokens = ()) -> Iterator[tuple[Tokens, str]]:
    """Every secret that a flow uses, or a flow inside it, with its place."""
    for inside, found in flows_within(flow, place):
        yield from secrets_of(found, inside)
