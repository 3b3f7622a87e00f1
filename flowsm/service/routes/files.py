"""Executions as files: exported, and imported."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import BinaryIO, Final, cast

import msgspec
from starlette.responses import Response, StreamingResponse

from flowsm.limits import IMPORT_MAX_BYTES, IMPORT_SECONDS, KIB
from flowsm.service.answers import json_answer
from flowsm.service.call import Call
from flowsm.service.operation import Answer, Area, Body
from flowsm.service.options import EVERY
from flowsm.service.problems import Refusal
from flowsm.upkeep.importing import ImportReport

__all__ = ["FILES", "NDJSON", "ExportQuery", "ImportQuery"]

FILES: Final = Area("files", "Take executions out, and bring them in.")
NDJSON: Final = "application/x-ndjson"
_PART_BYTES: Final = 64 * KIB


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the file must not hold (JSON pointers; may be given many times), and whether sub-flows are in it."""

    redact: tuple[str, ...] = ()
    with_children: bool = False
    actor: str = ""


class ImportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whether executions may come in that have not ended; why, and who asks."""

    unfinished: bool = False
    reason: str = ""
    actor: str = ""


@FILES.get(
    "/flow/{execution_id}/export",
    answers={200: Answer(about="The file: NDJSON that every reading command opens.", type=bytes, media=NDJSON)},
    query=ExportQuery,
    problems=(404, 422),
    role="operate",
)
async def export(call: Call) -> Response:
    """Write an execution to one file: its flow, events, large values and digests."""
    asked = call.query(ExportQuery)
    file = cast("BinaryIO", tempfile.TemporaryFile(prefix="flowsm-export-"))  # noqa: SIM115 - closed when it was sent
    try:
        await call.manager.export(
            call.execution_id, file, redact=asked.redact, with_children=asked.with_children, actor=asked.actor
        )
        file.seek(0)
    except BaseException:
        file.close()
        raise
    name = f'attachment; filename="{call.execution_id}.flowrun"'
    return StreamingResponse(_parts(file), 200, {"Content-Disposition": name}, NDJSON)


@FILES.post(
    "/flow/import",
    name="import_archive",
    answers={200: Answer(about="What was imported.", type=ImportReport)},
    body=Body(type=bytes, media=NDJSON),
    query=ImportQuery,
    problems=(400, 403, 409, 413, 422),
)
async def import_archive(call: Call) -> Response:
    """Bring the executions of an archive, or of an export, into the log, verified.

    Those that are there already are left alone, so that it can be asked again. What is imported can be retried, with
    whatever its tasks are: the operator of the service has to allow it, and the secrets that its flows use.
    """
    asked = call.query(ImportQuery)
    if not call.desk.options.allow_import:
        raise Refusal(403, "import_not_allowed", "this service takes no imports; its operator can, with --allow-import")
    secrets = call.desk.options.allow_secrets
    with tempfile.NamedTemporaryFile(prefix="flowsm-import-", suffix=".flowrun") as file:
        async for chunk in call.chunks(IMPORT_MAX_BYTES, IMPORT_SECONDS):
            await asyncio.to_thread(file.write, chunk)
        file.flush()
        report = await call.manager.import_archive(
            file.name,
            unfinished=asked.unfinished,
            allow_secrets=None if EVERY in secrets else secrets,
            reason=asked.reason,
            actor=asked.actor or call.actor,
        )
    return json_answer(msgspec.structs.replace(report, path="the body"))


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    """The file, part by part; then it is gone."""
    with file:
        while part := await asyncio.to_thread(file.read, _PART_BYTES):
            yield part
