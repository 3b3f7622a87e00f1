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
