-- Who may advance executions.
--
-- workers      one row per manager that drives: its lease, renewed by one heartbeat however many executions it runs
--
-- An execution belongs to the worker in `streams.worker` as long as that worker is alive: it was seen in this start of
-- the machine, less than `lease_ms` ago. Its epoch is what makes the append of one that was replaced fail.

CREATE TABLE workers (
    worker     TEXT    PRIMARY KEY,
    host       TEXT    NOT NULL,
    pid        INTEGER NOT NULL,
    pid_space  TEXT    NOT NULL,         -- within what `pid` means this process; '' where that is not known
    boot_id    TEXT    NOT NULL,         -- which start of the machine `seen_ms` counts from
    started_at TEXT    NOT NULL,         -- UTC
    lease_ms   INTEGER NOT NULL,
    seen_ms    INTEGER NOT NULL,         -- the machine's boot time at the last heartbeat: no setting of the time moves it
    seen_at    TEXT    NOT NULL,         -- UTC, of the same moment, for people
    stopped    INTEGER NOT NULL DEFAULT 0 -- 1: it gave its lease back
) STRICT, WITHOUT ROWID;
