"""Databases for this room."""

from tests.making import engine, stored

__all__ = ["engine", "stored"]
