-- Places under limits, asked for and given back within appends.

-- name: count_slots
SELECT count(*) FROM slots WHERE kind = ? AND name = ? AND stream <> ?;

-- name: select_slots
SELECT stream, epoch FROM slots WHERE kind = ? AND name = ? AND stream <> ?;

-- name: own_slots
SELECT kind, name, epoch FROM slots WHERE stream = ?;

-- name: put_slot
INSERT INTO slots (kind, name, stream, epoch) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, name, stream) DO UPDATE SET epoch = excluded.epoch;

-- name: drop_slot
DELETE FROM slots WHERE kind = ? AND name = ? AND stream = ?;

-- name: own_number
SELECT number FROM held WHERE stream = ?;

-- name: ahead
-- Those who came before, as long as the place that was kept for one was not kept for too long.
SELECT number, stream, seq, offered_ms FROM held
WHERE kind = ? AND name = ? AND number < ? AND (offered_ms = 0 OR offered_ms BETWEEN ? AND ?)
ORDER BY number;

-- name: offer
UPDATE held SET offered_ms = ? WHERE number = ?;

-- name: drop_number
DELETE FROM held WHERE number = ?;

-- name: leave_queue
DELETE FROM held WHERE stream = ?;

-- name: hold
INSERT INTO held (stream, kind, name, seq, most, seconds, expires, since)
VALUES (:stream, :kind, :name, :seq, :most, :seconds, :expires, :since)
ON CONFLICT (stream) DO UPDATE SET
    kind = excluded.kind, name = excluded.name, seq = excluded.seq, most = excluded.most, seconds = excluded.seconds,
    expires = excluded.expires, offered_ms = 0
WHERE (held.kind, held.name, held.seq, held.most, held.seconds, held.offered_ms)
   <> (excluded.kind, excluded.name, excluded.seq, excluded.most, excluded.seconds, 0);

-- name: select_rate
SELECT tat_us FROM rates WHERE name = ?;

-- name: put_rate
INSERT INTO rates (name, tat_us) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET tat_us = excluded.tat_us;
