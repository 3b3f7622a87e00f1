-- The statements that write projections' rows, inside the transaction that appends the events.

-- Their order here is the order in which they run within one commit.

-- name: end_attempt
-- An interrupted attempt ends once more when its outcome is found: what was said of the interruption goes.
UPDATE attempts_{g} SET
    status = ?, outcome = ?, ended_at = ?, duration_us = ?, message = NULL, error_type = NULL, error = NULL
WHERE execution_id = ? AND started_seq = ?;

-- name: start_attempt
INSERT INTO attempts_{g} (execution_id, started_seq, task, visit, attempt, status, started_at, worker)
VALUES (?, ?, ?, ?, ?, 'running', ?, ?);

-- name: put_attempt
INSERT INTO attempts_{g} (
    execution_id, started_seq, task, visit, attempt, status, outcome, started_at, ended_at, duration_us,
    worker, message, error_type, error
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id, started_seq) DO UPDATE SET
    status = excluded.status, outcome = excluded.outcome, ended_at = excluded.ended_at,
    duration_us = excluded.duration_us, message = excluded.message,
    error_type = excluded.error_type, error = excluded.error;

-- name: put_execution
INSERT INTO executions_{g} (
    execution_id, flow_id, flow_name, flow_digest, status, current_task, path, completed_tasks, skipped_tasks,
    transitions, attempts, failures, interruptions, last_error_type, last_error, worker, due_at,
    created_at, started_at, ended_at, updated_at, seq, removed, wake_at, waiting_for, child_id, parent_id
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id) DO UPDATE SET
    flow_name = excluded.flow_name, flow_digest = excluded.flow_digest, status = excluded.status, current_task = excluded.current_task, path = excluded.path,
    completed_tasks = excluded.completed_tasks, skipped_tasks = excluded.skipped_tasks,
    transitions = excluded.transitions, attempts = excluded.attempts, failures = excluded.failures,
    interruptions = excluded.interruptions, last_error_type = excluded.last_error_type,
    last_error = excluded.last_error, worker = excluded.worker, due_at = excluded.due_at,
    started_at = excluded.started_at, ended_at = excluded.ended_at, updated_at = excluded.updated_at,
    seq = excluded.seq, removed = excluded.removed, wake_at = excluded.wake_at,
    waiting_for = excluded.waiting_for, child_id = excluded.child_id
WHERE excluded.seq > executions_{g}.seq;

-- name: step_execution
UPDATE executions_{g} SET
    current_task = ?, path = ?, completed_tasks = ?, transitions = ?, attempts = ?, updated_at = ?, seq = ?
WHERE execution_id = ?;

-- name: add_statistic
INSERT INTO statistics_{g} (flow_id, task, outcome, count, duration_us) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (flow_id, task, outcome) DO UPDATE SET
    count = count + excluded.count, duration_us = duration_us + excluded.duration_us;

-- name: drop_attempts
DELETE FROM attempts_{g} WHERE execution_id = ?;

-- name: drop_execution
DELETE FROM executions_{g} WHERE execution_id = ?;
