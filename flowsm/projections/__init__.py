"""Rows derived from events: pure projectors, queries, rebuild, verify."""
