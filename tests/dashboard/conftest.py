"""The databases of these tests."""

from tests.making import engine as engine
from tests.making import stored as stored
