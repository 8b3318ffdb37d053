"""Background jobs: what runs when, by which process, and with what result."""
