-- Streams that begin as others did.

-- name: select_origin
SELECT parent, seq, digest FROM forks WHERE stream = ?;

-- name: insert_origin
INSERT INTO forks (stream, parent, seq, digest) VALUES (?, ?, ?, ?);

-- name: delete_origin
DELETE FROM forks WHERE stream = ?;

-- name: select_digest
SELECT digest FROM events WHERE stream = ? AND seq = ?;

-- name: select_forks
SELECT stream, seq FROM forks WHERE parent = ? ORDER BY seq, stream;

-- name: select_family
-- The whole tree that a stream is in: up to the first of them, then down.
WITH RECURSIVE
    above (stream) AS (
        VALUES (:stream)
        UNION
        SELECT forks.parent FROM above JOIN forks ON forks.stream = above.stream
    ),
    family (stream) AS (
        SELECT above.stream FROM above
        UNION
        SELECT forks.stream FROM family JOIN forks ON forks.parent = family.stream
    )
SELECT family.stream, forks.parent, forks.seq
FROM family LEFT JOIN forks ON forks.stream = family.stream
ORDER BY family.stream;
