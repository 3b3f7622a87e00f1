"""Every error of flowsm.

FlowsmError
├── DocumentInvalid            a flow document has errors: all of them, as findings
├── InputInvalid               an execution's input does not fit the flow's `input_schema`
├── UsageError                 an argument that cannot be used
├── ExtraMissing               a feature needs an extra that is not installed
├── UnresolvedReference        a `$from` points at nothing, and gives no default
├── SecretMissing              a task uses a secret that is not set where it runs
├── SecretUnusable             what is set as a secret cannot be one
├── NotFound
│   ├── DocumentNotFound       there is no file with this flow
│   ├── ExecutionNotFound
│   ├── DefinitionNotFound
│   ├── FlowNotFound           a `subflow` task names a flow that is not stored in the log
│   ├── OriginNotFound         the events that a fork begins with are not in the log
│   ├── SubscriptionNotFound
│   ├── LogNotFound            there is no file with this log, and it was only to be read
│   ├── TaskTypeNotFound
│   └── TaskResultNotFound
├── ConflictError
│   ├── Conflict               the stream went on since it was read: read on, decide again
│   ├── Fenced                 another owner has taken the execution over: stop
│   │   └── LeaseLost          the same, as those who wait for the execution see it
│   ├── LeaseHeld              the execution belongs to another process, which is alive: wait for it
│   ├── CodeMissing            no code is registered here for a task of its flow: it is left to others
│   ├── LimitReached           a limit holds the execution back: it goes on when there is room
│   ├── ExecutionExists
│   ├── StartConflict          the key of this start belongs to another one
│   ├── StartedBefore          this very start is recorded already: go on with that execution
│   ├── FlowMismatch           the execution runs another flow than the one given
│   ├── IllegalCommand         not possible in the present state
│   │   └── TaskNotVisited     a failed execution cannot go on from a task that it never came to
│   ├── SignalConflict         a signal's idempotency key came with another content
│   ├── SignalRefused          a signal that does not fit what waits for it, or one too many
│   ├── ResolutionRefused      what a person said of an attempt does not fit its task's `result_schema`
│   ├── OverrideRefused        a value cannot be put in the place of a recorded one
│   ├── UpgradeRefused         the execution cannot go on with that version of its flow
│   ├── SubscriptionHeld       somebody follows the log under this name already
│   ├── RebuildSuperseded      another rebuild, begun later, or a purge has taken over
│   ├── FileExists             a file that was to be made is there already
│   ├── ImportConflict         executions of an archive are in the log with other events
│   ├── ForkRefused            nothing can be forked off after that event of an execution
│   ├── ForkStays              an execution cannot leave the log without its forks, which share its events
│   ├── ImportRefused          an execution of an export has not ended, and may go on where it came from
│   └── AmbiguousId
├── IllegalEvent               an event that the machine would not allow: log and machine part here
├── NotAllowed                 a folder or host that the caller did not allow
├── DataInvalid                data that a built-in task cannot read, process or store
├── PluginBroken               a task type of an installed distribution cannot be loaded
├── TransactionRefused         what the function of `context.transaction`, or its task, must not do
├── TransactionTimeout         that function took longer than its time limit
└── LogError
    ├── ArchiveBroken          an archive is not what was written
    ├── ArchiveRedacted        what is in the file is not what was recorded: it cannot be imported
    ├── LogTooNew              the file was written by a newer flowsm
    ├── LogBroken              the stored events are not what was recorded
    ├── LogUnavailable         SQLite could not do it now: locked, full, read-only, not a database
    └── AppendUnknown          the commit's fate is not known: read the stream's seq again
"""

from __future__ import annotations

from flowsm.errors.base import (
    ConflictError,
    DataInvalid,
    DefinitionNotFound,
    DocumentInvalid,
    DocumentNotFound,
    ExecutionNotFound,
    ExtraMissing,
    FlowNotFound,
    FlowsmError,
    IllegalEvent,
    InputInvalid,
    LogError,
    LogNotFound,
    NotAllowed,
    NotFound,
    OriginNotFound,
    PluginBroken,
    SecretMissing,
    SecretUnusable,
    SubscriptionNotFound,
    TaskResultNotFound,
    TaskTypeNotFound,
    TransactionRefused,
    TransactionTimeout,
    UnresolvedReference,
    UsageError,
)
from flowsm.errors.conflicts import (
    AmbiguousId,
    CodeMissing,
    Conflict,
    ExecutionExists,
    Fenced,
    FileExists,
    FlowMismatch,
    ForkRefused,
    ForkStays,
    IllegalCommand,
    ImportConflict,
    ImportRefused,
    LeaseHeld,
    LeaseLost,
    LimitReached,
    OverrideRefused,
    RebuildSuperseded,
    ResolutionRefused,
    SignalConflict,
    SignalRefused,
    StartConflict,
    StartedBefore,
    SubscriptionHeld,
    TaskNotVisited,
    UpgradeRefused,
)
from flowsm.errors.log import (
    AppendUnknown,
    ArchiveBroken,
    ArchiveRedacted,
    LogBroken,
    LogTooNew,
    LogUnavailable,
)

__all__ = [
    "AmbiguousId",
    "AppendUnknown",
    "ArchiveBroken",
    "ArchiveRedacted",
    "CodeMissing",
    "Conflict",
    "ConflictError",
    "DataInvalid",
    "DefinitionNotFound",
    "DocumentInvalid",
    "DocumentNotFound",
    "ExecutionExists",
    "ExecutionNotFound",
    "ExtraMissing",
    "Fenced",
    "FileExists",
    "FlowMismatch",
    "FlowNotFound",
    "FlowsmError",
    "ForkRefused",
    "ForkStays",
    "IllegalCommand",
    "IllegalEvent",
    "ImportConflict",
    "ImportRefused",
    "InputInvalid",
    "LeaseHeld",
    "LeaseLost",
    "LimitReached",
    "LogBroken",
    "LogError",
    "LogNotFound",
    "LogTooNew",
    "LogUnavailable",
    "NotAllowed",
    "NotFound",
    "OriginNotFound",
    "OverrideRefused",
    "PluginBroken",
    "RebuildSuperseded",
    "ResolutionRefused",
    "SecretMissing",
    "SecretUnusable",
    "SignalConflict",
    "SignalRefused",
    "StartConflict",
    "StartedBefore",
    "SubscriptionHeld",
    "SubscriptionNotFound",
    "TaskNotVisited",
    "TaskResultNotFound",
    "TaskTypeNotFound",
    "TransactionRefused",
    "TransactionTimeout",
    "UnresolvedReference",
    "UpgradeRefused",
    "UsageError",
]
