-- Forks: streams whose events begin as another's did. Those are not copied: they are read where they lie.
--
-- forks   one row per fork: its first events are those of `parent` up to `seq`, which has that digest

CREATE TABLE forks (
    stream TEXT    PRIMARY KEY,
    parent TEXT    NOT NULL,
    seq    INTEGER NOT NULL CHECK (seq > 0),
    digest TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX forks_by_parent ON forks (parent);
