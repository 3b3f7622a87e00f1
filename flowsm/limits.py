"""Every bound of flowsm, named with its unit."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Documents
DOCUMENT_MAX_BYTES: Final = 4 * MIB
DOCUMENT_MAX_DEPTH: Final = 64
DOCUMENT_MAX_VALUES: Final = 500_000
DOCUMENT_MAX_YAML_BYTES: Final = 256 * KIB  # PyYAML reads some 100 KiB a second
DOCUMENT_MAX_TOML_BYTES: Final = 256 * KIB  # tomllib takes quadratic time for keys of many parts
FLOW_MAX_TASKS: Final = 1_000
FLOW_MAX_CONDITIONS: Final = 5_000
CONDITION_MAX_CLAUSES: Final = 100
NAME_MAX_CHARS: Final = 200
FINDINGS_MAX: Final = 200
FINDING_VALUE_MAX_CHARS: Final = 80
SUGGESTIONS_MAX: Final = 20  # per document: the search for near names is the dear part of a finding
TIMEOUT_MAX_SECONDS: Final = 366 * 24 * 3600
RETRY_MAX_ATTEMPTS: Final = 1_000

# Executions
EXECUTION_ID_MAX_CHARS: Final = 100
PRINTED_LINE_MAX_CHARS: Final = 65_536  # of a line that a task prints, where each becomes a log record
IDEMPOTENCY_KEY_MAX_CHARS: Final = 400  # any `context.idempotency_key` is one
TRANSITIONS_DEFAULT: Final = 1_000
TRANSITIONS_MAX: Final = 10_000
INPUT_MAX_BYTES: Final = 16 * MIB
RESULT_MAX_BYTES: Final = 64 * MIB
RESULT_MAX_DEPTH: Final = 200
ERROR_MESSAGE_MAX_CHARS: Final = 10_000
TRACEBACK_MAX_CHARS: Final = 20_000
RESULT_MAX_WARNINGS: Final = 100
CONCURRENT_EXECUTIONS_DEFAULT: Final = 100
INTERRUPTIONS_MAX: Final = 3
"""Crashes of one visit after which a person is asked: a task that kills its process must not do so for ever."""
SAID_MAX_CHARS: Final = 10_000  # of what an operator says with a verb: why, who
OVERRIDES_MAX_BYTES: Final = MIB  # of JSON, in one event: they are no large values, which not every fold reads
SIGNALS_KEPT_MAX: Final = 1_000  # of one name
SIGNALS_UNAWAITED_MAX: Final = 1_000  # names that no task of the flow is known to wait for
SIGNAL_KEYS_MAX: Final = 1_000
SUBFLOW_DEPTH_MAX: Final = 16

ABANDON_AFTER_SECONDS: Final = 5.0
"""How long code that is cancelled may take to stop; then it is left behind, and what it comes to is dropped."""
STOP_AT_ONCE_SECONDS: Final = 0.5  # in its place, where somebody asked a second time

# Processes that share a file
LEASE_SECONDS: Final = 10.0
"""How long a worker that is silent counts as alive; a heartbeat comes three times as often."""
LEASE_MIN_SECONDS: Final = 0.1
LEASE_MAX_SECONDS: Final = 3600.0
WORKER_ROW_SECONDS: Final = 24 * 3600.0  # a dead worker's row is kept so long, to tell when it died
WATCH_SECONDS: Final = 0.1  # between looks whether another process has written
RECONCILE_SECONDS: Final = 1.0  # between looks for work that nobody does, and for owners that died, at the least
RECONCILE_SHARE: Final = 0.02  # of the time, which looks for work may take at the most when there is none
RECONCILE_REST_SECONDS: Final = 10.0  # at the most, after a look that took long: perhaps the process stood still
TAKE_UP_EXECUTIONS: Final = 500  # that are looked at in one round
ASIDE_EXECUTIONS_MAX: Final = 10_000  # which could not be driven here, and are not asked for again
ASIDE_SECONDS: Final = 60.0  # for which an execution is set aside that could not be driven now
ASIDE_TROUBLE_SECONDS: Final = 2.0  # the same, where the log could not be written or read
GRACE_SECONDS: Final = 10.0  # for which a worker that is told to stop lets running tasks go on
FOLLOW_PAGE_EVENTS: Final = 100  # that a subscription reads at once
FOLLOW_WINDOW_EVENTS: Final = 20_000  # of the log that are searched at once for events of some types
FOLLOW_SAVE_SECONDS: Final = 0.5  # between two times that a busy consumer's place is stored
WEBHOOK_RETRY_FIRST_SECONDS: Final = 1.0
WEBHOOK_RETRY_MAX_SECONDS: Final = 60.0
WEBHOOK_TIMEOUT_SECONDS: Final = 30.0
WEBHOOK_ANSWER_MAX_BYTES: Final = 64 * KIB  # that are read of an answer, so that its connection can be used again
BULK_PAGE_EXECUTIONS: Final = 100
PLACE_KEPT_MS: Final = 1_000  # for whoever is first in the queue of a limit; then the next one may have it
LIMIT_MAX_EXECUTIONS: Final = 1_000_000
RATE_MAX_SECONDS: Final = 366 * 24 * 3600.0
ALARMS_OUTDATED_MAX: Final = 1_000
TIMER_MAX_SECONDS: Final = 60.0  # between looks at the wall clock, which may be set meanwhile

# Tasks
BLOCKING_TASKS_MAX: Final = 64
"""Threads for functions that are not async; a function that hangs keeps one."""
BLOCKING_IDLE_SECONDS: Final = 30.0

TRANSACTION_DEFAULT_SECONDS: Final = 2.0
"""What the function of `context.transaction` may take: all other appends to the file wait for it."""
TRANSACTION_MAX_SECONDS: Final = 8.0  # less than BUSY_TIMEOUT_MS, for which other processes wait

# Secrets
SECRET_NAME_MAX_CHARS: Final = 100
SECRET_MIN_CHARS: Final = 4  # a shorter one would be hidden all over what a task gives back
SECRET_MAX_CHARS: Final = 16 * KIB
SECRET_PIECE_CHARS: Final = 8  # of a value, that are hidden in messages, which may have been cut
SECRET_LINE_MIN_CHARS: Final = 16  # of a value of many lines, each of which is hidden too
SECRET_VALUES_REMEMBERED: Final = (
    64  # of those that attempts were given: for records of the log that come when one is over
)

# The built-in tasks
DATA_MAX_BYTES: Final = 64 * MIB
HTTP_TIMEOUT_SECONDS: Final = 30.0
HTTP_TOTAL_SECONDS: Final = 600.0
HTTP_REDIRECTS_MAX: Final = 10
HTTP_ERROR_EXCERPT_CHARS: Final = 200
DERIVED_MAX_CHARS: Final = MIB
DERIVED_MAX_BITS: Final = 4_096
ROUND_MAX_DIGITS: Final = 15

# The log
PAYLOAD_INLINE_MAX_BYTES: Final = 64 * KIB
APPEND_MAX_EVENTS: Final = 1_000
GROUP_MAX_BATCHES: Final = 512
SEQ_MAX: Final = 2**62  # SQLite's integers end at 2**63
READ_PAGE_EVENTS: Final = 1_000
DIAGNOSED_EVENTS_MAX: Final = 10_000  # that are looked at after one that does not fit, to tell what became of it
SNAPSHOT_EVERY_EVENTS: Final = 1_000
BUSY_TIMEOUT_MS: Final = 10_000
CONFLICT_RETRIES_MAX: Final = 100
FOLDED_STATES_MAX: Final = 1_000
UNRECORDED_RESULTS_MAX: Final = 1_000  # kept until the log can be written again
MACHINES_MAX: Final = 256

# Queries
PAGE_DEFAULT_ROWS: Final = 100
PAGE_MAX_ROWS: Final = 1_000

# Upkeep
DOCTOR_WAL_MAX_BYTES: Final = 256 * MIB
ARCHIVE_LINE_MAX_BYTES: Final = 512 * MIB  # a result of 64 MiB, escaped
REDACT_SCRUB_MIN_CHARS: Final = 4  # shorter values are not looked for beyond the places that are named
ARCHIVE_BATCH_BYTES: Final = 8 * MIB
ARCHIVE_BATCH_EVENTS: Final = 1_000  # purged, or imported, in one transaction, unless one execution has more
PURGE_REST_SECONDS: Final = 0.01  # at least, between two transactions, for writers in other processes
STUCK_AFTER_SECONDS: Final = 3_600  # an execution that nobody has begun
STUCK_OVERDUE_SECONDS: Final = 60

# Rebuild and verify
REFOLD_PAGE_EVENTS: Final = 200  # read and folded in one go, while everything else waits: some milliseconds
REFOLD_STATES_MAX: Final = 2_000
REFOLD_PAGE_STREAMS: Final = 500
REBUILD_ROUNDS_MAX: Final = 6  # of catching up, each with pages of twice the size, before the switch holds appends up
REBUILD_DROP_ROWS: Final = 1_000  # of a table that is let go of, per transaction
PROBLEMS_MAX: Final = 200

# Rehearsing
REHEARSAL_NAMED_EXECUTIONS: Final = 5  # executions that are named for each place
REHEARSAL_PAGE_EXECUTIONS: Final = 200

# The service
BODY_MAX_BYTES: Final = 20 * MIB  # of a request: a flow of 4 MiB with an input of 16 MiB
IMPORT_MAX_BYTES: Final = 512 * MIB
BODY_SECONDS: Final = 30.0  # within which a request's body has to be there
RETRY_AFTER_SECONDS: Final = 1
WAIT_MAX_SECONDS: Final = 600.0  # for which a request waits for an execution's end; then it is told where to look
BEGIN_MAX_SECONDS: Final = 10.0  # for which a request waits until its execution has begun
ANSWERS_END_SECONDS: Final = 1  # for which answers that are being written are waited for, when the service stops
HISTORIES_MAX: Final = 32  # that are kept folded for whoever looks at them
STREAMS_MAX: Final = 1_000  # of events, that are open at once
STREAM_QUEUE_EVENTS: Final = 1_000  # that wait for a slow reader; then it is read to from the log
STREAM_PAGE_EVENTS: Final = 500  # of the log, that are read at once for a stream
HEARTBEAT_SECONDS: Final = 15.0  # of silence, after which a stream says that it is still there
IMPORT_SECONDS: Final = 600.0
HEADERS_SECONDS: Final = 10.0  # within which a request has said what it wants
METRICS_ROWS_MAX: Final = 1_000  # of a family; what comes after them is one series
REQUESTS_MAX: Final = 2_000  # that are answered at once, open streams included
CALLER_REQUESTS_MAX: Final = 1_000  # of them, of one address: nobody fills the service alone
CONNECTIONS_MAX: Final = 4_000
TOKEN_MIN_CHARS: Final = 16
LINGER_SECONDS: Final = 1.0  # for which a body that is refused is read on, so that its sender sees the answer
