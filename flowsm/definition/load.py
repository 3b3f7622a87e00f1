"""Loading: a flow from a dict, bytes, text, a path or stdin, or every reason why there is none."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from flowsm.definition.json_text import read_json
from flowsm.definition.lint import ParameterCheck
from flowsm.definition.model import FlowConfig
from flowsm.definition.parse import parse_flow
from flowsm.definition.pointer import MISSING
from flowsm.definition.report import Report, short_json
from flowsm.definition.toml_text import read_toml
from flowsm.definition.yaml_text import read_yaml
from flowsm.errors import DocumentInvalid, DocumentNotFound, UsageError
from flowsm.findings import Finding
from flowsm.limits import DOCUMENT_MAX_BYTES

__all__ = ["Checked", "Source", "check_flow", "load_flow"]

Source: TypeAlias = FlowConfig | Mapping[str, Any] | bytes | bytearray | memoryview | str | Path
"""Where a flow comes from; text that begins with `{` is JSON, `-` is stdin, other text is a path."""

_READERS: Final = {".toml": read_toml, ".yaml": read_yaml, ".yml": read_yaml}


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a document: its flow, unless it has errors, and every finding."""

    flow: FlowConfig | None
    findings: tuple[Finding, ...]
    source: str
    """The document in words: its path, `stdin`, `the given object` …"""


def check_flow(
    source: Source,
    *,
    known_task_types: Collection[str] | None = None,
    unknown_types: Literal["error", "warning"] = "error",
    check_parameters: ParameterCheck | None = None,
) -> Checked:
    """Read a flow document, and report everything that is wrong or odd about it.

    Args:
        source: an object, bytes or text of JSON, a path (`.json`, `.toml`, `.yaml`), `-` for stdin, or a parsed flow.
        known_task_types: the task types that are registered; None for not to look.
        unknown_types: the severity of a task type that is not among them.
        check_parameters: tells what is wrong with the parameters of a registered type, as `TaskFactory` does.

    Raises:
        DocumentNotFound: the source is a path, and nothing is there.
        ExtraMissing: the document is YAML, and PyYAML is not installed.
        UsageError: the source is of another type.
    """
    report = Report()
    document, name = _read(source, report)
    flow = (
        None if document is MISSING else parse_flow(document, report, known_task_types, unknown_types, check_parameters)
    )
    return Checked(flow=flow, findings=report.findings(), source=name)


def load_flow(
    source: Source,
    *,
    known_task_types: Collection[str] | None = None,
    check_parameters: ParameterCheck | None = None,
) -> FlowConfig:
    """The flow of a document that has no errors.

    Args:
        source: as for `check_flow`.
        known_task_types: the task types that are registered, another one is an error; None for not to look.
        check_parameters: tells what is wrong with the parameters of a registered type.

    Raises:
        DocumentInvalid: the document has errors; it carries all findings.
        DocumentNotFound: the source is a path, and nothing is there.
        ExtraMissing: the document is YAML, and PyYAML is not installed.
        UsageError: the source is of another type.
    """
    checked = check_flow(source, known_task_types=known_task_types, check_parameters=check_parameters)
    if checked.flow is None:
        raise DocumentInvalid(checked.source, checked.findings)
    return checked.flow


def _read(source: object, report: Report) -> tuple[Any, str]:
    """The raw document, or `MISSING`, and what to call it."""
    if isinstance(source, FlowConfig):
        return source, "the given flow"
    if isinstance(source, Mapping):
        return source if isinstance(source, dict) else dict(source), "the given object"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _parse(bytes(source), read_json, report), "the given bytes"
    if isinstance(source, Path):
        return _read_path(source, report), _printable(source)
    if not isinstance(source, str):
        kind = type(source).__name__
        raise UsageError(f"expected a flow as an object, bytes, text, a path or '-', found {kind}")
    if source == "-":
        return _parse(_stdin(), read_json, report), "stdin"
    if source.lstrip("\ufeff \t\r\n").startswith("{"):
        if len(source) > DOCUMENT_MAX_BYTES:
            return _too_large(report), "the given text"
        return read_json(source.removeprefix("\ufeff"), report), "the given text"
    return _read_path(Path(source), report), _printable(source)


def _printable(path: str | Path) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode()


def _stdin() -> bytes:
    stdin = getattr(sys.stdin, "buffer", None)
    if stdin is None:
        raise UsageError("expected a flow on stdin, but it is not open: give a path")
    data: bytes = stdin.read(DOCUMENT_MAX_BYTES + 1)
    return data


def _read_path(path: Path, report: Report) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(DOCUMENT_MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentNotFound(_printable(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        report.error("unreadable", None, f"the file cannot be read: {reason}")
        return MISSING
    return _parse(data, _READERS.get(path.suffix.lower(), read_json), report)


def _parse(data: bytes, read: Any, report: Report) -> Any:
    if len(data) > DOCUMENT_MAX_BYTES:
        return _too_large(report)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = short_json(data[error.start : error.start + 4].hex(" "))
        message = f"expected UTF-8, found bytes that are not, {found}, at byte {error.start}"
        report.error("not_utf8", None, message, hint="save the file as UTF-8")
        return MISSING
    return read(text, report)


def _too_large(report: Report) -> Any:
    report.error("too_large", None, f"expected at most {DOCUMENT_MAX_BYTES} bytes")
    return MISSING
