"""How a process runs: settings sections, HTTP shell, principal tokens, health, logging, metrics, queue."""
