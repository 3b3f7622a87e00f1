"""Facts and commands, and how facts are stored."""
