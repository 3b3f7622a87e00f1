"""`flowsm fork` and `flowsm forks`: a new execution that begins as another one did, and the tree of them."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.text import Text
from rich.tree import Tree

from flowsm.cli.flow_or_id import or_stdin
from flowsm.cli.json_option import read_input
from flowsm.cli.opening import ask
from flowsm.cli.options import DEFAULT_DB, Actor, AsJson, Db, ExecutionId, Reason, Settings, go_on_options, who
from flowsm.cli.output import console_for, print_json, print_text, safe, short, talk
from flowsm.definition.load import load_flow
from flowsm.definition.places import parse_settings, place_text
from flowsm.errors import UsageError
from flowsm.log.forks import Relative
from flowsm.manager import FlowManager
from flowsm.runtime.execution import FlowExecution
from flowsm.runtime.forking import ForkPlan

__all__ = ["fork", "forks"]


def fork(
    execution: ExecutionId,
    /,
    *,
    at: Annotated[int, Parameter(help="The seq of the last event that both share: `flowsm events ID` has them.")],
    id: Annotated[str | None, Parameter(name="--id", help="The new execution's id; by default a new one.")] = None,
    set_: Settings = None,
    input: Annotated[str | None, Parameter(help="Another input: a JSON value, or @FILE.")] = None,
    flow: Annotated[
        str | None,
        or_stdin("Another version of the flow: a path, or - for stdin."),
    ] = None,
    paused: Annotated[bool, Parameter(help="It waits for `flowsm resume` first.")] = False,
    idempotency_key: Annotated[
        str | None, Parameter(help="In place of --id: the same key and fork give the same execution.")
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Say what it would share and do again, and record nothing.")] = False,
    reason: Reason = "",
    actor: Actor = "",
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Begin a new execution that shares another one's events up to one of them, and goes on by itself.

    It is run by whoever recovers, or by `flowsm run`. What it runs has idempotency keys of its own.
    """
    overrides = parse_settings(set_ or ())
    if input is not None and "/input" in overrides:
        raise UsageError("the input is set twice, with --input and with --set: give one value for it")
    if input is not None:
        overrides = {"/input": read_input(input, execution)} | overrides
    version = None if flow is None else load_flow(flow if flow == "-" else Path(flow))

    async def question(manager: FlowManager) -> tuple[ForkPlan, FlowExecution | None]:
        found = await manager.resolve_id(execution)
        plan = await manager.plan_fork(found, at, flow=version, overrides=overrides)
        if not as_json:
            talk(f"flowsm: {_planned(plan)}")
        if dry_run:
            return plan, None
        made = await manager.fork(
            found,
            at,
            fork_id=id,
            flow=version,
            overrides=overrides,
            paused=paused,
            idempotency_key=idempotency_key,
            reason=reason,
            actor=who(actor),
        )
        return plan, made

    plan, made = ask(db, question, changes=not dry_run)
    if as_json:
        print_json(plan if made is None else msgspec.to_builtins(plan) | {"execution_id": made.execution_id})
        return
    if made is None:
        return
    print_text(made.execution_id)
    if paused:
        way = f"flowsm resume {made.execution_id}"
    else:
        way = shlex.join(["flowsm", "run", made.execution_id, *go_on_options(None, db)])
    talk(f"flowsm: forked: {made.execution_id} is {made.status}; without a worker it goes on by: {way}")


def _planned(plan: ForkPlan) -> str:
    """What a fork shares and does, in sentences."""
    shared = f"shares the results of {', '.join(map(safe, plan.done))}" if plan.done else "shares no result"
    values = ", ".join(f"{safe(place_text(place))}={short(value)}" for place, value in plan.overrides.items())
    head = f"it {shared}, up to seq {plan.seq} of {plan.origin}" + (f", with {values}" if values else "")
    if plan.task is None:
        return f"{head}, and goes on with the first task"
    task = f"task {safe(plan.task)!r} (visit {plan.visit})"
    keys = "what it runs has idempotency keys of its own"
    if plan.way == "again":
        return (
            f"{head}; attempt {plan.attempt} of {task} was under way there and is begun again; {keys}: what a service has "
            "taken under the other's keys it takes once more"
        )
    if plan.way == "waits":
        return f"{head}, and waits on in {task}; {keys}"
    return f"{head}, and goes on {'after' if plan.way == 'after' else 'with'} {task}; {keys}"


def forks(execution: ExecutionId, /, *, db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Show the tree of forks that an execution is in: what was forked off what, and after which event."""

    async def question(manager: FlowManager) -> tuple[str, list[tuple[Relative, str]]]:
        found = await manager.resolve_id(execution)
        relatives = await manager.forks(found)
        return found, [(one, (await manager.get_flow_status(one.stream)).status.value) for one in relatives]

    found, family = ask(db, question)
    if as_json:
        print_json(
            [
                {"execution_id": one.stream, "forked_from": one.parent, "forked_at": one.seq, "status": status}
                for one, status in family
            ]
        )
        return
    console_for(sys.stdout).print(_tree(found, family), soft_wrap=True)


def _tree(found: str, family: list[tuple[Relative, str]]) -> Tree:
    """The tree, with the execution that was asked for marked."""
    trees: dict[str | None, Tree] = {}
    root: Tree | None = None
    left = sorted(family, key=lambda item: (item[0].parent is not None, item[0].seq, item[0].stream))
    while left:
        one, status = next(item for item in left if item[0].parent is None or item[0].parent in trees)
        left.remove((one, status))
        after = f", after seq {one.seq}" if one.parent is not None else ""
        label = Text(f"{one.stream}  {status}{after}{'  ←' if one.stream == found else ''}")
        trees[one.stream] = Tree(label) if one.parent is None else trees[one.parent].add(label)
        root = root or trees[one.stream]
    return root or Tree(Text(found))
