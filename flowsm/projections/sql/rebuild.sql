-- What a rebuild asks, beside the projections' own statements. {g} is the generation that it fills, or lets go of.
--
-- meta 'rebuild' is the number of the generation that is being filled: whoever finds another number there has been
-- superseded, and stops.

-- name: begun
SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rebuild';

-- name: begin
INSERT INTO meta (key, value) VALUES ('rebuild', '{g}') ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: switch
UPDATE meta SET value = '{g}' WHERE key = 'projection_generation';

-- name: end
DELETE FROM meta WHERE key = 'rebuild';

-- name: tables
SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB '*_[0-9]*';

-- name: last_stream
SELECT coalesce(max(number), 0) FROM streams;

-- name: empty_executions
DELETE FROM executions_{g} WHERE execution_id <= (
    SELECT max(execution_id) FROM (SELECT execution_id FROM executions_{g} ORDER BY execution_id LIMIT :limit)
) RETURNING 1;

-- name: empty_attempts
DELETE FROM attempts_{g} WHERE (execution_id, started_seq) <= (
    SELECT execution_id, started_seq
    FROM (SELECT execution_id, started_seq FROM attempts_{g} ORDER BY execution_id, started_seq LIMIT :limit)
    ORDER BY execution_id DESC, started_seq DESC LIMIT 1
) RETURNING 1;

-- name: empty_statistics
DELETE FROM statistics_{g} WHERE (flow_id, task, outcome) <= (
    SELECT flow_id, task, outcome
    FROM (SELECT flow_id, task, outcome FROM statistics_{g} ORDER BY flow_id, task, outcome LIMIT :limit)
    ORDER BY flow_id DESC, task DESC, outcome DESC LIMIT 1
) RETURNING 1;
