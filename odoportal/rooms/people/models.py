"""Tables of invitations to an account, and of the roles last imported for its people."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Invitation(SQLModel, table=True):
    """An invitation of an email to an account. No membership and no person are created until it is accepted.

    Its link ends when it is accepted, expires, is withdrawn, or is replaced by sending it again. Accepted and withdrawn invitations are
    deleted.
    """

    __table_args__ = (UniqueConstraint("account_id", "email_key"),)

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    email: str = Field(max_length=254)
    email_key: str = Field(max_length=254)
    role: str = Field(max_length=20)
    language: str = Field(max_length=2)
    hash: str = Field(max_length=64, unique=True, description="SHA-256 of the link's token")
    invited_by: int = Field(foreign_key="person.id")
    created_at: datetime
    expires_at: datetime


class FileRole(SQLModel, table=True):
    """The role that the last import's file gave a person in an account.

    An import changes a membership only if its file differs from this. So an owner's change of a role, or removal of a person, is kept until
    Odotrack sends something new.
    """

    __tablename__ = "file_role"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    role: str = Field(max_length=20)
