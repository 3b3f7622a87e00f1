"""flowsm: an event-sourced state-machine engine for flows, in one SQLite file."""
