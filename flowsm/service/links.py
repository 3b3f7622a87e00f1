"""Links: what can be asked next of what an answer names."""

from __future__ import annotations

from typing import Any, Final

from flowsm.projections.queries import Page
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.signalling import Signalled
from flowsm.service.views import Accepted
from flowsm.serving import DefinitionPage

__all__ = ["LINKS", "links_of"]

_OF_EXECUTIONS: Final = (
    "get_flow",
    "get_flow_status",
    "events",
    "history",
    "get_timeline",
    "state_at",
    "diff",
    "explain",
    "graph",
    "export",
    "signal",
    "cancel",
    "pause",
    "resume",
    "retry",
    "resolve",
    "forks",
    "fork",
    "upgrade",
    "remove_flow",
)


def _link(operation: str, parameter: str, place: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {parameter: place}}


LINKS: Final[dict[str, Any]] = {
    **{name: _link(name, "execution_id", "$response.body#/execution_id") for name in _OF_EXECUTIONS},
    "execute": {"operationId": "execute", "requestBody": {"execution_id": "$response.body#/execution_id"}},
    "newest": _link("get_flow", "execution_id", "$response.body#/items/0/execution_id"),
    "definition": _link("definition", "digest", "$response.body#/items/0/digest"),
}
"""The links by their names, which are those of operations where that says it all."""


def links_of(kind: Any) -> dict[str, Any]:
    """The links of an answer of this type."""
    names: tuple[str, ...] = ()
    if kind in {Accepted, FlowExecution, Signalled}:
        names = (*_OF_EXECUTIONS, "execute")
    elif kind is Page:
        names = ("newest",)
    elif kind is DefinitionPage:
        names = ("definition",)
    return {name: {"$ref": f"#/components/links/{name}"} for name in names}
