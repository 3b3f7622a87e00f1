-- What upkeep asks of a log. Parameters are named; {g} is the generation in force.

-- name: heads
SELECT number, stream, seq, digest FROM streams WHERE number > :after ORDER BY number LIMIT :limit;

-- name: digest_at
SELECT digest FROM events WHERE stream = :stream AND seq = :seq;

-- name: meta
SELECT key, value FROM meta;

-- name: counts
SELECT (SELECT count(*) FROM streams), (SELECT count(*) FROM events);

-- name: unfinished
-- What should move on by itself: not what waits for somebody.
SELECT execution_id, flow_digest, status, current_task, worker, due_at, updated_at
FROM executions_{g}
WHERE status = :status AND execution_id > :after
ORDER BY execution_id LIMIT :limit;

-- name: ended_before
-- An empty text lets everything through.
SELECT execution_id, flow_id, status, seq
FROM executions_{g}
WHERE execution_id > :after AND ended_at < :before
  AND (:status = '' OR status = :status)
  AND (:flow = '' OR flow_id = :flow OR flow_name = :flow)
ORDER BY execution_id LIMIT :limit;

-- name: payload
SELECT data FROM payloads WHERE digest = :digest;
