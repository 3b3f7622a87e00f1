"""Driving executions: one attempt, advance, dispatcher."""
