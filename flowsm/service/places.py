"""Where things are: paths as a caller of this service sees them, wherever it is mounted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope

__all__ = ["path_in", "place_of", "under_root"]


def under_root(request: Request, path: str) -> str:
    """The path of the service, behind the one that it is mounted at."""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/") + path


def place_of(request: Request, execution_id: str) -> str:
    """Where an execution is looked at."""
    return under_root(request, f"/flow/{execution_id}")


def path_in(scope: Scope) -> str:
    """The path that was asked for, as the service knows it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path
