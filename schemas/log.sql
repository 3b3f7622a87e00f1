-- Generated from the code: python -m flowsm.schemas schemas

PRAGMA application_id = 1718382455;

CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Step 0001_log

-- The log of flowsm, format 1.
--
-- meta         what the file is: its format, who may write, the generation of the projections' tables
-- log_head     one row: the position given out last; a purge never frees a position for reuse
-- streams      one row per execution: its head (seq, digest) and its owner (epoch, worker); authority, never rebuilt
-- events       what happened; never changed, never replaced, deleted only by a granted purge
-- payloads     large values of events, by the SHA-256 of their JSON text, compressed
-- definitions  flows, by digest; immutable like the events that name them
-- snapshots    copies of folded states, to save time; may be deleted at any moment
-- purging      the grants of a purge: streams whose events may be deleted, within one transaction

CREATE TABLE log_head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL
) STRICT;

INSERT INTO log_head (id, position) VALUES (1, 0);

CREATE TABLE streams (
    number INTEGER PRIMARY KEY,          -- in order of creation: live streams lie close together
    stream TEXT    NOT NULL UNIQUE,
    seq    INTEGER NOT NULL,
    digest TEXT    NOT NULL,
    epoch  INTEGER NOT NULL DEFAULT 0,
    worker TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE events (
    position INTEGER PRIMARY KEY,        -- place in the whole log, from log_head
    stream   TEXT    NOT NULL,
    seq      INTEGER NOT NULL,           -- place in the stream: 1, 2, ...
    type     TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    at       TEXT    NOT NULL,           -- UTC
    data     TEXT    NOT NULL,           -- JSON
    digest   TEXT    NOT NULL,           -- SHA-256 over the predecessor's digest and all of the above but position
    UNIQUE (stream, seq)
) STRICT;

CREATE TABLE payloads (
    digest   TEXT    PRIMARY KEY,        -- SHA-256 of the JSON text
    size     INTEGER NOT NULL,           -- bytes of the JSON text
    encoding TEXT    NOT NULL,           -- 'zlib'
    data     BLOB    NOT NULL
) STRICT;

CREATE TABLE definitions (
    digest   TEXT PRIMARY KEY,
    flow_id  TEXT NOT NULL,
    name     TEXT NOT NULL,
    document TEXT NOT NULL,              -- canonical JSON
    at       TEXT NOT NULL
) STRICT;

CREATE TABLE snapshots (
    stream       TEXT    PRIMARY KEY,
    seq          INTEGER NOT NULL,
    digest       TEXT    NOT NULL,
    fold_version INTEGER NOT NULL,
    state        BLOB    NOT NULL
) STRICT;

CREATE TABLE purging (
    stream TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is immutable: an event is never updated');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM purging WHERE purging.stream = OLD.stream)
BEGIN
    SELECT RAISE(ABORT, 'the log is immutable: an event is deleted only by a purge of its stream');
END;

-- INSERT OR REPLACE deletes without a trigger, so it is stopped before.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE events.position = NEW.position)
  OR EXISTS (SELECT 1 FROM events WHERE events.stream = NEW.stream AND events.seq = NEW.seq)
BEGIN
    SELECT RAISE(ABORT, 'the log is immutable: an event with this position, or this stream and seq, exists');
END;

CREATE TRIGGER definitions_are_not_updated BEFORE UPDATE ON definitions
BEGIN
    SELECT RAISE(ABORT, 'a stored flow never changes');
END;

CREATE TRIGGER definitions_are_not_deleted BEFORE DELETE ON definitions
BEGIN
    SELECT RAISE(ABORT, 'a stored flow is never deleted: executions are pinned to it');
END;

CREATE TRIGGER definitions_are_not_replaced BEFORE INSERT ON definitions
WHEN EXISTS (SELECT 1 FROM definitions WHERE definitions.digest = NEW.digest)
BEGIN
    SELECT RAISE(ABORT, 'a stored flow never changes: one with this digest exists');
END;

-- Step 0002_workers

-- Who may advance executions.
--
-- workers      one row per manager that drives: its lease, renewed by one heartbeat however many executions it runs
--
-- An execution belongs to the worker in `streams.worker` as long as that worker is alive: it was seen in this start of
-- the machine, less than `lease_ms` ago. Its epoch is what makes the append of one that was replaced fail.

CREATE TABLE workers (
    worker     TEXT    PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    pid_space  TEXT    NOT NULL,         -- within what `pid` means this process; '' where that is not known
    boot_id    TEXT    NOT NULL,         -- which start of the machine `seen_ms` counts from
    started_at TEXT    NOT NULL,         -- UTC
    lease_ms   INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,         -- the machine's boot time at the last heartbeat: no setting of the time moves it
    seen_at    TEXT    NOT NULL,         -- UTC, of the same moment, for people
    stopped    INTEGER NOT NULL DEFAULT 0 -- 1: it gave its lease back
) STRICT, WITHOUT ROWID;

-- Step 0003_starts

-- starts       idempotency keys of executions: authority, never rebuilt; written with the execution's first event
--
-- The digests are what lasts of the content when the execution's events have left the file.

CREATE TABLE starts (
    key          TEXT PRIMARY KEY,
    stream       TEXT NOT NULL,
    flow_digest  TEXT NOT NULL,
    input_digest TEXT NOT NULL            -- SHA-256 of the input's JSON, keys sorted, integral numbers as integers
) STRICT, WITHOUT ROWID;

-- Step 0004_payload_uses

-- payload_uses  which streams' events hold a payload: what no stream uses any more goes with the purge of the last one

CREATE TABLE payload_uses (
    digest TEXT NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (digest, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX payload_uses_stream ON payload_uses (stream);

-- What is damaged names no payload: verify tells of it.
INSERT INTO payload_uses (digest, stream)
SELECT DISTINCT json_extract(field.value, '$.digest'), events.stream
FROM events, json_each(CASE WHEN json_valid(events.data) THEN events.data ELSE '{}' END, '$.stored') AS field
WHERE CASE WHEN field.type = 'object' THEN json_extract(field.value, '$.digest') END IS NOT NULL;

-- Step 0005_subscriptions

-- subscriptions  one row per name: how far its consumer has come, and whose it is; authority, never rebuilt
--
-- A consumer is a worker of its own in `workers`; the subscription is its as long as that is alive.

CREATE TABLE subscriptions (
    name       TEXT    PRIMARY KEY,
    position   INTEGER NOT NULL,          -- what was recorded up to here was dealt with
    epoch      INTEGER NOT NULL DEFAULT 0, -- counts the consumers: what one says that was replaced is not saved
    worker     TEXT    NOT NULL DEFAULT '', -- the consumer, '' when there is none
    updated_at TEXT    NOT NULL           -- UTC
) STRICT, WITHOUT ROWID;

-- Step 0006_limits

-- Places and queues of what the settings of managers limit. Authority, never rebuilt; nothing is written for other names.
--
-- slots        the places that are taken; one counts as long as its stream has that epoch and an owner who is alive
-- held         executions that wait for a place, in the order in which they came; one counts as long as its stream is at `seq`
-- rates        per task type: the theoretical arrival time of the next start (GCRA)

CREATE TABLE slots (
    kind   TEXT    NOT NULL,             -- task, flow
    name   TEXT    NOT NULL,             -- a task type, a flow's id
    stream TEXT    NOT NULL,
    epoch  INTEGER NOT NULL,             -- of the owner that took it
    PRIMARY KEY (kind, name, stream)
) STRICT, WITHOUT ROWID;

CREATE INDEX slots_stream ON slots (stream);

CREATE TABLE held (
    number     INTEGER PRIMARY KEY,      -- place in the queue
    stream     TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL,         -- task, flow, rate: what holds it back now
    name       TEXT    NOT NULL,
    seq        INTEGER NOT NULL,         -- where its log ends
    most       INTEGER NOT NULL,         -- places, or starts in `seconds`
    seconds    REAL    NOT NULL,         -- of a rate; else 0
    expires    TEXT,                     -- when the execution's own time is over, held back or not
    since      TEXT    NOT NULL,         -- UTC
    offered_ms INTEGER NOT NULL DEFAULT 0 -- boot time when another one first made room for it; 0: nobody had to yet
) STRICT;

CREATE INDEX held_by ON held (kind, name, number);

CREATE TABLE rates (
    name   TEXT    PRIMARY KEY,          -- a task type
    tat_us INTEGER NOT NULL              -- UTC, microseconds since 1970
) STRICT, WITHOUT ROWID;

-- Step 0007_abandoned

-- Who can take a place that is offered: else it is offered to nobody.
--
-- held.worker       who asked last, and is woken when there is room; one who is dead has left it to those who recover
-- held.flow         digest of its flow: code for it is in some processes
-- workers.recovers  1: it takes up what is due and nobody's

ALTER TABLE held ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE held ADD COLUMN flow TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN recovers INTEGER NOT NULL DEFAULT 0;

-- Step 0008_fail

-- An event is inserted OR FAIL, and its trigger fails likewise: a statement that might ABORT after several writes, and one
-- with a trigger counts as such, keeps a copy of each page that it changes, to take back its own part.
-- Each row is a statement of its own, so there is no part to take back.

DROP TRIGGER events_are_not_replaced;

-- INSERT OR REPLACE deletes without a trigger, so it is stopped before.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE events.position = NEW.position)
  OR EXISTS (SELECT 1 FROM events WHERE events.stream = NEW.stream AND events.seq = NEW.seq)
BEGIN
    SELECT RAISE(FAIL, 'the log is immutable: an event with this position, or this stream and seq, exists');
END;

-- Step 0009_forks

-- Forks: streams whose events begin as another's did. Those are not copied: they are read where they lie.
--
-- forks   one row per fork: its first events are those of `parent` up to `seq`, which has that digest

CREATE TABLE forks (
    stream TEXT    PRIMARY KEY,
    parent TEXT    NOT NULL,
    seq    INTEGER NOT NULL CHECK (seq > 0),
    digest TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX forks_by_parent ON forks (parent);

-- Step 0001_projections

-- Projections: rows derived from events. They can be thrown away and rebuilt.
--
-- 1 is the generation: a rebuild fills the tables of the next one, then switches `meta.projection_generation`.
--   executions_1   one row per execution: its status now
--   attempts_1     one row per attempt of a task (and per skipped visit), keyed by the seq of its start
--   statistics_1   counts and summed durations by flow, task ('' for the whole execution) and outcome
-- Views of the same names without the number (views.sql) show the generation in force.

CREATE TABLE executions_1 (
    execution_id    TEXT PRIMARY KEY,
    flow_id         TEXT NOT NULL,
    flow_name       TEXT NOT NULL,
    flow_digest     TEXT NOT NULL,
    status          TEXT NOT NULL,
    current_task    TEXT,
    path            TEXT NOT NULL,    -- JSON array of task names, every task entered, in order
    completed_tasks TEXT NOT NULL,    -- JSON array of the tasks that succeeded
    skipped_tasks   TEXT NOT NULL,    -- JSON array of the tasks never reached, once it ended
    transitions     INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    failures        INTEGER NOT NULL, -- attempts that failed
    interruptions   INTEGER NOT NULL,
    last_error_type TEXT,
    last_error      TEXT,
    worker          TEXT NOT NULL,
    due_at          TEXT,             -- when the next attempt is due, while it waits for one
    created_at      TEXT NOT NULL,
    started_at      TEXT,
    ended_at        TEXT,
    updated_at      TEXT NOT NULL,
    seq             INTEGER NOT NULL, -- of the last event that this row shows
    removed         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX executions_1_created ON executions_1 (created_at, execution_id);
CREATE INDEX executions_1_status ON executions_1 (status, removed, created_at, execution_id);
CREATE INDEX executions_1_flow ON executions_1 (flow_id, created_at, execution_id);

CREATE TABLE attempts_1 (
    execution_id    TEXT NOT NULL,
    started_seq     INTEGER NOT NULL,
    task            TEXT NOT NULL,
    visit           INTEGER NOT NULL,
    attempt         INTEGER NOT NULL, -- 0 for a visit that was skipped
    status          TEXT NOT NULL,    -- running, success, failure, skipped, timed_out, interrupted
    outcome         TEXT,
    started_at      TEXT NOT NULL,
    ended_at        TEXT,
    duration_us     INTEGER,
    worker          TEXT NOT NULL,
    message         TEXT,
    error_type      TEXT,
    error           TEXT,
    PRIMARY KEY (execution_id, started_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE statistics_1 (
    flow_id         TEXT NOT NULL,
    task            TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    count           INTEGER NOT NULL,
    duration_us     INTEGER NOT NULL,
    PRIMARY KEY (flow_id, task, outcome)
) STRICT, WITHOUT ROWID;

-- The projections as people read them: the tables of the generation in force.

DROP VIEW IF EXISTS executions;
CREATE VIEW executions AS SELECT * FROM executions_1;
DROP VIEW IF EXISTS attempts;
CREATE VIEW attempts AS SELECT * FROM attempts_1;
DROP VIEW IF EXISTS statistics;
CREATE VIEW statistics AS SELECT * FROM statistics_1;

-- Step 0002_agenda

-- What an execution waits for, and when somebody has to look after it.

ALTER TABLE executions_1 ADD COLUMN wake_at TEXT;
ALTER TABLE executions_1 ADD COLUMN waiting_for TEXT;
ALTER TABLE executions_1 ADD COLUMN child_id TEXT;
ALTER TABLE executions_1 ADD COLUMN parent_id TEXT;
UPDATE executions_1 SET wake_at = coalesce(due_at, ''), waiting_for = iif(due_at IS NULL, NULL, 'retry')
WHERE status = 'running';
CREATE INDEX executions_1_wake ON executions_1 (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX executions_1_child ON executions_1 (child_id) WHERE child_id IS NOT NULL;
CREATE INDEX executions_1_parent ON executions_1 (parent_id) WHERE parent_id IS NOT NULL;
DROP VIEW IF EXISTS executions;
CREATE VIEW executions AS SELECT * FROM executions_1;
