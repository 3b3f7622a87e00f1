"""The append-only event log: port, SQLite and memory implementations."""
