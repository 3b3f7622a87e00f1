-- What upkeep asks of a log. Parameters are named; {g} is the generation in force.

-- name: heads
SELECT number, stream, seq, digest FROM streams WHERE number > :after ORDER BY number LIMIT :limit;

-- name: origin
SELECT parent, seq, digest FROM forks WHERE stream = :stream;

-- name: forked
SELECT max(seq) FROM forks WHERE parent = :stream;

-- name: digest_at
SELECT digest FROM events WHERE stream = :stream AND seq = :seq;

-- name: meta
SELECT key, value FROM meta;

-- name: counts
SELECT (SELECT count(*) FROM streams), (SELECT count(*) FROM events);

-- name: unfinished
-- What should move on by itself: not what waits for somebody. Of a child that is waited for, when it ended; of one that
-- a limit holds back, since when.
SELECT
    e.execution_id, e.flow_digest, e.status, e.current_task, e.worker, e.due_at, e.updated_at, e.child_id,
    (SELECT coalesce(c.ended_at, 'running') FROM executions_{g} AS c WHERE c.execution_id = e.child_id),
    (
        SELECT h.since FROM held AS h CROSS JOIN streams AS s ON s.stream = h.stream AND s.seq = h.seq
        WHERE h.stream = e.execution_id
    )
FROM executions_{g} AS e
WHERE e.status = :status AND e.execution_id > :after
ORDER BY e.execution_id LIMIT :limit;

-- name: ended_before
-- An empty text lets everything through. A child stays as long as its parent, which may be redriven and ask for it; a
-- parent stays as long as a child runs, which will tell it of its end. What forks share stays as long as one of them. In
-- the order of creation: no fork comes before what it was forked off.
SELECT s.number, e.execution_id, e.status, e.seq
FROM streams AS s CROSS JOIN executions_{g} AS e ON e.execution_id = s.stream
WHERE s.number > :after AND e.ended_at < :before
  AND (:status = '' OR e.status = :status)
  AND (:flow = '' OR e.flow_id = :flow OR e.flow_name = :flow)
  AND NOT EXISTS (
      SELECT 1 FROM executions_{g} AS parent
      WHERE parent.execution_id = e.parent_id AND (parent.ended_at IS NULL OR parent.ended_at >= :before)
  )
  AND NOT EXISTS (
      SELECT 1 FROM executions_{g} AS child WHERE child.parent_id = e.execution_id AND child.ended_at IS NULL
  )
  AND NOT EXISTS (
      WITH RECURSIVE below (stream) AS (
          SELECT forks.stream FROM forks WHERE forks.parent = e.execution_id
          UNION
          SELECT forks.stream FROM below JOIN forks ON forks.parent = below.stream
      )
      SELECT 1
      FROM below LEFT JOIN executions_{g} AS fork ON fork.execution_id = below.stream
      WHERE fork.ended_at IS NULL OR fork.ended_at >= :before
         OR NOT (:status = '' OR fork.status = :status)
         OR NOT (:flow = '' OR fork.flow_id = :flow OR fork.flow_name = :flow)
  )
ORDER BY s.number LIMIT :limit;

-- name: rows_alone
SELECT e.execution_id
FROM executions_{g} AS e
WHERE e.execution_id > :after AND e.ended_at < :before
  AND (:status = '' OR e.status = :status)
  AND (:flow = '' OR e.flow_id = :flow OR e.flow_name = :flow)
  AND NOT EXISTS (SELECT 1 FROM streams WHERE streams.stream = e.execution_id)
ORDER BY e.execution_id LIMIT :limit;

-- name: payload
SELECT data FROM payloads WHERE digest = :digest;
