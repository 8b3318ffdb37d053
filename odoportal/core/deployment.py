"""A mark in the database that says it holds demonstration data, so that it is never mistaken for customers' data or the reverse."""

from sqlmodel import Field, Session, SQLModel

_DEMONSTRATION = "demonstration"


class Deployment(SQLModel, table=True):
    """A named fact about the database as a whole."""

    name: str = Field(primary_key=True, max_length=40)
    value: str = Field(default="", max_length=200)


def is_demonstration(session: Session) -> bool:
    """Return whether the database holds demonstration data."""
    return session.get(Deployment, _DEMONSTRATION) is not None


def mark_demonstration(session: Session) -> None:
    """Mark the database permanently as holding demonstration data: `odoportal run` refuses it from then on."""
    session.merge(Deployment(name=_DEMONSTRATION))
