"""What is redacted is in no byte of the file, wherever it was copied to; the file says so, and passes for nothing else."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import pytest

from flowsm import FlowManager, TaskContext, TaskFactory
from flowsm.errors import ArchiveBroken, ArchiveRedacted, UsageError

CARD = "4929-1111-2222-3333"
PIN = 17
NUMBER = 815_4711
FLOW = {
    "id": "pay",
    "name": "Pay",
    "start_task": "ask",
    "tasks": [
        {"name": "ask", "task_type": "ask"},
        {
            "name": "charge",
            "task_type": "charge",
            "parameters": {
                "card": {"$from": "/results/ask/data/card"},
                "all": [{"of": {"$from": "/results/ask/data"}}],
                "pin": {"$from": "/input/pin"},
            },
        },
        {
            "name": "below",
            "task_type": "subflow",
            "parameters": {
                "input": {"card": {"$from": "/results/ask/data/card"}},
                "flow": {
                    "id": "child",
                    "name": "Child",
                    "start_task": "fail",
                    "tasks": [{"name": "fail", "task_type": "fail"}],
                },
            },
        },
    ],
    "conditions": [
        {
            "source_task": "ask",
            "target_task_success": "charge",
            "when": [
                {"path": "/results/ask/data/card", "op": "exists"},
                {"path": "/input/pin", "op": "ne", "value": 1},
                {"path": "/input", "op": "exists"},
            ],
        },
        {"source_task": "charge", "target_task_success": "below"},
    ],
}
POINTERS = ("/results/ask/data/card", "/input/pin", "/input/number", "/signals/told/card")


@pytest.fixture
def tasks():
    registry = TaskFactory()

    @registry.task("ask")
    async def ask():
        return {"card": CARD, "name": "Ada", "long": "x" * 100_000}

    @registry.task("charge")
    async def charge(card, all, pin):
        return {"receipt": f"paid with {card}", "number": NUMBER, "text": f"no. {NUMBER}", card: pin + 1}

    @registry.task("fail")
    async def fail(context: TaskContext):
        raise ValueError(f"no more of {context.input['card']}")

    return registry


@pytest.fixture
async def paid(manager):
    await manager.start(FLOW, {"pin": PIN, "number": NUMBER, "on": True}, execution_id="one", paused=True)
    await manager.signal("one", "told", {"card": "short", "x": [CARD, None]}, idempotency_key="k")
    await manager.resume("one", reason=f"take {CARD}")
    assert (await manager.execute_flow("one")).status == "failed"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "flowsm.db"


@pytest.fixture
async def redacted(manager, paid, tmp_path):
    target = tmp_path / "one.flowrun"
    report = await manager.export("one", target, redact=POINTERS, with_children=True, actor="ada")
    assert (report.executions, report.redacted) == (2, POINTERS)
    return target


async def test_no_byte_of_it_is_left(manager, redacted, tmp_path):
    """Values that were named are gone, and their copies: parameters, operands, messages, sub-flows, keys of objects."""
    whole = tmp_path / "whole.flowrun"
    await manager.export("one", whole, with_children=True)
    for secret in (CARD, str(NUMBER), "short"):
        assert secret in whole.read_text()
        assert secret not in redacted.read_text()
    data = [json.loads(line["data"]) | {"type": line["type"]} for line in read(redacted) if line["kind"] == "event"]
    assert data[0]["input"] == {"pin": "[redacted]", "number": "[redacted]", "on": True}
    (signal,) = (event for event in data if event["type"] == "signal.received")
    assert signal["payload"] == {"card": "[redacted]", "x": ["[redacted]", None]}
    assert signal["content"] == ""
    asked, charged, *_ = (event for event in data if event["type"] == "task.completed")
    assert asked["data"] == {"card": "[redacted]", "name": "Ada", "long": "x" * 100_000}
    assert charged["data"] == {
        "receipt": "paid with [redacted]", "number": "[redacted]", "text": "no. [redacted]", "[redacted]": PIN + 1
    }  # fmt: skip
    _, started, *_ = (event for event in data if event["type"] == "task.started")
    assert started["parameters"]["card"] == started["parameters"]["pin"] == "[redacted]"
    assert started["parameters"]["all"][0]["of"] == asked["data"]
    operands = {one["path"]: one.get("seen") for event in data for one in event.get("operands", ())}
    assert operands["/results/ask/data/card"] == operands["/input/pin"] == "[redacted]"
    failed = next(event for event in data if event.get("error"))
    assert failed["error"]["message"].endswith("no more of [redacted]")


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_it_says_what_was_done_and_keeps_the_digests(manager, redacted):
    """By whom, what; each event has the digest that it was recorded with beside the one of what is left."""
    lines = read(redacted)
    assert lines[0]["redacted"] == {"by": "ada", "pointers": list(POINTERS)}
    originals = [line["original"] for line in lines if line["kind"] == "event"]
    events = await manager.events("one") + await manager.events("one:below:1")
    assert originals == [event.digest for event in events]
    heads = [line["original"] for line in lines if line["kind"] == "stream"]
    assert heads == [(await manager._log.head(name)).digest for name in ("one", "one:below:1")]


async def test_it_is_read_and_never_taken_for_what_was_recorded(manager, redacted, tmp_path, tasks):
    """All that looks accepts it; `verify` says that it cannot; it is not imported, nor passed on as something else."""
    async with FlowManager(":memory:", tasks=tasks) as reader:
        opened = await reader.open_file(redacted)
        assert opened.redacted.words == f"redacted by ada ({', '.join(POINTERS)})"
        found = await reader.get_flow_status("one")
        assert found.path == (await manager.get_flow_status("one")).path
        assert found.input["pin"] == "[redacted]"
        assert (await reader.explain("one")).headline
        assert len(await reader.timeline("one")) == len(await manager.timeline("one"))
        report = await reader.verify("one")
        assert (report.ok, report.problem_count) == (False, 1)
        assert "redacted by ada" in report.problems[0].message
        for verb in (reader.export("one", tmp_path / "x"), reader.anchor(tmp_path / "x"), reader.backup(tmp_path / "x"),
                     reader.archive(tmp_path / "x", older_than=timedelta(0))):  # fmt: skip
            with pytest.raises(UsageError, match="redacted by ada"):
                await verb
        with pytest.raises(UsageError, match="redacted by ada"):
            reader.anchor_lines()
    assert not (tmp_path / "x").exists()
    with pytest.raises(ArchiveRedacted, match="cannot be imported"):
        await manager.import_archive(redacted)


@pytest.mark.parametrize("compressed", [False, True])
async def test_what_says_that_it_is_not_redacted_is_found(redacted, compressed):
    """Whoever takes the first line's word away has another file than the last line vouches for."""
    lines = redacted.read_bytes().splitlines(keepends=True)
    first = json.loads(lines[0])
    first.pop("redacted")
    for format_ in (1, 2):
        lines[0] = json.dumps(first | {"format": format_}, separators=(",", ":")).encode() + b"\n"
        text = b"".join(lines)
        redacted.write_bytes(gzip.compress(text) if compressed else text)
        async with FlowManager(":memory:") as reader:
            with pytest.raises(ArchiveBroken) as caught:
                await reader.open_file(redacted)
            assert caught.value.line == (1 if format_ == 2 else len(lines))


async def test_an_event_that_was_changed_is_found(redacted):
    """What is left is sealed: a changed line is named."""
    lines = redacted.read_bytes().splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if b"paid with" in line)
    lines[number] = lines[number].replace(b"paid", b"done")
    redacted.write_bytes(b"".join(lines))
    async with FlowManager(":memory:") as reader:
        with pytest.raises(ArchiveBroken, match=f"line {number + 1}: one, seq"):
            await reader.open_file(redacted)


@pytest.mark.parametrize(
    ("pointer", "gone"),
    [
        ("/results/fail", f"of {CARD}"),
        ("/results/fail/error", f"of {CARD}"),
        ("/results/fail/error/message", f"of {CARD}"),
        ("/results/ask", "Ada"),
        ("/input", '"on"'),
        ("/signals/told", "short"),
        ("/signals/told/x/0", CARD),
    ],
)
async def test_what_a_pointer_may_name(manager, paid, tmp_path, pointer, gone):
    """A whole result, its error, the whole input, a signal's whole payload, an item of an array."""
    target = tmp_path / "one.flowrun"
    await manager.export("one", target, redact=[pointer], with_children=True)
    data = "".join(line["data"] for line in read(target) if line["kind"] == "event")
    assert gone not in data
    async with FlowManager(":memory:") as reader:
        opened = await reader.open_file(target)
        assert opened.redacted.words == f"redacted ({pointer})"
        assert (await reader.get_flow_status("one")).status == "failed"


@pytest.mark.parametrize(
    ("pointer", "reason"),
    [
        ("input", "begins with"),
        ("", "expected /input"),
        ("/visits/ask", "expected /input"),
        ("/results", "expected /input"),
        ("/results/ask/status", "one of data, message"),
        ("/signals", "expected /input"),
        ("/results/ask/data/crad", "names nothing"),
        ("/results/aks/data", "names nothing"),
        ("/input/on/1", "names nothing"),
        ("/signals/told/x/2", "names nothing"),
        ("/signals/told/x/1", "names nothing"),
    ],
)
async def test_a_pointer_that_names_nothing(manager, paid, tmp_path, pointer, reason):
    """One that was mistyped would leave the value where it is: it is refused, and no file is left."""
    with pytest.raises(UsageError, match=reason):
        await manager.export("one", tmp_path / "one.flowrun", redact=["/input/pin", pointer])
    assert not list(tmp_path.glob("*one*"))
