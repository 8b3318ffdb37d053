"""The frontend build."""
