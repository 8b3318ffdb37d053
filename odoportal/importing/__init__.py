"""The import of Odotrack's files."""
