"""Invitations to an account, and what Odotrack's files said of its people."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Invitation(SQLModel, table=True):
    """An email that was invited to an account. Nobody belongs to the account, and no person is made, until it is accepted.

    It dies by use, by time, by being withdrawn, and its link by being sent again. Accepted and withdrawn ones are no longer here.
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
    """The role that an import last gave a person in an account, by the file.

    An import changes a membership only where its file says something else than this. So a role that an owner changed, and a person
    that an owner removed, stay so until Odotrack says something new.
    """

    __tablename__ = "file_role"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    role: str = Field(max_length=20)
