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
