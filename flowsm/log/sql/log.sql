-- The log's own statements.

-- name: group_state
SELECT log_head.position, CAST(meta.value AS INTEGER)
FROM log_head, meta
WHERE meta.key = 'projection_generation';

-- name: set_position
UPDATE log_head SET position = ?;

-- name: select_head
SELECT seq, digest, epoch, worker, number FROM streams WHERE stream = ?;

-- name: insert_head
INSERT INTO streams (seq, digest, epoch, worker, stream) VALUES (?, ?, ?, ?, ?);

-- name: update_head
UPDATE streams SET seq = ?, digest = ?, epoch = ?, worker = ? WHERE number = ?;

-- name: insert_event
-- FAIL and not ABORT, see 0008_fail.sql: no copies of pages for a statement of one row.
INSERT OR FAIL INTO events (position, stream, seq, type, version, at, data, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_payload
INSERT INTO payloads (digest, size, encoding, data) VALUES (?, ?, 'zlib', ?) ON CONFLICT (digest) DO NOTHING;

-- name: insert_definition
INSERT INTO definitions (digest, flow_id, name, document, at)
SELECT
    :digest,
    coalesce(json_extract(:document, '$.id'), ''),
    coalesce(json_extract(:document, '$.name'), ''),
    :document,
    :at
WHERE NOT EXISTS (SELECT 1 FROM definitions WHERE definitions.digest = :digest);

-- name: beat
INSERT INTO workers (worker, host, pid, pid_space, boot_id, started_at, lease_ms, seen_ms, seen_at, recovers)
VALUES (:worker, :host, :pid, :pid_space, :boot_id, :started_at, :lease_ms, :seen_ms, :seen_at, :recovers)
ON CONFLICT (worker) DO UPDATE SET
    host = excluded.host, pid = excluded.pid, pid_space = excluded.pid_space,
    boot_id = excluded.boot_id, lease_ms = excluded.lease_ms,
    seen_ms = excluded.seen_ms, seen_at = excluded.seen_at, stopped = 0, recovers = excluded.recovers;

-- name: stop_worker
UPDATE workers SET stopped = 1 WHERE worker = ?;

-- name: sweep_workers
DELETE FROM workers
WHERE seen_at < :before
  AND NOT (stopped = 0 AND boot_id = :boot_id AND seen_ms <= :now_ms AND seen_ms + lease_ms > :now_ms);

-- name: select_worker
SELECT worker, host, pid, pid_space, boot_id, started_at, lease_ms, seen_ms, seen_at, stopped, recovers
FROM workers WHERE worker = ?;

-- name: select_workers
SELECT worker, host, pid, pid_space, boot_id, started_at, lease_ms, seen_ms, seen_at, stopped, recovers
FROM workers ORDER BY worker;

-- name: select_events
-- The event before the first is read along: it anchors the chain.
SELECT position, seq, type, version, at, CAST(data AS BLOB), digest
FROM events
WHERE stream = ? AND seq >= ?
ORDER BY seq
LIMIT ?;

-- name: select_log
SELECT
    e.stream,
    (SELECT p.digest FROM events AS p WHERE p.stream = e.stream AND p.seq = e.seq - 1),
    e.position, e.seq, e.type, e.version, e.at, CAST(e.data AS BLOB), e.digest
FROM events AS e
WHERE e.position > ?
ORDER BY e.position
LIMIT ?;

-- name: select_payload
SELECT size, encoding, data FROM payloads WHERE digest = ?;

-- name: select_definition
SELECT CAST(document AS BLOB) FROM definitions WHERE digest = ?;

-- name: select_generation
SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'projection_generation';

-- name: save_snapshot
INSERT INTO snapshots (stream, seq, digest, fold_version, state) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (stream) DO UPDATE SET
    seq = excluded.seq, digest = excluded.digest, fold_version = excluded.fold_version, state = excluded.state
WHERE excluded.seq >= snapshots.seq OR excluded.fold_version <> snapshots.fold_version;

-- name: select_snapshot
SELECT seq, digest, state FROM snapshots WHERE stream = ? AND fold_version = ?;

-- name: select_position
SELECT position FROM log_head;

-- name: select_streams
SELECT number, stream FROM streams WHERE number > ? ORDER BY number LIMIT ?;

-- name: select_touched
SELECT stream, max(seq) FROM events WHERE position > ? GROUP BY stream ORDER BY max(position);

-- name: insert_use
INSERT INTO payload_uses (digest, stream) VALUES (?, ?) ON CONFLICT (digest, stream) DO NOTHING;

-- name: grant_purge
INSERT INTO purging (stream) VALUES (?);

-- name: end_purge
DELETE FROM purging WHERE stream = ?;

-- name: purge_events
DELETE FROM events WHERE stream = ?;

-- name: purge_snapshot
DELETE FROM snapshots WHERE stream = ?;

-- name: purge_head
DELETE FROM streams WHERE stream = ?;

-- name: purge_payloads
-- Those that no other stream uses.
DELETE FROM payloads
WHERE digest IN (SELECT mine.digest FROM payload_uses AS mine WHERE mine.stream = ?1)
  AND NOT EXISTS (SELECT 1 FROM payload_uses AS other WHERE other.digest = payloads.digest AND other.stream <> ?1);

-- name: purge_uses
DELETE FROM payload_uses WHERE stream = ?;

-- name: purge_slots
DELETE FROM slots WHERE stream = ?;

-- name: purge_held
DELETE FROM held WHERE stream = ?;

-- name: purge_unused
DELETE FROM payloads
WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM payload_uses WHERE payload_uses.digest = payloads.digest);

-- name: stop_rebuild
-- It has counted what goes: it has to begin anew.
DELETE FROM meta WHERE key = 'rebuild';

-- name: restore_start
INSERT INTO starts (key, stream, flow_digest, input_digest) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING;
