"""The verbs that upgrade, as `FlowManager` has them: executions in flight go on with another version of their flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime

import msgspec

from flowsm.clock import Clock
from flowsm.definition.load import Source, load_flow
from flowsm.definition.model import FlowConfig
from flowsm.errors import Conflict, ConflictError, IllegalCommand, LogBroken, NotFound, UpgradeRefused
from flowsm.events import commands
from flowsm.events.facts import Fact
from flowsm.limits import BULK_PAGE_EXECUTIONS, CONFLICT_RETRIES_MAX
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import FlowMachine
from flowsm.machine.decide import step
from flowsm.machine.state import ExecutionState
from flowsm.projections.queries import Queries
from flowsm.replay.recording import record
from flowsm.replay.rehearse import Stage
from flowsm.replay.upgrade import Upgrade, judge
from flowsm.runtime.arguments import checked_command, checked_flag, checked_id, stored_alike
from flowsm.runtime.batch import batch_of
from flowsm.runtime.bulk import Chosen, check_chosen
from flowsm.runtime.execution import FlowExecution, execution_of
from flowsm.runtime.loading import Prepared, StateLoader
from flowsm.status import FlowStatus

__all__ = ["UpgradeReport", "UpgradingVerbs"]


class UpgradeReport(msgspec.Struct, kw_only=True):
    """What was upgraded, or, in a dry run, could be: `matched` is the sum of `done` and `refused`."""

    flow_id: str
    digest: str
    dry_run: bool
    matched: int = 0
    done: int = 0
    refused: int = 0
    executions: list[Upgrade] = msgspec.field(default_factory=list)


class _Version:
    """The version that executions are to go on with, and how they are asked."""

    def __init__(self, prepared: Prepared, reason: str, actor: str) -> None:
        self.prepared = prepared
        self.stage = Stage(prepared.flow)
        command = commands.Upgrade(digest=prepared.digest, reason=reason, actor=actor)
        self._command = checked_command(command)

    def decide(
        self, state: ExecutionState, machine: FlowMachine, now: datetime
    ) -> tuple[tuple[Fact, ...], ExecutionState]:
        """What is to be recorded of one that may go on with it; errors as those of `step`."""
        flow = machine.flow
        command = msgspec.structs.replace(self._command, version_before=flow.version, timeout_before=flow.timeout)
        facts, after = step(self.prepared.machine, state, command, now)
        stored_alike(facts)
        return facts, after


class UpgradingVerbs:
    """An upgrade is an event: what came before it stays as it was, and what comes after it is decided by the new version.

    Only what is safe at the very event that the upgrade is appended to is upgraded: the path so far, and the attempt or
    the wait where it stands, are there in the new version too.
    """

    _log: SqliteEventLog
    _loader: StateLoader
    _queries: Queries
    _clock: Clock

    async def rehearse_upgrade(self, execution_ids: Iterable[str], flow: FlowConfig | Source) -> list[Upgrade]:
        """Whether each of these executions could go on with this version of its flow, or why not; nothing is changed.

        Raises:
            DocumentInvalid: the version has errors.
            ExecutionNotFound: there is no such execution.
            LogBroken: a stored event is not what was recorded.
        """
        version = self._version(flow)
        return [await self._upgrade(version, execution_id, dry_run=True) for execution_id in execution_ids]

    async def upgrade(
        self,
        execution_id: str,
        flow: FlowConfig | Source,
        *,
        expected_seq: int | None = None,
        reason: str = "",
        actor: str = "",
    ) -> FlowExecution:
        """Let an execution go on with this version of its flow; one that has it already is left as it is.

        What runs, or waits, stays as it was begun. Whoever drives the execution goes on with the new version after that.
        With `expected_seq` only if the execution is still there.

        Raises:
            Conflict: it is not.
            DocumentInvalid: the version has errors.
            UsageError: an argument that cannot be recorded.
            ExecutionNotFound: there is no such execution.
            UpgradeRefused: it would not be safe; with all reasons.
            LogBroken: a stored event is not what was recorded.
        """
        version = self._version(flow, reason, actor)
        verdict = await self._upgrade(version, execution_id, expected_seq=expected_seq)
        if not verdict.safe:
            raise UpgradeRefused(execution_id, version.stage.flow.id, version.prepared.digest, verdict.reasons)
        return execution_of((await self._loader.load(execution_id))[0])

    async def upgrade_in_bulk(
        self,
        flow: FlowConfig | Source,
        *,
        execution_ids: Iterable[str] | None = None,
        status: FlowStatus | str | None = None,
        of_flow: str | None = None,
        since: datetime | None = None,
        everything: bool = False,
        reason: str = "",
        actor: str = "",
        dry_run: bool = False,
        each: Callable[[Upgrade], object] | None = None,
    ) -> UpgradeReport:
        """Upgrade these executions, or all in flight that fit, the newest first; those that are not safe are named.

        Args:
            flow: the version.
            execution_ids: these executions, and no others.
            status: only those with this status.
            of_flow: only those of the flow with this id or name.
            since: only those created then (aware) or later.
            everything: all of them: one of these five has to be given.
            reason: why; recorded with each.
            actor: who asks; recorded with each.
            dry_run: find out what would be done, and do nothing.
            each: is called for each of them as it is done, in place of the report's list, which takes memory.

        Raises:
            DocumentInvalid: the version has errors.
            UsageError: nothing is chosen, or an argument that cannot be used.
            LogUnavailable: the log cannot be read, or written; what was done before stays.
        """
        checked_flag("dry_run", dry_run)
        version = self._version(flow, reason, actor)
        chosen = Chosen(status=status, flow=of_flow, since=since)
        check_chosen(chosen, everything=everything or (execution_ids is not None and chosen == Chosen()))
        report = UpgradeReport(flow_id=version.stage.flow.id, digest=version.prepared.digest, dry_run=dry_run)
        keep = report.executions.append if each is None else each
        async for page in self._chosen(execution_ids, chosen):
            for one in await self._upgrade_page(version, page, dry_run=dry_run):
                report.matched += 1
                report.done += one.safe
                report.refused += not one.safe
                keep(one)
        return report

    async def _chosen(self, execution_ids: Iterable[str] | None, chosen: Chosen) -> AsyncIterator[Sequence[str]]:
        """The ids, page by page; without a status, those that have ended are left out."""
        if execution_ids is not None:
            yield list(dict.fromkeys(execution_ids))
            return
        cursor: str | None = None
        while True:
            page = await self._queries.executions(
                status=chosen.status, flow=chosen.flow, since=chosen.since, limit=BULK_PAGE_EXECUTIONS, cursor=cursor
            )
            yield [row.execution_id for row in page.items if row.ended_at is None or chosen.status is not None]
            cursor = page.cursor
            if cursor is None:
                return

    async def _upgrade_page(self, version: _Version, page: Sequence[str], *, dry_run: bool) -> list[Upgrade]:
        """All at once, so that they share commits; each is answered before an error that stops all is raised."""
        asked = (self._try(version, execution_id, dry_run=dry_run) for execution_id in page)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, Upgrade)]

    async def _try(self, version: _Version, execution_id: str, *, dry_run: bool) -> Upgrade:
        """The verdict on one of many: what concerns it alone is its reason."""
        try:
            return await self._upgrade(version, execution_id, dry_run=dry_run)
        except (ConflictError, NotFound, LogBroken) as error:
            return Upgrade(execution_id=execution_id, status="unknown", task=None, safe=False, reasons=[str(error)])

    # -- one ---------------------------------------------------------------------------------

    async def _upgrade(
        self, version: _Version, execution_id: str, *, dry_run: bool = False, expected_seq: int | None = None
    ) -> Upgrade:
        """Judge an execution, and upgrade it if it is safe; judged again where it went on meanwhile."""
        checked_id(execution_id)
        failed: Exception = Conflict(execution_id, 0, 0)
        for _ in range(CONFLICT_RETRIES_MAX):
            state, machine = await self._loader.load(execution_id)
            if expected_seq is not None and state.seq != expected_seq:
                raise Conflict(execution_id, expected_seq, state.seq)
            events = await self._log.read(execution_id, inflated=True)
            verdict = judge(
                version.stage, record(execution_id, events[: state.seq]), state, machine.tasks.get(state.node)
            )
            if not verdict.safe or state.digest == version.prepared.digest:
                return verdict
            try:
                facts, after = version.decide(state, machine, self._clock.now())
            except (UpgradeRefused, IllegalCommand) as refused:
                reasons = list(refused.reasons) if isinstance(refused, UpgradeRefused) else [str(refused)]
                return msgspec.structs.replace(verdict, safe=False, reasons=reasons)
            if dry_run:
                return verdict
            batch = batch_of(state, facts, after, definition=version.prepared.definition, keep=True)
            try:
                appended = await self._log.append(batch)
            except Conflict as conflict:
                failed = conflict
                continue
            self._loader.recorded(facts, after, appended)
            self._was_told(after)
            return msgspec.structs.replace(verdict, status=after.status.value, seq=state.seq + 1)
        raise failed

    def _version(self, flow: FlowConfig | Source, reason: str = "", actor: str = "") -> _Version:
        return _Version(self._loader.prepare(load_flow(flow)), reason, actor)

    def _was_told(self, state: ExecutionState) -> None:
        """Somebody appended to an execution: whoever drives it here is to see it."""
        raise NotImplementedError
