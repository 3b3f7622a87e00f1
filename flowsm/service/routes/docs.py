"""The description of the service, for programs and for people; it needs no network."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import Response

from flowsm.service.answers import text_answer
from flowsm.service.call import Call
from flowsm.service.openapi import openapi
from flowsm.service.operation import Answer, Area
from flowsm.service.places import under_root
from flowsm.service.problems import Refusal
from flowsm.service.static import file_answer

__all__ = ["DOCS"]

DOCS: Final = Area("docs", "What this is described with.")
_POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
"""Both viewers write styles, and draw icons, of their own."""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>flowsm</title>
{head}<script src="assets/docs.js"></script></head>
<body><div id="docs"></div></body>
</html>
"""
_SWAGGER: Final = (
    '<link rel="icon" href="data:,"><link rel="stylesheet" href="assets/swagger-ui/swagger-ui.css">\n'
    '<script src="assets/swagger-ui/swagger-ui-bundle.js"></script>\n'
)
_REDOC: Final = '<link rel="icon" href="data:,"><script src="assets/redoc/redoc.standalone.js"></script>\n'


@DOCS.get("/openapi.json", answers={200: Answer(about="The document.", type="any")}, hidden=True)
async def openapi_document(call: Call) -> Response:
    """Show the OpenAPI document of the service."""
    return text_answer(_document(call), "application/json")


@DOCS.get("/docs", answers={200: Answer(about="The page.", type=str, media="text/html")}, hidden=True)
async def docs(call: Call) -> Response:
    """Show the description as a page on which requests can be tried."""
    return _page(_SWAGGER)


@DOCS.get("/redoc", answers={200: Answer(about="The page.", type=str, media="text/html")}, hidden=True)
async def redoc(call: Call) -> Response:
    """Show the description as a page to read."""
    return _page(_REDOC)


@DOCS.get("/assets/{file:path}", answers={200: Answer(about="The file.", type=bytes, media="*/*")}, hidden=True)
async def asset(call: Call) -> Response:
    """Serve a file that these pages are made of."""
    found = file_answer(call.request, "assets", call.path("file"))
    if found is None:
        raise Refusal(404, "no_such_path", f"there is no file {call.path('file')!r}")
    return found


def _page(head: str) -> Response:
    return text_answer(_PAGE.format(head=head), "text/html; charset=utf-8", {"Content-Security-Policy": _POLICY})


def _document(call: Call) -> bytes:
    """The document; it is made once for each place that the service is mounted at."""
    root = under_root(call.request, "")
    text = call.desk.documents.get(root)
    if text is None:
        text = call.desk.documents[root] = msgspec.json.encode(openapi(call.desk.areas, root))
    return text
