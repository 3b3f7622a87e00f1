"""verify: whatever is not as it was recorded, or does not follow from it, is named."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from flowsm import FlowManager
from flowsm.clock import SystemClock, timestamp
from flowsm.errors import ExecutionNotFound
from flowsm.events.facts import Fact, TaskStarted, TransitionTaken, Unknown
from flowsm.log.port import Append
from flowsm.log.sqlite import SqliteEventLog
from flowsm.projections import verify as module
from flowsm.projections.tables import PROJECTION_MIGRATIONS, ROW_STATEMENTS


async def messages(manager: FlowManager, execution_id: str | None = None) -> list[tuple[str, int, str]]:
    report = await manager.verify(execution_id)
    assert report.problem_count == len(report.problems)
    assert report.ok is (report.problem_count == 0)
    return [(problem.stream, problem.seq, problem.message) for problem in report.problems]


async def run_all(manager: FlowManager, flows: dict) -> dict[str, str]:
    """One execution of every flow; gives their ids."""
    ended = await asyncio.gather(*(manager.run(flow) for flow in flows.values()))
    return {execution.flow_id: execution.execution_id for execution in ended}


async def record(path, stream: str, *facts: Fact) -> None:
    """Append facts that no machine made, with a chain that is whole."""
    log = SqliteEventLog(path, row_statements=ROW_STATEMENTS, migrations=PROJECTION_MIGRATIONS)
    head = await log.head(stream)
    at = timestamp(SystemClock().now())
    await log.append(Append(stream=stream, expected_seq=head.seq if head else 0, at=at, facts=facts))
    await log.close()


async def test_a_log_that_is_right_has_no_problems(manager, flows):
    """Every kind of execution passes, large results, removed and new ones included."""
    ids = await run_all(manager, flows)
    await manager.remove_flow(ids["plain"])
    created = manager.create_flow_execution(flows["plain"])
    report = await manager.verify()
    assert (report.problems, report.ok, report.statistics_checked) == ((), True, True)
    assert report.streams == len(flows) + 1
    assert report.events == sum([len(await manager.events(stream)) for stream in [*ids.values(), created]])


async def test_one_execution_may_be_verified_alone(manager, flows, sql):
    """Only its own events and rows are looked at."""
    ids = await run_all(manager, flows)
    sql(f"UPDATE executions_1 SET status = 'failed' WHERE execution_id = '{ids['plain']}'")
    report = await manager.verify(ids["failing"])
    assert (report.ok, report.streams, report.statistics_checked) == (True, 1, False)
    assert report.events == len(await manager.events(ids["failing"]))
    assert not (await manager.verify(ids["plain"])).ok
    with pytest.raises(ExecutionNotFound):
        await manager.verify("nobody")


async def test_an_altered_status_row_is_found(manager, flows, sql):
    """The column, what is stored and what should be are said."""
    ids = await run_all(manager, flows)
    sql(f"UPDATE executions_1 SET status = 'completed' WHERE execution_id = '{ids['failing']}'")
    seq = len(await manager.events(ids["failing"]))
    assert await messages(manager) == [
        (ids["failing"], seq, "the row of the execution has status 'completed', by its events it is 'failed'")
    ]


async def test_a_deleted_status_row_is_found(manager, flows, sql):
    """A status that is gone is missed."""
    ids = await run_all(manager, flows)
    sql(f"DELETE FROM executions_1 WHERE execution_id = '{ids['plain']}'")
    (problem,) = await messages(manager)
    assert (problem[0], problem[2]) == (ids["plain"], "the row of the execution is missing")


async def test_a_deleted_attempt_row_is_found(manager, flows, sql):
    """The seq is that of the attempt's start."""
    ids = await run_all(manager, flows)
    sql(f"DELETE FROM attempts_1 WHERE execution_id = '{ids['looping']}' AND visit = 2")
    (start,) = [
        event.seq
        for event in await manager.events(ids["looping"])
        if isinstance(event.fact, TaskStarted) and event.fact.visit == 2
    ]
    assert await messages(manager) == [
        (ids["looping"], start, f"the row of the attempt started at seq {start} is missing")
    ]


async def test_an_attempt_row_too_many_is_found(manager, flows, sql):
    """A row that follows from no event is no more right than one that is missing."""
    ids = await run_all(manager, flows)
    sql(
        "INSERT INTO attempts_1 (execution_id, started_seq, task, visit, attempt, status, started_at, worker) "
        f"VALUES ('{ids['plain']}', 99, 't0', 9, 1, 'running', '', '')"
    )
    assert await messages(manager) == [
        (ids["plain"], 99, "the row of the attempt started at seq 99 follows from no event")
    ]


async def test_an_altered_statistic_is_found(manager, flows, sql):
    """Sums that are wrong, missing or too many are each named, with both figures."""
    await run_all(manager, flows)
    sql(
        "UPDATE statistics_1 SET count = 7, duration_us = 1 WHERE flow_id = 'plain' AND task = ''",
        "DELETE FROM statistics_1 WHERE flow_id = 'failing' AND task = 't1'",
        "INSERT INTO statistics_1 VALUES ('failing', 't9', 'success', 1, 5)",
    )
    missing, more, wrong = await messages(manager)
    assert missing[2].startswith("the statistics of attempts of task 't1' of flow 'failing' in 'failure' are missing")
    assert more[2].endswith("in 'success' are 1 in 5 µs, by the events they are missing")
    assert wrong[2].startswith("the statistics of ends of flow 'plain' in 'completed' are 7 in 1 µs, by the events")


async def test_an_altered_event_is_found(manager, flows, sql):
    """With the triggers dropped an event can be altered; its digest tells, and its statistics are left alone."""
    ids = await run_all(manager, flows)
    sql(f"UPDATE events SET data = replace(data, 'it is bad', 'it is good') WHERE stream = '{ids['failing']}'")
    (seq,) = [event.seq for event in await manager.events(ids["plain"]) if event.type == "execution.completed"]
    problems = await messages(manager)
    assert [(stream, message) for stream, _, message in problems] == [
        (ids["failing"], "its digest does not fit what is stored")
    ]
    assert 0 < problems[0][1] < seq
    assert (await manager.verify()).statistics_checked is False


async def test_a_missing_event_is_found(manager, flows, sql):
    """In the middle, at the beginning and at the end of a stream."""
    ids = await run_all(manager, flows)
    last = len(await manager.events(ids["retrying"]))
    sql(
        f"DELETE FROM events WHERE stream = '{ids['plain']}' AND seq = 5",
        f"DELETE FROM events WHERE stream = '{ids['failing']}' AND seq = 1",
        f"DELETE FROM events WHERE stream = '{ids['retrying']}' AND seq = {last}",
        f"DELETE FROM events WHERE stream = '{ids['looping']}'",
    )
    assert sorted(await messages(manager)) == sorted(
        (ids[flow], seq, "the event is missing")
        for flow, seq in [("plain", 5), ("failing", 1), ("retrying", last), ("looping", 1)]
    )


async def test_an_illegal_transition_with_a_right_chain_is_found(manager, flows, path):
    """What was recorded properly but is not what the machine makes is refused, with the seq where they part."""
    created = manager.create_flow_execution(flows["plain"])
    await record(path, created, TransitionTaken(source="created", target="t2", trigger="start"))
    ((stream, seq, message),) = await messages(manager)
    assert (stream, seq) == (created, 2)
    assert message == "goes from 'created' to 't2' by 'start', which leads to 't0'"


async def test_an_event_after_the_end_is_found(manager, flows, path):
    """An execution that ended starts no task."""
    ended = await manager.run(flows["plain"])
    await record(path, ended.execution_id, TaskStarted(task="t0", visit=2, attempt=1, worker="w"))
    ((stream, seq, message),) = await messages(manager, ended.execution_id)
    assert (stream, seq) == (ended.execution_id, ended.seq + 1)
    assert "it is ended" in message


async def test_a_row_behind_its_events_is_found(manager, flows, path):
    """An event that was recorded without its rows leaves a row of the past."""
    ended = await manager.run(flows["plain"])
    await record(path, ended.execution_id, Unknown(type="task.praised", version=1, data=msgspec.Raw(b"{}")))
    found = await messages(manager)
    assert [message.split(",")[0] for _, _, message in found] == [
        found[0][2].split(",")[0],
        f"the row of the execution has seq {ended.seq}",
    ]
    assert "updated_at" in found[0][2]


async def test_a_stream_that_begins_with_something_else_is_found(manager, path):
    """Not every stream is an execution's; none other is known."""
    await record(path, "odd", Unknown(type="odd.thing", version=1, data=msgspec.Raw(b"{}")))
    assert await messages(manager) == [("odd", 1, "begins with odd.thing, not with execution.created")]


async def test_heads_that_disagree_are_found(manager, flows, sql):
    """The head's seq and digest are those of the last event."""
    ids = await run_all(manager, flows)
    sql(
        f"UPDATE streams SET seq = seq - 1 WHERE stream = '{ids['plain']}'",
        f"UPDATE streams SET digest = 'no' WHERE stream = '{ids['failing']}'",
        f"UPDATE streams SET seq = seq + 1 WHERE stream = '{ids['looping']}'",
    )
    found = {stream: message for stream, _, message in await messages(manager)}
    assert found == {
        ids["plain"]: "its digest is not the one in the stream's head",
        ids["failing"]: "its digest is not the one in the stream's head",
        ids["looping"]: "the event is missing",
    }


async def test_a_head_behind_its_events_is_found(manager, flows, sql):
    """Also where the head fits the event before the last."""
    ended = await manager.run(flows["plain"])
    digest = (await manager.events(ended.execution_id))[-2].digest
    sql(f"UPDATE streams SET seq = seq - 1, digest = '{digest}'")
    assert await messages(manager) == [
        (
            ended.execution_id,
            ended.seq,
            f"`streams` has it at seq {ended.seq - 1}, its last event is at {ended.seq}",
        )
    ]


async def test_strays_are_found(manager, flows, sql):
    """Events without a stream, and rows without events, belong to nobody."""
    ids = await run_all(manager, flows)
    sql(
        f"DELETE FROM streams WHERE stream = '{ids['plain']}'",
        "INSERT INTO attempts_1 (execution_id, started_seq, task, visit, attempt, status, started_at, worker) "
        "VALUES ('ghost', 1, 't', 1, 1, 'running', '', '')",
    )
    found = await messages(manager)
    assert (ids["plain"], 0, "has events, but no row in `streams`") in found
    assert (ids["plain"], 0, "has a row in `executions`, but is not in the log") in found
    assert ("ghost", 0, "has rows in `attempts`, but is not in the log") in found
    assert await messages(manager, ids["plain"]) == [(ids["plain"], 0, "has events, but no row in `streams`")]


async def test_a_row_of_an_execution_that_never_was_is_found(manager, flows, sql):
    """Asked for by its id, a row without a log is told of."""
    await manager.run(flows["plain"])
    sql("UPDATE executions_1 SET execution_id = 'ghost'")
    assert [message for _, _, message in await messages(manager, "ghost")] == [
        "the row of the execution follows from no event"
    ]


async def test_a_damaged_payload_is_found(manager, flows, sql):
    """A large value that lies apart is checked by its digest."""
    ended = await manager.run(flows["large"])
    sql("UPDATE payloads SET data = x'00'")
    ((stream, _, message),) = await messages(manager)
    assert (stream, message.endswith("is damaged")) == (ended.execution_id, True)


async def test_an_altered_flow_is_found(manager, flows, sql):
    """An execution is pinned to its flow: another one under the same digest is no flow of it."""
    ended = await manager.run(flows["plain"])
    sql("UPDATE definitions SET document = replace(document, 'The plain', 'The other')")
    ((stream, seq, message),) = await messages(manager)
    assert (stream, seq, message.endswith("is not what was stored")) == (ended.execution_id, 1, True)


async def test_positions_that_were_changed_are_found(manager, flows, sql):
    """The chain does not hold positions: they must rise within a stream, and stay below the log's head."""
    ended = await manager.run(flows["plain"])
    sql("UPDATE events SET position = position + 1000 WHERE seq = 2")
    found = await messages(manager)
    assert found == [
        ("", 0, f"the log's head is at position {ended.seq}, its last event at 1002"),
        (ended.execution_id, 3, "its position 3 is not after its predecessor's"),
    ]


async def test_the_list_of_problems_is_bounded(manager, flows, sql, monkeypatch):
    """The first ones are told, all are counted."""
    monkeypatch.setattr(module, "PROBLEMS_MAX", 2)
    await run_all(manager, flows)
    sql("UPDATE executions_1 SET status = 'odd'")
    report = await manager.verify()
    assert (len(report.problems), report.problem_count) == (2, len(flows))


async def test_a_long_value_is_shortened(manager, flows, sql):
    """A problem is a sentence, whatever is stored."""
    await manager.run(flows["plain"])
    sql(f"UPDATE executions_1 SET flow_name = '{'x' * 5_000}'")
    ((_, _, message),) = await messages(manager)
    assert len(message) < 200


async def test_verified_while_work_goes_on(manager, flows, monkeypatch):
    """Streams that move on between any two pages, and new ones, are no problems; the statistics are compared."""
    monkeypatch.setattr(module, "REFOLD_PAGE_EVENTS", 5)
    await run_all(manager, flows)
    waiting = [manager.create_flow_execution(flows["looping"]) for _ in range(6)]
    look = manager._log.look

    async def look_and_work(function):
        found = await look(function)
        if waiting:
            await manager.execute_flow(waiting.pop())
            await manager.run(flows["failing"])
        return found

    monkeypatch.setattr(manager._log, "look", look_and_work)
    report = await manager.verify()
    assert (report.problems, report.statistics_checked, waiting) == ((), True, [])


async def test_a_stream_that_breaks_meanwhile_is_found(manager, flows, sql, monkeypatch, path):
    """An illegal event that comes while the statistics are counted is told of, and the sums are left alone."""
    await manager.run(flows["plain"])
    created = manager.create_flow_execution(flows["plain"])
    check_statistics = module._Check._check_statistics

    async def record_and_check(self, base) -> None:
        await record(path, created, TransitionTaken(source="created", target="t2", trigger="start"))
        await check_statistics(self, base)

    monkeypatch.setattr(module._Check, "_check_statistics", record_and_check)
    report = await manager.verify()
    assert [(problem.stream, problem.seq) for problem in report.problems] == [(created, 2)]
    assert report.statistics_checked is False
