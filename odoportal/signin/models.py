"""Signed-in browsers and one-use links."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel


class LinkKind(StrEnum):
    """What a one-use link is for."""

    RESET = "reset"
    INVITE = "invite"
    JOIN = "join"
    """An invitation to an account; it is kept with the people (`people.models.Invitation`), not as a `OneUseLink`."""


class BrowserSession(SQLModel, table=True):
    """A signed-in browser. Only the SHA-256 of its 256-bit token is kept, so a copy of the table signs nobody in."""

    __tablename__ = "browser_session"  # pyright: ignore[reportAssignmentType]

    hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    created_at: datetime
    seen_at: datetime
    keep: bool = Field(default=False, description="keep me signed in: no idle end")
    browser: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=45)


class OneUseLink(SQLModel, table=True):
    """A link sent by mail. It dies by use, by time, by a newer one, by a changed address or password, or by a sign-in."""

    __tablename__ = "one_use_link"  # pyright: ignore[reportAssignmentType]

    hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    kind: str = Field(max_length=10)
    email_key: str = Field(max_length=254)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
