"""Printed documents: sheets of ready strings, and their PDF files."""
