"""Accounts, people, and who may act for which account."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, false
from sqlmodel import Field, SQLModel


class Role(StrEnum):
    """What a person may do for an account."""

    OWNER = "owner"
    BILLING = "billing"
    OPERATIONS = "operations"
    READ_ONLY = "read_only"


class Account(SQLModel, table=True):
    """A customer of Odotrack: the owner of orders and invoices."""

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=200)
    created_at: datetime
    two_step: bool = Field(
        default=False, sa_column_kwargs={"server_default": false()}, description="nobody sees the account who has no second factor"
    )


class Person(SQLModel, table=True):
    """Somebody who signs in. `email` is as typed, `email_key` is what must be unique (folded case)."""

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=254)
    email_key: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=200)
    phone: str = Field(default="", max_length=40)
    language: str = Field(default="fr", max_length=2)
    region: str = Field(default="fr-CA", max_length=5)
    password: str = Field(default="", max_length=200, description="scheme and bcrypt hash; empty before first access")
    created_at: datetime
    disabled_at: datetime | None = None
    signed_in_at: datetime | None = Field(default=None, description="the last time")


class FilePerson(SQLModel, table=True):
    """What Odotrack's files last said of a person.

    An import changes a person only where its file says something else than this, so that what the person changed in the portal stays. A
    column is empty where it is not known what the files said: what they say next is taken for what they said before.
    """

    __tablename__ = "file_person"  # pyright: ignore[reportAssignmentType]

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    name: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=40)
    language: str | None = Field(default=None, max_length=2)


class EarlierEmail(SQLModel, table=True):
    """An email that a person left for another one, in the portal; the person may have come back to it since.

    Until `reserved_until` the person may take it back, and nobody else can have it. After that it is kept because Odotrack's files may
    still know the person by it. `name` is what they called the person when it was left: under another name, they may mean somebody else.
    """

    __tablename__ = "earlier_email"  # pyright: ignore[reportAssignmentType]

    email_key: str = Field(max_length=254, primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    email: str = Field(max_length=254)
    name: str | None = Field(default=None, max_length=200, description="empty where it is not known")
    left_at: datetime = Field(description="for the first time")
    reserved_until: datetime


class Membership(SQLModel, table=True):
    """A person's role in an account."""

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    role: str = Field(max_length=20)


class UnsolicitedMail(SQLModel, table=True):
    """That a mailbox was written to which had not asked for it, because somebody typed its address (`accounts.unsolicited`).

    Kept for a day, to be counted. Of the address only a digest is kept.
    """

    __tablename__ = "unsolicited_mail"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_unsolicited_mail_mailbox", "mailbox_hash", "at"),
        Index("ix_unsolicited_mail_person", "person_id", "at"),
        Index("ix_unsolicited_mail_account", "account_id", "at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    kind: str = Field(max_length=20)
    person_id: int = Field(foreign_key="person.id")
    account_id: int | None = Field(default=None, foreign_key="account.id")
    mailbox_hash: str = Field(max_length=64)


class Change(SQLModel, table=True):
    """That something was changed, by whom and from where; written in the transaction of the change (`accounts.audit`).

    `account_id` is the account whose thing was changed, `subject_id` the person about whom it was, where it was about one. `before` and
    `after` are JSON: the fields that differ, as text.
    """

    __table_args__ = (
        Index("ix_change_account", "account_id", "at", "id"),
        Index("ix_change_kinds", "account_id", "what", "at"),
        Index("ix_change_people", "account_id", "person_id", "at", "id"),
        Index("ix_change_subject", "subject_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    person_id: int | None = Field(default=None, foreign_key="person.id", description="who did it; empty: Odotrack's staff, or a mailbox")
    address: str = Field(default="", max_length=45)
    account_id: int | None = Field(default=None, foreign_key="account.id")
    subject_id: int | None = Field(default=None, foreign_key="person.id")
    what: str = Field(max_length=40)
    about: str = Field(default="", max_length=200)
    before: str = Field(default="{}")
    after: str = Field(default="{}")
    search: str = Field(default="", description="folded: which thing, who did it, whom it is about, and the values")
