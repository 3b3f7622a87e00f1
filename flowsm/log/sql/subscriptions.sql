-- Subscriptions, and what they are told.

-- name: select_subscription
SELECT name, position, epoch, worker, updated_at FROM subscriptions WHERE name = ?;

-- name: select_subscriptions
SELECT name, position, epoch, worker, updated_at FROM subscriptions ORDER BY name;

-- name: insert_subscription
INSERT INTO subscriptions (name, position, updated_at) VALUES (?, ?, ?);

-- name: claim_subscription
UPDATE subscriptions SET epoch = epoch + 1, worker = :worker, updated_at = :at WHERE name = :name;

-- name: save_subscription
UPDATE subscriptions
SET position = :position, worker = CASE WHEN :release THEN '' ELSE worker END, updated_at = :at
WHERE name = :name AND epoch = :epoch;

-- name: delete_subscription
DELETE FROM subscriptions WHERE name = ?;

-- name: select_followed
-- `types` is a JSON array, or NULL for all of them.
SELECT
    e.stream,
    (SELECT p.digest FROM events AS p WHERE p.stream = e.stream AND p.seq = e.seq - 1),
    e.position, e.seq, e.type, e.version, e.at, CAST(e.data AS BLOB), e.digest
FROM events AS e
WHERE e.position > :after
  AND e.position <= :until
  AND (:types IS NULL OR e.type IN (SELECT value FROM json_each(:types)))
ORDER BY e.position
LIMIT :limit;

-- name: select_import_before
SELECT position, version, CAST(data AS BLOB)
FROM events
WHERE stream = ? AND type = ? AND position <= ?
ORDER BY seq DESC
LIMIT 1;
