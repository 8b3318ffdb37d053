"""The databases of these tests."""

from tests.making import engine, stored

__all__ = ["engine", "stored"]
