"""What each fact changes in the state of its execution."""
