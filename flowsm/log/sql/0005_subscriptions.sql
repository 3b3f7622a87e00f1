-- subscriptions  one row per name: how far its consumer has come, and whose it is; authority, never rebuilt
--
-- A consumer is a worker of its own in `workers`; the subscription is its as long as that is alive.

CREATE TABLE subscriptions (
    name       TEXT    PRIMARY KEY,
    position   INTEGER NOT NULL,          -- what was recorded up to here was dealt with
    epoch      INTEGER NOT NULL DEFAULT 0, -- counts the consumers: what one says that was replaced is not saved
    worker     TEXT    NOT NULL DEFAULT '', -- the consumer, '' when there is none
    updated_at TEXT    NOT NULL           -- UTC
) STRICT, WITHOUT ROWID;
