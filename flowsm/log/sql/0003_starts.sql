-- starts       idempotency keys of executions: authority, never rebuilt; written with the execution's first event
--
-- The digests are what lasts of the content when the execution's events have left the file.

CREATE TABLE starts (
    key          TEXT PRIMARY KEY,
    stream       TEXT NOT NULL,
    flow_digest  TEXT NOT NULL,
    input_digest TEXT NOT NULL            -- SHA-256 of the input's JSON, keys sorted, integral numbers as integers
) STRICT, WITHOUT ROWID;
