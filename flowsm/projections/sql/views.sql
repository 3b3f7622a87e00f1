-- The projections as people read them: the tables of the generation in force.

DROP VIEW IF EXISTS executions;
CREATE VIEW executions AS SELECT * FROM executions_{g};
DROP VIEW IF EXISTS attempts;
CREATE VIEW attempts AS SELECT * FROM attempts_{g};
DROP VIEW IF EXISTS statistics;
CREATE VIEW statistics AS SELECT * FROM statistics_{g};
