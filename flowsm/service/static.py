"""Files of the package that are served: the page, and what documentation is shown with."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from flowsm.service.answers import not_modified

__all__ = ["MEDIA", "file_answer", "wants_page"]

MEDIA: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "map": "application/json",
    "mjs": "text/javascript; charset=utf-8",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
"""The kinds of files that are served, and no others."""


def file_answer(request: Request, folder: str, name: str) -> Response | None:
    """A file of a folder of `flowsm.service`, or None: only names that the folder really has lead anywhere."""
    found = _folder(folder).get(name)
    if found is None:
        return None
    content, etag, media = found
    if etag in request.headers.get("if-none-match", ""):
        return not_modified(etag)
    return Response(content, 200, {"ETag": etag, "Cache-Control": "no-cache"}, media)


def wants_page(request: Request) -> bool:
    """Whether a browser asks, which shows pages to people."""
    return "text/html" in request.headers.get("accept", "")


@cache
def _folder(name: str) -> dict[str, tuple[bytes, str, str]]:
    """All files below a folder, by their paths in it: content, ETag, media type."""
    found: dict[str, tuple[bytes, str, str]] = {}
    waiting = [("", files("flowsm.service").joinpath(name))]
    while waiting:
        prefix, folder = waiting.pop()
        for item in folder.iterdir() if folder.is_dir() else ():
            media = MEDIA.get(item.name.rpartition(".")[2])
            if item.is_dir():
                waiting.append((f"{prefix}{item.name}/", item))
            elif media is not None:
                content = item.read_bytes()
                found[prefix + item.name] = (content, f'"{hashlib.sha256(content).hexdigest()[:32]}"', media)
    return found
