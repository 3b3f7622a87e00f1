"""The handlers of the service, by area."""
