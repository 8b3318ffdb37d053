"""Loading Odotrack's data."""
