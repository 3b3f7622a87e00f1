"""The files that `flowsm init` writes."""
