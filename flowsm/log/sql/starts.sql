-- Starts with an idempotency key.

-- name: select_start
SELECT stream, flow_digest, input_digest FROM starts WHERE key = ?;

-- name: insert_start
INSERT INTO starts (key, stream, flow_digest, input_digest) VALUES (?, ?, ?, ?);

-- name: select_begun
SELECT at, type, version, CAST(data AS BLOB) FROM events WHERE stream = ? AND seq <= 2 ORDER BY seq;
