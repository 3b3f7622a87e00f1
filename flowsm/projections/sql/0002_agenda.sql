-- What an execution waits for, and when somebody has to look after it.

ALTER TABLE executions_{g} ADD COLUMN wake_at TEXT;
ALTER TABLE executions_{g} ADD COLUMN waiting_for TEXT;
ALTER TABLE executions_{g} ADD COLUMN child_id TEXT;
ALTER TABLE executions_{g} ADD COLUMN parent_id TEXT;
UPDATE executions_{g} SET wake_at = coalesce(due_at, ''), waiting_for = iif(due_at IS NULL, NULL, 'retry')
WHERE status = 'running';
CREATE INDEX executions_{g}_wake ON executions_{g} (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX executions_{g}_child ON executions_{g} (child_id) WHERE child_id IS NOT NULL;
CREATE INDEX executions_{g}_parent ON executions_{g} (parent_id) WHERE parent_id IS NOT NULL;
DROP VIEW IF EXISTS executions;
CREATE VIEW executions AS SELECT * FROM executions_{g};
