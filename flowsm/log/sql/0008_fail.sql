-- An event is inserted OR FAIL, and its trigger fails likewise: a statement that might ABORT after several writes, and one
-- with a trigger counts as such, keeps a copy of each page that it changes, to take back its own part.
-- Each row is a statement of its own, so there is no part to take back.

DROP TRIGGER events_are_not_replaced;

-- INSERT OR REPLACE deletes without a trigger, so it is stopped before.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE events.position = NEW.position)
  OR EXISTS (SELECT 1 FROM events WHERE events.stream = NEW.stream AND events.seq = NEW.seq)
BEGIN
    SELECT RAISE(FAIL, 'the log is immutable: an event with this position, or this stream and seq, exists');
END;
