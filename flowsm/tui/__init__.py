"""The faces that fill a terminal: the debugger and the list of executions. They look; nothing is executed or written."""
