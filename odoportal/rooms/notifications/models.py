"""Tables of notification choices, reported events and their recipients, and addresses for copies of invoices."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class NotificationKind(StrEnum):
    """The kinds of notifications. Values are stored, and are part of links that work for years: never reuse one with another meaning."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    OVERDUE = "overdue"
    ENDING = "ending"
    CARD = "card"


class NoticeChoice(SQLModel, table=True):
    """A person's choice to get a kind of notification for an account or not. Without a row, the role decides (`service.DEFAULTS`)."""

    __tablename__ = "notice_choice"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    kind: str = Field(max_length=20, primary_key=True)
    wanted: bool
    changed_at: datetime


class NoticeStart(SQLModel, table=True):
    """The day from which events of an account are reported. Earlier ones, such as an imported history, are never reported."""

    __tablename__ = "notice_start"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    since: date


class Notice(SQLModel, table=True):
    """An event that was reported; prevents reporting it twice. `about` is the key of the event: a number, and its stage ("212048 7")."""

    __table_args__ = (UniqueConstraint("account_id", "kind", "about"),)

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    kind: str = Field(max_length=20)
    about: str = Field(max_length=80)
    told_at: datetime


class NoticeReader(SQLModel, table=True):
    """A recipient of a notification, with the email at that time. An event that no one wanted has no recipients."""

    __tablename__ = "notice_reader"  # pyright: ignore[reportAssignmentType]

    notice_id: int = Field(foreign_key="notice.id", primary_key=True)
    email: str = Field(max_length=254, primary_key=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)


class InvoiceCopy(SQLModel, table=True):
    """An address that gets copies of an account's invoices, such as an accountant's, once its mailbox has confirmed (`hash`).

    The holder of the mailbox can stop the copies. The address then stays listed, so that it is not asked again.
    """

    __tablename__ = "invoice_copy"  # pyright: ignore[reportAssignmentType]
    # Never reuse an id: the link that stops the copies contains it, and works for years.
    __table_args__ = (UniqueConstraint("account_id", "email_key"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    email: str = Field(max_length=254)
    email_key: str = Field(max_length=254)
    language: str = Field(max_length=2)
    hash: str = Field(max_length=64, unique=True, description="SHA-256 of the link's token")
    asked_by: int = Field(foreign_key="person.id")
    expires_at: datetime
    confirmed_at: datetime | None = None
    stopped_at: datetime | None = None
