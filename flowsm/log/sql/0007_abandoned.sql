-- Who can take a place that is offered: else it is offered to nobody.
--
-- held.worker       who asked last, and is woken when there is room; one who is dead has left it to those who recover
-- held.flow         digest of its flow: code for it is in some processes
-- workers.recovers  1: it takes up what is due and nobody's

ALTER TABLE held ADD COLUMN worker TEXT NOT NULL DEFAULT '';
ALTER TABLE held ADD COLUMN flow TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN recovers INTEGER NOT NULL DEFAULT 0;
