"""Make a golden log: a log of every kind of event that there is today, with the rows that it must fold to for ever.

    python tests/golden/make.py NAME

writes `NAME.db.gz`, the file itself, and `NAME.json`, its rows and the executions as their callers see them, beside
this script. What is there is never written again: a golden log that no longer folds to its rows is a broken promise,
not a file to be made anew. Make another one, under a new name, whenever a type or a version of an event is added.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from flowsm.definition.digest import canonical_digest, canonical_json
from flowsm.definition.load import load_flow
from flowsm.events.commands import (
    Advance,
    Cancel,
    Command,
    Create,
    Driver,
    Fork,
    Pause,
    RecordChild,
    RecordProbe,
    RecordResult,
    Redrive,
    Remove,
    Resolve,
    Resume,
    Signal,
    Upgrade,
)
from flowsm.events.facts import ErrorInfo, Unknown
from flowsm.log.port import Append
from flowsm.log.sqlite import SqliteEventLog
from flowsm.machine.compile import compile_flow
from flowsm.machine.decide import step
from flowsm.machine.evolve import evolve, fold, pinned
from flowsm.machine.state import ExecutionState, new_state
from flowsm.projections.project import execution_row
from flowsm.projections.tables import PROJECTION_MIGRATIONS, ROW_STATEMENTS
from flowsm.runtime.batch import batch_of
from flowsm.runtime.execution import execution_of
from flowsm.runtime.forking import Forking
from flowsm.runtime.loading import StateLoader
from flowsm.testing.clock import ManualClock

FOLDER = Path(__file__).parent
TABLES = {"executions": "execution_id", "attempts": "execution_id, started_seq", "statistics": "flow_id, task, outcome"}
LONGEST_TEXT = 1_000
DRIVER = Driver(worker="w-golden", versions={"work": "1.2.3"})

FLOWS: dict[str, Any] = json.loads((FOLDER / "flows.json").read_text("utf-8"))
FLOW, LATER, NEWER = FLOWS["first"], FLOWS["later"], FLOWS["newer"]


class Story:
    """One execution, told command by command: the engine decides, and the log records, what follows."""

    def __init__(self, log: SqliteEventLog, clock: ManualClock, name: str, document: dict[str, Any]) -> None:
        flow = load_flow(document)
        self.document = canonical_json(flow)
        self.machine = compile_flow(flow)
        self.log, self.clock = log, clock
        self.state = new_state(name)

    async def tell(self, command: Command, seconds: float = 1.5, *, claims: bool = False) -> None:
        """Let time pass, then command."""
        self.clock.advance(seconds)
        facts, after = step(self.machine, self.state, command, self.clock.now())
        definition = (canonical_digest(self.document), self.document)
        batch = batch_of(self.state, facts, after, claim_for=DRIVER.worker if claims else "", definition=definition)
        await self.log.append(batch)
        self.state = after

    async def begin(self, value: Any) -> Story:
        """Create and start it."""
        await self.tell(Create(digest=canonical_digest(self.document), input=value))
        await self.tell(Advance(driver=DRIVER, chance=0.25), claims=True)
        return self

    async def result(self, status: str = "success", outcome: str = "", **values: Any) -> None:
        """The running attempt came to this."""
        attempt = self.state.attempt
        assert attempt is not None
        command = RecordResult(
            driver=DRIVER,
            task=self.state.node,
            visit=attempt.visit,
            attempt=attempt.attempt,
            status=status,
            outcome=outcome or status,
            duration_us=1_234_567,
            chance=0.75,
            **values,
        )
        await self.tell(command)

    async def upgrade(self, document: dict[str, Any], **said: str) -> None:
        """Go on with another version."""
        flow, before = load_flow(document), self.machine.flow
        self.document, self.machine = canonical_json(flow), compile_flow(flow)
        digest = canonical_digest(self.document)
        await self.tell(Upgrade(digest=digest, version_before=before.version, timeout_before=before.timeout, **said))

    async def unknown(self) -> None:
        """Something of a later flowsm, which this one keeps as it is."""
        fact = Unknown(type="execution.praised", version=3, data=msgspec.Raw(b'{"by":"Ada",  "stars":[5]}'))
        after = evolve(self.machine, self.state, fact, self.state.updated_at)
        batch = Append(
            stream=self.state.stream,
            expected_seq=self.state.seq,
            at=self.state.updated_at,
            facts=(fact,),
            rows=[execution_row(after)],
        )
        await self.log.append(batch)
        self.state = after


def error(name: str = "OSError") -> ErrorInfo:
    """An error as a task leaves it."""
    return ErrorInfo(type=name, message=f"a {name} - ü", types=(name, "Exception"), traceback="Traceback: …")


async def tell_all(log: SqliteEventLog) -> None:
    """Every kind of event, in executions that ended in each way, and in some that did not."""
    clock = ManualClock()

    def story(name: str) -> Story:
        return Story(log, clock, name, FLOW)

    whole = await story("completed").begin({"total": 12.5, "skip": False})
    await whole.result(data={"n": 3, "list": [1, 2.5, None, True, "ü"]}, message="three", warnings=("one", "two"))
    await whole.result(outcome="again")
    await whole.result(data={"n": 10**12})
    await whole.result(data=None)
    await whole.unknown()

    failed = await story("failed").begin(None)
    for _ in range(3):
        await failed.result("failure", error=error())
        if failed.state.attempt is not None and failed.state.attempt.due is not None:
            await failed.tell(Advance(driver=DRIVER), seconds=60)
    await failed.result("failure", outcome="broken", error=error("ValueError"))

    late = await story("timed-out").begin({"skip": True})
    await late.result("failure", error=error("TaskTimeout"), timed_out=True)
    await late.tell(Advance(driver=DRIVER), seconds=60)
    await late.result("failure", error=error("FlowTimeout"), timed_out=True)
    await late.tell(Advance(driver=DRIVER), seconds=90_000)

    skipped = await story("skipped").begin({"skip": True})
    await skipped.result(data={"n": 3})

    bounded = await story("bounded").begin({"skip": False})
    while bounded.state.ended_at is None:
        await bounded.result(data={"n": 3}, outcome="success" if bounded.state.node == "first" else "again")

    interrupted = await story("interrupted").begin([])
    await interrupted.tell(Advance(driver=Driver(worker="w-other")), claims=True)
    await interrupted.result("skipped")

    cancelled = await story("cancelled").begin({})
    await cancelled.tell(Cancel(reason="no longer wanted", actor="Ada"))

    removed = await story("removed").begin({})
    await removed.result()
    await removed.result("failure", error=error())
    await removed.tell(Remove(reason="by mistake", actor="Ada"))

    large = await story("large").begin({"total": "large " * 20_000, "skip": False})
    await large.result(data={"n": 3, "text": "larger " * 20_000})

    waiting = await story("waiting").begin(1)
    await waiting.result("failure", error=error())
    await story("running").begin("text")
    await story("created").tell(Create(digest=canonical_digest(whole.document)))
    await tell_later(log, clock)
    await tell_forks(log, clock)


async def tell_forks(log: SqliteEventLog, clock: ManualClock) -> None:
    """What came with forks: an attempt that is begun again, other values, and a fork of a fork."""
    forking = Forking(log, StateLoader(log), clock)
    for origin, kind, name, overrides in (
        ("overridden", "task.started", "begun-again", {}),
        ("overridden", "task.completed", "forked", {"/input": {"order": 9}}),
        ("forked", "execution.forked", "forked-again", {}),
    ):
        seq = next(event.seq for event in await log.read(origin) if event.type == kind)
        command = Fork(origin=origin, origin_seq=seq, overrides=overrides, reason="to see", actor="Ada")
        await forking.fork(origin, seq, command, name)


async def tell_later(log: SqliteEventLog, clock: ManualClock) -> None:
    """What came with waits, signals, sub-flows, operators' verbs and unknown outcomes."""
    driver = {"driver": DRIVER, "chance": 0.5}
    ask = Signal(name="approval", payload={"by": "Ada"}, outcome="approved", idempotency_key="k-1", actor="Ada")

    async def story(name: str) -> Story:
        return await Story(log, clock, name, LATER).begin({"order": 7})

    async def at_charge(name: str) -> Story:
        told = await story(name)
        await told.tell(Advance(**driver), seconds=61.25)
        await told.tell(ask)
        await told.tell(Advance(**driver))
        attempt = told.state.attempt
        assert attempt is not None
        assert attempt.waiting is not None
        child = attempt.waiting.child or ""
        await told.tell(RecordChild(child=child, status="completed", data={"sum": 3}, **driver))
        assert told.state.node == "charge"
        return told

    whole = await at_charge("resolved")
    await whole.tell(Advance(**driver))
    place = {"task": "charge", "visit": 1, "attempt": 1}
    done = RecordResult(status="success", outcome="success", data="charged", driver=DRIVER, **place)
    await whole.tell(RecordProbe(result=done, **place, **driver))
    await whole.tell(Advance(**driver))
    await whole.tell(Resolve(resolution="success", data={"parcel": 9}, reason="it is there", actor="Ada"))
    await whole.tell(Advance(**driver))
    await whole.tell(Signal(name="late", payload="l" * 70_000))

    redriven = await at_charge("redriven")
    await redriven.tell(Advance(**driver))
    await redriven.tell(RecordProbe(result=None, **place, **driver))
    await redriven.result("failure", error=error())
    await redriven.tell(Redrive(reason="the bank is back", actor="Ada"))
    await redriven.tell(Advance(**driver))
    await redriven.result()
    await redriven.tell(Pause(reason="lunch", actor="Ada", now=True))
    await redriven.tell(Advance(**driver))
    await redriven.tell(Resume(reason="fed", actor="Ada"))
    await redriven.tell(Advance(**driver))

    cancelled = await at_charge("tidied-up")
    await cancelled.tell(Cancel(reason="no longer wanted", actor="Ada"))
    await cancelled.tell(Advance(**driver))
    while cancelled.state.ended_at is None:
        await cancelled.result()

    await tell_latest(story, at_charge)
    late = await story("not-approved")
    await late.tell(Advance(**driver), seconds=100)
    await late.tell(Advance(**driver), seconds=1_000)
    await (await story("asleep")).tell(Signal(name="approval", payload={"early": True}))


async def tell_latest(story: Callable[[str], Awaitable[Story]], at_charge: Callable[[str], Awaitable[Story]]) -> None:
    """What came with overrides and upgrades."""
    driver = {"driver": DRIVER, "chance": 0.5}
    overridden = await at_charge("overridden")
    await overridden.tell(Advance(**driver))
    await overridden.result("failure", error=error())
    values = {"/results/approval/data/by": "Bob", "/input": {"order": 8}, "/results/part/outcome": "good"}
    await overridden.tell(Redrive(overrides=values, reason="by hand", actor="Ada"))
    await overridden.tell(Advance(**driver))

    upgraded = await story("upgraded")
    await upgraded.upgrade(NEWER, reason="shorter", actor="Ada")
    await upgraded.tell(Advance(**driver), seconds=61.25)
    await upgraded.result(data=[1])
    await (await story("upgraded-early")).upgrade(NEWER)


def rows_in(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the projections, by table."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]
            for table, order in TABLES.items()
        }


def brief(value: Any) -> Any:
    """A JSON value with a digest in the place of each large text."""
    if isinstance(value, dict):
        return {key: brief(item) for key, item in value.items()}
    if isinstance(value, list):
        return [brief(item) for item in value]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return {"sha256": hashlib.sha256(value.encode()).hexdigest(), "chars": len(value)}
    return value


async def executions_in(path: Path) -> dict[str, Any]:
    """The executions as their callers see them, folded from nothing but events and flows."""
    log = SqliteEventLog(path, row_statements=ROW_STATEMENTS, migrations=PROJECTION_MIGRATIONS)
    found: dict[str, Any] = {}
    for (stream,) in await log.query("SELECT stream FROM streams ORDER BY number"):
        events = await log.read(stream, inflated=True)
        digests = [digest for event in events if (digest := pinned(event.fact)) is not None]
        machines = {one: compile_flow(load_flow(json.loads(await log.definition(one)))) for one in digests}
        state: ExecutionState = fold(machines.__getitem__, stream, events)
        found[stream] = brief(msgspec.to_builtins(execution_of(state)))
    await log.close()
    return found


def expected_text(path: Path) -> str:
    """What a golden log promises, as it is kept."""
    promise = {"rows": rows_in(path), "executions": asyncio.run(executions_in(path))}
    return json.dumps(promise, indent=1, ensure_ascii=False) + "\n"


async def write_log(path: Path) -> None:
    """Write the log."""
    log = SqliteEventLog(path, row_statements=ROW_STATEMENTS, migrations=PROJECTION_MIGRATIONS, clock=ManualClock())
    await tell_all(log)
    await log.close()


def make(name: str, folder: Path = FOLDER) -> None:
    """Write a golden log under a name that is not taken."""
    kept, rows = folder / f"{name}.db.gz", folder / f"{name}.json"
    if kept.exists() or rows.exists():
        raise SystemExit(f"{name} exists already: a golden log is never written again; choose another name")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "flowsm.db"
        asyncio.run(write_log(path))
        rows.write_text(expected_text(path), encoding="utf-8")
        kept.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def main(arguments: Sequence[str]) -> None:
    """Make the log that the command line names."""
    if len(arguments) != 1:
        raise SystemExit("usage: python tests/golden/make.py NAME")
    make(arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
