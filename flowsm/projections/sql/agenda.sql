-- Which executions need work, who has them, and what became of them elsewhere. Parameters are named.
--
-- A worker is alive: it was seen in this start of the machine, less than its lease ago, and has not given it back
-- (`Worker.is_alive` says the same). An execution is free when it belongs to no worker that is alive.

-- name: due
-- What is due, as long as it is free; :me sees what it parked itself a little before (:horizon), to be there in time.
-- The queues of :queues are looked after apart. It walks along its index and stops at the limit, however many there are.
WITH
living AS (
    SELECT worker FROM workers
    WHERE stopped = 0 AND boot_id = :boot_id AND seen_ms <= :now_ms AND seen_ms + lease_ms > :now_ms
)
SELECT e.execution_id, e.flow_digest, e.wake_at, (SELECT count(*) FROM living)
FROM executions_{g} AS e CROSS JOIN streams AS s ON s.stream = e.execution_id
WHERE e.wake_at <= :horizon
  AND (e.wake_at <= :now OR e.worker = :me)
  AND (s.worker = '' OR s.worker = :me OR s.worker NOT IN (SELECT worker FROM living))
  AND e.flow_digest NOT IN (SELECT value FROM json_each(:flows))
  AND e.execution_id NOT IN (SELECT value FROM json_each(:aside))
  AND NOT EXISTS (
      SELECT 1 FROM held AS h
      WHERE h.stream = s.stream AND h.seq = s.seq AND h.kind || ' ' || h.name IN (SELECT value FROM json_each(:queues))
        AND (h.expires IS NULL OR h.expires > :now)
  )
ORDER BY e.wake_at
LIMIT :limit;

-- name: parents
-- Those whose child has ended or was never made, as long as they are free. It asks for the child of each that waits.
WITH
living AS (
    SELECT worker FROM workers
    WHERE stopped = 0 AND boot_id = :boot_id AND seen_ms <= :now_ms AND seen_ms + lease_ms > :now_ms
)
SELECT p.execution_id, p.flow_digest, NULL, (SELECT count(*) FROM living)
FROM executions_{g} AS p CROSS JOIN streams AS s ON s.stream = p.execution_id
LEFT JOIN executions_{g} AS c ON c.execution_id = p.child_id
WHERE p.child_id IS NOT NULL AND p.status <> 'paused' AND (c.execution_id IS NULL OR c.ended_at IS NOT NULL)
  AND (s.worker = '' OR s.worker = :me OR s.worker NOT IN (SELECT worker FROM living))
  AND p.flow_digest NOT IN (SELECT value FROM json_each(:flows))
  AND p.execution_id NOT IN (SELECT value FROM json_each(:aside))
  AND NOT EXISTS (
      SELECT 1 FROM held AS h
      WHERE h.stream = s.stream AND h.seq = s.seq AND h.kind || ' ' || h.name IN (SELECT value FROM json_each(:queues))
        AND (h.expires IS NULL OR h.expires > :now)
  )
LIMIT :limit;

-- name: left
-- What is due and free, and what sleeps.
WITH
living AS (
    SELECT worker FROM workers
    WHERE stopped = 0 AND boot_id = :boot_id AND seen_ms <= :now_ms AND seen_ms + lease_ms > :now_ms
)
SELECT
    coalesce(sum(e.wake_at <= :now AND (s.worker = '' OR s.worker NOT IN (SELECT worker FROM living))), 0),
    coalesce(sum(e.wake_at > :now), 0)
FROM executions_{g} AS e CROSS JOIN streams AS s ON s.stream = e.execution_id
WHERE e.wake_at IS NOT NULL;

-- name: owners
SELECT
    s.stream, s.seq, s.epoch, s.worker,
    coalesce(w.stopped = 0 AND w.boot_id = :boot_id AND w.seen_ms <= :now_ms AND w.seen_ms + w.lease_ms > :now_ms, 0),
    w.host, w.pid, w.seen_at
FROM json_each(:ids) AS i CROSS JOIN streams AS s ON s.stream = i.value
LEFT JOIN workers AS w ON w.worker = s.worker;

-- name: queue
-- The first who wait in a queue and belong to nobody who is alive.
WITH
living AS (
    SELECT worker FROM workers
    WHERE stopped = 0 AND boot_id = :boot_id AND seen_ms <= :now_ms AND seen_ms + lease_ms > :now_ms
)
SELECT h.stream, e.flow_digest
FROM held AS h CROSS JOIN streams AS s ON s.stream = h.stream AND s.seq = h.seq
CROSS JOIN executions_{g} AS e ON e.execution_id = h.stream
WHERE h.kind = :kind AND h.name = :name
  AND (s.worker = '' OR s.worker = :me OR s.worker NOT IN (SELECT worker FROM living))
  AND (:only IS NULL OR h.stream IN (SELECT value FROM json_each(:only)))
  AND e.flow_digest NOT IN (SELECT value FROM json_each(:flows))
  AND h.stream NOT IN (SELECT value FROM json_each(:aside))
ORDER BY h.number
LIMIT :limit;

-- name: in_use
SELECT count(*)
FROM slots AS p CROSS JOIN streams AS s ON s.stream = p.stream AND s.epoch = p.epoch
CROSS JOIN workers AS w ON w.worker = s.worker
WHERE p.kind = :kind AND p.name = :name
  AND w.stopped = 0 AND w.boot_id = :boot_id AND w.seen_ms <= :now_ms AND w.seen_ms + w.lease_ms > :now_ms;

-- name: arrival
SELECT tat_us FROM rates WHERE name = :name;

-- name: holds
SELECT
    h.stream, h.kind, h.name, h.most, h.seconds,
    (
        SELECT count(*)
        FROM slots AS p CROSS JOIN streams AS o ON o.stream = p.stream AND o.epoch = p.epoch
        CROSS JOIN workers AS w ON w.worker = o.worker
        WHERE p.kind = h.kind AND p.name = h.name
          AND w.stopped = 0 AND w.boot_id = :boot_id AND w.seen_ms <= :now_ms AND w.seen_ms + w.lease_ms > :now_ms
    ),
    h.since
FROM json_each(:ids) AS i CROSS JOIN held AS h ON h.stream = i.value
CROSS JOIN streams AS s ON s.stream = h.stream AND s.seq = h.seq;
