"""The account with people of these tests."""

from tests.rooms.people.conftest import people, store

__all__ = ["people", "store"]
