-- What a verification asks: rows as they are stored, in the order of their statements' parameters, and strays.

-- name: execution
SELECT execution_id, flow_id, flow_name, flow_digest, status, current_task, path, completed_tasks, skipped_tasks,
       transitions, attempts, failures, interruptions, last_error_type, last_error, worker, due_at,
       created_at, started_at, ended_at, updated_at, seq, removed, wake_at, waiting_for, child_id, parent_id
FROM executions_{g} WHERE execution_id = :stream;

-- name: attempts
SELECT execution_id, started_seq, task, visit, attempt, status, outcome, started_at, ended_at, duration_us,
       worker, message, error_type, error
FROM attempts_{g} WHERE execution_id = :stream;

-- name: statistics
SELECT flow_id, task, outcome, count, duration_us FROM statistics_{g};

-- name: last_event
SELECT seq, digest FROM events WHERE stream = :stream ORDER BY seq DESC LIMIT 1;

-- name: last_position
SELECT max(position) FROM events;

-- name: last_stream
SELECT coalesce(max(number), 0) FROM streams;

-- name: stray_events
-- The streams that events name, a page of them, and whether `streams` knows each; a seek for each, not a scan.
WITH RECURSIVE ids (stream) AS (
    SELECT min(stream) FROM events WHERE stream > :after
    UNION ALL
    SELECT (SELECT min(e.stream) FROM events AS e WHERE e.stream > ids.stream) FROM ids
    WHERE ids.stream IS NOT NULL
    LIMIT :limit
)
SELECT ids.stream, EXISTS (SELECT 1 FROM streams AS s WHERE s.stream = ids.stream)
FROM ids WHERE ids.stream IS NOT NULL;

-- name: stray_executions
SELECT e.execution_id, EXISTS (SELECT 1 FROM streams AS s WHERE s.stream = e.execution_id)
FROM executions_{g} AS e WHERE e.execution_id > :after ORDER BY e.execution_id LIMIT :limit;

-- name: stray_attempts
WITH RECURSIVE ids (stream) AS (
    SELECT min(execution_id) FROM attempts_{g} WHERE execution_id > :after
    UNION ALL
    SELECT (SELECT min(a.execution_id) FROM attempts_{g} AS a WHERE a.execution_id > ids.stream) FROM ids
    WHERE ids.stream IS NOT NULL
    LIMIT :limit
)
SELECT ids.stream, EXISTS (SELECT 1 FROM streams AS s WHERE s.stream = ids.stream)
FROM ids WHERE ids.stream IS NOT NULL;

-- name: last_purge
SELECT max(position) FROM events WHERE stream = :stream AND type = 'log.purged';
