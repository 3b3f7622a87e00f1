"""The fields of a flow document, in one table: parsing checks by it, the JSON Schema is made of it."""

from __future__ import annotations

from typing import Final, get_args

from flowsm.definition.kinds import AnyValue, Choice, Field, Items, Mapping, Name, Number, Record, Text
from flowsm.definition.model import END, OnInterrupt, Operator, RetryPolicy
from flowsm.definition.user_schema import UserSchema
from flowsm.limits import (
    CONDITION_MAX_CLAUSES,
    FLOW_MAX_CONDITIONS,
    FLOW_MAX_TASKS,
    RETRY_MAX_ATTEMPTS,
    TIMEOUT_MAX_SECONDS,
    TRANSITIONS_DEFAULT,
    TRANSITIONS_MAX,
)

__all__ = ["CLAUSE", "CONDITION", "FLOW", "OPERATORS", "RETRY", "TASK"]

OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
_ON_INTERRUPT: Final[tuple[str, ...]] = get_args(OnInterrupt)
_BACKOFF_MAX: Final = 1_000
_ERROR_NAMES_MAX: Final = 100
_ONCE: Final = RetryPolicy()
_SECONDS: Final = Number(above=0, most=TIMEOUT_MAX_SECONDS)
_INTERVAL: Final = Number(least=0, most=TIMEOUT_MAX_SECONDS)

CLAUSE: Final = Record(
    "clause",
    (
        Field(
            name="path",
            kind=Text(),
            required=True,
            about="JSON Pointer to the value that is asked: /input/…, or /results/<task>/ followed by status, "
            "outcome, message, data or error.",
            examples=("/results/fetch/data/total", "/input/customer"),
        ),
        Field(
            name="op",
            kind=Choice("bad_operator", OPERATORS),
            required=True,
            about="How the value is compared: eq ne lt le gt ge, in and not_in (a list), contains, starts_with, "
            "exists and empty (true or false).",
        ),
        Field(
            name="value",
            kind=AnyValue(),
            about="What it is compared with. `exists` and `empty` take true, which is the default, or false.",
        ),
    ),
)
_CLAUSES: Final = Items(kind=CLAUSE, most=CONDITION_MAX_CLAUSES)

RETRY: Final = Record(
    "retry",
    (
        Field(
            name="max_attempts",
            kind=Number(least=1, most=RETRY_MAX_ATTEMPTS, whole=True),
            default=_ONCE.max_attempts,
            about="How often the task is tried in all, the first attempt included.",
        ),
        Field(
            name="initial_interval",
            kind=_INTERVAL,
            default=_ONCE.initial_interval,
            about="Seconds between the first failed attempt and the next one.",
        ),
        Field(
            name="backoff_coefficient",
            kind=Number(least=1, most=_BACKOFF_MAX),
            default=_ONCE.backoff_coefficient,
            about="By how much the interval is multiplied after each further failed attempt.",
        ),
        Field(
            name="max_interval",
            kind=_INTERVAL,
            default=_ONCE.max_interval,
            about="Seconds that no interval exceeds.",
        ),
        Field(
            name="jitter",
            kind=Number(least=0, most=1),
            default=_ONCE.jitter,
            about="By which share an interval may be shorter or longer at random: 0 for none.",
        ),
        Field(
            name="non_retryable_errors",
            kind=Items(kind=Name(), most=_ERROR_NAMES_MAX),
            default=[],
            about="Names of exception classes, or of their bases, after which the task is not tried again.",
            examples=(["ValueError", "PermissionError"],),
        ),
    ),
)

TASK: Final = Record(
    "task",
    (
        Field(name="name", kind=Name(), required=True, about="The task's name, unique in the flow."),
        Field(
            name="task_type",
            kind=Name(),
            about="The code that runs. By default the name in lower case, spaces as underscores.",
            examples=("fetch_data", "process_data", "store_data"),
        ),
        Field(name="description", kind=Text(), default="", about="A sentence for people."),
        Field(
            name="parameters",
            kind=Mapping(ref="#/$defs/value"),
            default={},
            about='What the task is told. {"$from": "/results/fetch/data"}, anywhere in it, stands for the value at '
            'that place when the task starts, {"$secret": "NAME"} for a value that is recorded nowhere.',
            examples=({"records": {"$from": "/results/fetch/data", "default": []}},),
        ),
        Field(name="timeout", kind=_SECONDS, nullable=True, about="Seconds that one attempt may take."),
        Field(name="retry", kind=RETRY, nullable=True, about="How a failed attempt is tried again. By default not."),
        Field(
            name="result_schema",
            kind=UserSchema(),
            nullable=True,
            about="JSON Schema (2020-12) of the data of the task's result; a miss is the task's failure.",
        ),
        Field(
            name="skip_when",
            kind=_CLAUSES,
            default=[],
            about="When all of these clauses hold, and there are some, the task is not run and ends `skipped`.",
        ),
        Field(
            name="on_interrupt",
            kind=Choice("bad_word", _ON_INTERRUPT),
            default="retry",
            about="What happens when an attempt was started and a crash left no result of it: `retry` runs it again, "
            "`fail` takes the task's failure, `probe` asks the task's own `probe`, `ask` waits for a person.",
        ),
    ),
)

CONDITION: Final = Record(
    "condition",
    (
        Field(
            name="name",
            kind=Name(),
            about="The condition's name, unique in the flow. By default the task and the outcome.",
        ),
        Field(name="description", kind=Text(), default="", about="A sentence for people."),
        Field(name="source_task", kind=Text(), required=True, about="The task whose outcome is asked."),
        Field(
            name="outcome",
            kind=Name(),
            default="success",
            about="The outcome that meets the condition: success, failure, skipped, or a word of the task's own.",
            examples=("success", "failure", "approved"),
        ),
        Field(
            name="target_task_success",
            kind=Text(),
            required=True,
            about="Where the flow goes when the condition is met: a task, end, end_success or end_failure.",
        ),
        Field(
            name="target_task_failure",
            kind=Text(),
            default=END,
            about="Where the flow goes when none of the task's conditions is met and this is the last of them.",
        ),
        Field(
            name="when",
            kind=_CLAUSES,
            default=[],
            about="Clauses that must all hold as well.",
            examples=([{"path": "/results/fetch/data/total", "op": "gt", "value": 1000}],),
        ),
    ),
)

FLOW: Final = Record(
    "flow",
    (
        Field(name="$schema", kind=Text(), about="The JSON Schema of flows, for editors."),
        Field(name="id", kind=Name(), required=True, about="The flow's id: the same over its versions."),
        Field(name="name", kind=Name(), required=True, about="The flow's name, for people."),
        Field(name="description", kind=Text(), default="", about="A sentence for people."),
        Field(name="version", kind=Text(), default="", about="The flow's version, for people.", examples=("1.2",)),
        Field(name="start_task", kind=Text(), required=True, about="The name of the task that runs first."),
        Field(
            name="max_transitions",
            kind=Number(least=1, most=TRANSITIONS_MAX, whole=True),
            default=TRANSITIONS_DEFAULT,
            about="How many transitions an execution may take before it fails.",
        ),
        Field(name="timeout", kind=_SECONDS, nullable=True, about="Seconds that an execution may take as a whole."),
        Field(
            name="input_schema",
            kind=UserSchema(),
            nullable=True,
            about="JSON Schema (2020-12) of the input; what does not fit is refused when the execution is created.",
        ),
        Field(
            name="on_cancel",
            kind=Text(),
            nullable=True,
            about="The task that cleans up when an execution is cancelled; by default none runs.",
        ),
        Field(
            name="tasks",
            kind=Items(kind=TASK, least=1, most=FLOW_MAX_TASKS),
            required=True,
            about="The nodes of the flow.",
        ),
        Field(
            name="conditions",
            kind=Items(kind=CONDITION, most=FLOW_MAX_CONDITIONS),
            default=[],
            about="Rules that say which task comes next. Those of a task are asked in this order, the first that is "
            "met decides. A task without one ends the flow.",
        ),
    ),
)
