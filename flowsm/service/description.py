"""The description of the service as a text: `python -m flowsm.service.description DIR` writes it to `openapi.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from flowsm.service.areas import AREAS
from flowsm.service.openapi import openapi

__all__ = ["main", "openapi_text"]


def openapi_text() -> str:
    """The OpenAPI document as it is kept in `schemas/`."""
    return json.dumps(openapi(AREAS), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write `openapi.json` into the folder that is the only argument; returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m flowsm.service.description DIR\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "openapi.json").write_text(openapi_text(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
