"""Tasks: the contract, the registry, the built-in types."""
