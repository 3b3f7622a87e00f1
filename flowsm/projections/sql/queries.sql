-- What is asked of the projections. Parameters are named; {g} is the generation in force.

-- name: executions
-- The filters are added as they are asked for, so that each question finds its index.
SELECT execution_id, flow_id, flow_name, flow_digest, status, current_task, path, completed_tasks, skipped_tasks,
       transitions, attempts, failures, interruptions, last_error_type, last_error, worker, due_at,
       created_at, started_at, ended_at, updated_at, seq, removed, wake_at, waiting_for, child_id, parent_id
FROM executions_{g};

-- name: count
SELECT count(*) FROM executions_{g};

-- name: counts
SELECT status, count(*) FROM executions_{g} WHERE removed = 0 GROUP BY status;

-- name: flow_ids
SELECT DISTINCT flow_id FROM definitions WHERE flow_id = :flow OR name = :flow;

-- name: latest_flow
SELECT digest FROM definitions WHERE flow_id = :flow ORDER BY at DESC, rowid DESC LIMIT 1;

-- name: ids_by_prefix
SELECT execution_id FROM executions_{g}
WHERE execution_id >= :prefix AND execution_id < :prefix || char(1114111)
ORDER BY execution_id LIMIT 10;

-- name: attempts
SELECT execution_id, started_seq, task, visit, attempt, status, outcome, started_at, ended_at, duration_us,
       worker, message, error_type, error
FROM attempts_{g} WHERE execution_id = :execution_id ORDER BY started_seq;

-- name: summary
-- One statement, so that both halves are of the same moment.
SELECT 0, '', '', status, count(*), 0 FROM executions_{g} WHERE removed = 0 GROUP BY status
UNION ALL
SELECT 1, flow_id, task, outcome, count, duration_us FROM statistics_{g}
ORDER BY 1, 2, 3, 4;

-- name: definitions
SELECT digest, flow_id, name, at FROM definitions
WHERE (:flow IS NULL OR flow_id = :flow OR name = :flow)
  AND (:before_at IS NULL OR (at, digest) < (:before_at, :before_digest))
ORDER BY at DESC, digest DESC LIMIT :limit;
