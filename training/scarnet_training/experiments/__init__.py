"""The experiments whose tables stand in the documentation; each is a command that makes its table."""
