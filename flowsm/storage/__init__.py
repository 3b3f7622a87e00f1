"""SQLite: opening, one writer with group commit, named statements, migrations; knows nothing of flows."""
