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
-- Those who came before.
SELECT number, stream, seq, offered_ms, worker, flow FROM held WHERE kind = ? AND name = ? AND number < ?
ORDER BY number;

-- name: recovering
SELECT worker FROM workers WHERE recovers = 1 AND stopped = 0;

-- name: offer
UPDATE held SET offered_ms = ? WHERE number = ?;

-- name: drop_number
DELETE FROM held WHERE number = ?;

-- name: leave_queue
DELETE FROM held WHERE stream = ?;

-- name: hold
INSERT INTO held (stream, kind, name, seq, most, seconds, expires, since, worker, flow)
VALUES (:stream, :kind, :name, :seq, :most, :seconds, :expires, :since, :worker, :flow)
ON CONFLICT (stream) DO UPDATE SET
    kind = excluded.kind, name = excluded.name, seq = excluded.seq, most = excluded.most, seconds = excluded.seconds,
    expires = excluded.expires, worker = excluded.worker, flow = excluded.flow, offered_ms = 0
WHERE (held.kind, held.name, held.seq, held.most, held.seconds, held.worker, held.offered_ms)
   <> (excluded.kind, excluded.name, excluded.seq, excluded.most, excluded.seconds, excluded.worker, 0);

-- name: select_rate
SELECT tat_us FROM rates WHERE name = ?;

-- name: put_rate
INSERT INTO rates (name, tat_us) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET tat_us = excluded.tat_us;
