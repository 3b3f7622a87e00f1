"""`flowsm upgrade`: executions in flight go on with another version of their flow, if that is safe."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flowsm.cli.bulk import NOTHING, Choice
from flowsm.cli.exit_codes import FAILED, FINE, INTERRUPTED
from flowsm.cli.flow_or_id import or_stdin
from flowsm.cli.ls import moment_of
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Actor, Db, Reason, who
from flowsm.cli.output import print_json, talk
from flowsm.cli.table import print_table
from flowsm.definition.load import load_flow
from flowsm.errors import UsageError
from flowsm.manager import FlowManager
from flowsm.replay.upgrade import Upgrade
from flowsm.upgrading import UpgradeReport

__all__ = ["upgrade"]

_DIGEST_CHARS = 12


def upgrade(
    *executions: Annotated[
        str, Parameter(name="ID", help="Executions: ids, unique beginnings of them, or @last; or give a filter.")
    ],
    to: Annotated[
        str,
        or_stdin("The version of the flow: a path, or - for stdin."),
    ],
    choice: Choice = NOTHING,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
) -> int:
    """Let executions in flight go on with another version of their flow, each if that is safe where it stands now.

    With --dry-run it only says whether it would be, or why not. The exit code is 1 when one of them could not.
    """
    is_chosen = (choice.status, choice.flow, choice.since, choice.all) != (None, None, None, False)
    if bool(executions) == is_chosen:
        found = "both" if executions else "neither"
        raise UsageError(
            f"expected one or more executions, or a filter (--status, --flow, --since, --all), found {found}: "
            "flowsm upgrade ID… --to FLOW_FILE"
        )
    version = load_flow(to if to == "-" else Path(to))
    since = None if choice.since is None else moment_of(choice.since, datetime.now(UTC))
    done: list[Upgrade] = []

    async def question(manager: FlowManager) -> UpgradeReport:
        return await manager.upgrade_in_bulk(
            version,
            execution_ids=[await manager.resolve_id(text) for text in executions] if executions else None,
            status=choice.status,
            of_flow=choice.flow,
            since=since,
            everything=choice.all,
            reason=reason,
            actor=who(actor),
            dry_run=choice.dry_run,
            each=done.append,
        )

    try:
        report = ask(db, question, changes=not choice.dry_run)
    except KeyboardInterrupt:
        _print(done, dry_run=choice.dry_run)
        talk(f"flowsm: upgrade: interrupted; {len(done):,} at least were asked, the rest was not, or is not known")
        return INTERRUPTED
    if choice.as_json:
        print_json(done)
    else:
        _print(done, dry_run=choice.dry_run)
    if not choice.dry_run:
        talk(
            f"flowsm: upgrade: {report.done:,} of {report.matched:,} go on with version {report.digest[:_DIGEST_CHARS]}"
            f" of flow {report.flow_id}" + (f", {report.refused:,} stay as they are" if report.refused else "")
        )
    return FINE if not report.refused else FAILED


def _print(done: list[Upgrade], *, dry_run: bool) -> None:
    rows = [(one.execution_id, one.status, one.task, _verdict(one, dry_run=dry_run)) for one in done]
    print_table(("id", "status", "task", "upgrade"), rows, styled=1)


def _verdict(found: Upgrade, *, dry_run: bool) -> str:
    if not found.safe:
        return f"not safe: {'; '.join(found.reasons)}"
    if dry_run:
        return "safe"
    return "it has that version already" if found.seq is None else f"upgraded, as event {found.seq}"
