-- What is measured of the whole log, whenever somebody asks. Parameters are named; {g} is the generation in force.
--
-- None of it walks along all executions: those that have ended are in the statistics.

-- name: live
SELECT flow_id, status, count(*) FROM executions_{g}
WHERE status IN ('created', 'running', 'waiting', 'paused') AND removed = 0
GROUP BY flow_id, status ORDER BY flow_id, status;

-- name: ends
SELECT flow_id, task, outcome, count, duration_us FROM statistics_{g} ORDER BY flow_id, task, outcome;

-- name: work
-- `oldest` is since when the one has been due that nobody took up for the longest time.
WITH
living AS (
    SELECT worker FROM workers
    WHERE stopped = 0 AND boot_id = :boot_id AND seen_ms <= :now_ms AND seen_ms + lease_ms > :now_ms
),
waking AS (
    SELECT
        e.wake_at <= :now AS is_due,
        s.worker = '' OR s.worker NOT IN (SELECT worker FROM living) AS is_free,
        max(e.wake_at, e.updated_at) AS since
    FROM executions_{g} AS e CROSS JOIN streams AS s ON s.stream = e.execution_id
    WHERE e.wake_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM held AS h WHERE h.stream = s.stream AND h.seq = s.seq)
)
SELECT
    (SELECT position FROM log_head),
    (SELECT count(*) FROM living),
    (SELECT count(*) FROM held AS h CROSS JOIN streams AS s ON s.stream = h.stream AND s.seq = h.seq),
    coalesce(sum(is_due AND is_free), 0),
    coalesce(sum(NOT is_due), 0),
    min(CASE WHEN is_due AND is_free THEN since END)
FROM waking;
