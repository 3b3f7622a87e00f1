-- Projections: rows derived from events. They can be thrown away and rebuilt.
--
-- {g} is the generation: a rebuild fills the tables of the next one, then switches `meta.projection_generation`.
--   executions_{g}   one row per execution: its status now
--   attempts_{g}     one row per attempt of a task (and per skipped visit), keyed by the seq of its start
--   statistics_{g}   counts and summed durations by flow, task ('' for the whole execution) and outcome
-- Views of the same names without the number (views.sql) show the generation in force.

CREATE TABLE executions_{g} (
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

CREATE INDEX executions_{g}_created ON executions_{g} (created_at, execution_id);
CREATE INDEX executions_{g}_status ON executions_{g} (status, removed, created_at, execution_id);
CREATE INDEX executions_{g}_flow ON executions_{g} (flow_id, created_at, execution_id);

CREATE TABLE attempts_{g} (
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

CREATE TABLE statistics_{g} (
    flow_id         TEXT NOT NULL,
    task            TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    count           INTEGER NOT NULL,
    duration_us     INTEGER NOT NULL,
    PRIMARY KEY (flow_id, task, outcome)
) STRICT, WITHOUT ROWID;

-- The projections as people read them: the tables of the generation in force.

DROP VIEW IF EXISTS executions;
CREATE VIEW executions AS SELECT * FROM executions_{g};
DROP VIEW IF EXISTS attempts;
CREATE VIEW attempts AS SELECT * FROM attempts_{g};
DROP VIEW IF EXISTS statistics;
CREATE VIEW statistics AS SELECT * FROM statistics_{g};
