"""The service: FlowManager's verbs over HTTP, live events, and what shows them to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowsm.errors import ExtraMissing
from flowsm.service.options import ServiceOptions

if TYPE_CHECKING:
    from fastapi import FastAPI

    from flowsm.manager import FlowManager

__all__ = ["ServiceOptions", "create_app"]


def create_app(manager: FlowManager, options: ServiceOptions | None = None) -> FastAPI:
    """The application that serves a manager: run it with uvicorn, or mount it in another one.

    Run by itself it drives whatever is due in the manager's file, and closes the manager in the end; mounted, both are
    the business of whoever mounts it.

    Args:
        manager: whose verbs are served.
        options: who may ask for what; by default whoever reaches the service, with built-in task types.

    Raises:
        ExtraMissing: FastAPI is not installed.
    """
    try:
        from flowsm.service.app import build_app  # noqa: PLC0415 - the extra `service`
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {
            "fastapi",
            "prometheus_client",
            "starlette",
            "uvicorn",
        }:
            raise
        raise ExtraMissing("the service", "service") from error
    return build_app(manager, options)
