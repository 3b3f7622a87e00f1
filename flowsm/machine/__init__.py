"""The flow as an explicit state machine, and the pure fold over its events."""
