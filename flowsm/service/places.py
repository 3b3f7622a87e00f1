"""Where things are: paths as a caller of this service sees them, wherever it is mounted."""

from __future__ import annotations

from starlette.requests import Request

__all__ = ["place_of", "under_root"]


def under_root(request: Request, path: str) -> str:
    """The path of the service, behind the one that it is mounted at."""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/") + path


def place_of(request: Request, execution_id: str) -> str:
    """Where an execution is looked at."""
    return under_root(request, f"/flow/{execution_id}")
