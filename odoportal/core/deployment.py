"""What a database is for, written in the database itself: a demonstration is never taken for a customer's data, nor the other way round."""

from sqlmodel import Field, Session, SQLModel

_DEMONSTRATION = "demonstration"


class Deployment(SQLModel, table=True):
    """A fact about this database as a whole."""

    name: str = Field(primary_key=True, max_length=40)
    value: str = Field(default="", max_length=200)


def is_demonstration(session: Session) -> bool:
    """True when the database holds demonstration data."""
    return session.get(Deployment, _DEMONSTRATION) is not None


def mark_demonstration(session: Session) -> None:
    """Note that the database holds demonstration data. For good: `run` refuses it ever after."""
    session.merge(Deployment(name=_DEMONSTRATION))
