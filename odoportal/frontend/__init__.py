"""Building the frontend."""
