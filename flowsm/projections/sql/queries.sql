-- What is asked of the projections. Parameters are named; {g} is the generation in force.

-- name: executions
SELECT execution_id, flow_id, flow_name, flow_digest, status, current_task, path, completed_tasks, skipped_tasks,
       transitions, attempts, failures, interruptions, last_error_type, last_error, worker, due_at,
       created_at, started_at, ended_at, updated_at, seq
FROM executions_{g}
WHERE removed = 0
  AND (:status IS NULL OR status = :status)
  AND (:flow IS NULL OR flow_id = :flow OR flow_name = :flow)
  AND (:since IS NULL OR created_at >= :since)
  AND (:before_at IS NULL OR (created_at, execution_id) < (:before_at, :before_id))
ORDER BY created_at DESC, execution_id DESC
LIMIT :limit;

-- name: execution
SELECT execution_id, flow_id, flow_name, flow_digest, status, current_task, path, completed_tasks, skipped_tasks,
       transitions, attempts, failures, interruptions, last_error_type, last_error, worker, due_at,
       created_at, started_at, ended_at, updated_at, seq
FROM executions_{g}
WHERE execution_id = :execution_id;

-- name: ids_by_prefix
SELECT execution_id FROM executions_{g}
WHERE execution_id >= :prefix AND execution_id < :prefix || char(1114111)
ORDER BY execution_id LIMIT 10;

-- name: attempts
SELECT execution_id, started_seq, task, visit, attempt, status, outcome, started_at, ended_at, duration_us,
       worker, message, error_type, error
FROM attempts_{g} WHERE execution_id = :execution_id ORDER BY started_seq;

-- name: status_counts
SELECT status, count(*) FROM executions_{g} WHERE removed = 0 GROUP BY status ORDER BY status;

-- name: statistics
SELECT flow_id, task, outcome, count, duration_us FROM statistics_{g} ORDER BY flow_id, task, outcome;
