"""Replay: reading recorded events again. It never executes anything, and never writes."""
