"""The account with people of these tests."""

from tests.people.conftest import people, store

__all__ = ["people", "store"]
