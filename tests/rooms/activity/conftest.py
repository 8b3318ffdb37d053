"""Fixtures: an account with people."""

from tests.rooms.people.conftest import people, store

__all__ = ["people", "store"]
