"""The outside world: one swappable technology a file. Only bootstrap modules import from here."""
