"""Database tables of accounts, people, memberships and the activity."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, false
from sqlmodel import Field, SQLModel


class Role(StrEnum):
    """A role a person can have in an account. `rights.ROLES_BY_RIGHT` lists its rights."""

    OWNER = "owner"
    BILLING = "billing"
    OPERATIONS = "operations"
    READ_ONLY = "read_only"


class Account(SQLModel, table=True):
    """A customer company (or consumer) of Odotrack. Every record belongs to one account."""

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=200)
    created_at: datetime
    two_step: bool = Field(
        default=False, sa_column_kwargs={"server_default": false()}, description="people without a second factor see nothing of the account"
    )


class Person(SQLModel, table=True):
    """A person who can sign in. `email` is as typed; `email_key` is its unique form (see `service.email_key`)."""

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
    """The values of a person in Odotrack's files at the last import.

    An import updates a person only where its file differs from these values, so that changes the person made in the portal are kept. A
    column is NULL when the value of the files is not known: the next value imported is then treated as the previous one.
    """

    __tablename__ = "file_person"  # pyright: ignore[reportAssignmentType]

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    name: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=40)
    language: str | None = Field(default=None, max_length=2)


class EarlierEmail(SQLModel, table=True):
    """A previous email of a person, replaced in the portal; the person may have returned to it since.

    Until `reserved_until` the person may take it back, and no other person can have it. It is kept after that because Odotrack's files
    may still use it for the person. `name` is the person's name in the files when the email was replaced: the same email under another
    name may mean another person.
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
    """An unsolicited mail that was sent to an address typed by a customer, counted for the limits of `accounts.unsolicited`.

    Rows are kept for a day. Only a digest of the address is stored.
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
    """A row of the activity: who changed what, when and from which IP address (`accounts.activity_log`).

    It is written in the transaction of the change. `account_id` is the account that was changed, `subject_id` the person the change is
    about, if any. `before` and `after` are JSON objects with the fields that differ, as text.
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
