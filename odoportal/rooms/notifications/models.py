"""Which notices somebody wants, and what was told to whom."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


class Kind(StrEnum):
    """What a notice tells. The word is stored, and stands in links that work for years: an old one never gets another meaning."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    OVERDUE = "overdue"
    ENDING = "ending"
    CARD = "card"


class NoticeChoice(SQLModel, table=True):
    """That a person chose to get, or not to get, a kind of notice of an account. Without a row the role decides (`service.DEFAULTS`)."""

    __tablename__ = "notice_choice"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id", primary_key=True, index=True)
    kind: str = Field(max_length=20, primary_key=True)
    wanted: bool
    changed_at: datetime


class NoticeStart(SQLModel, table=True):
    """The day from which things of an account are told. What was so before, such as an imported history, is told to nobody."""

    __tablename__ = "notice_start"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    since: date


class Notice(SQLModel, table=True):
    """That something of an account was told, once for ever. `about` says what: a number, and how far it had come ("212048 7")."""

    __table_args__ = (UniqueConstraint("account_id", "kind", "about"),)

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id")
    kind: str = Field(max_length=20)
    about: str = Field(max_length=80)
    told_at: datetime


class NoticeReader(SQLModel, table=True):
    """Whom it was told to, by email as it then was. There is none where nobody wanted it."""

    __tablename__ = "notice_reader"  # pyright: ignore[reportAssignmentType]

    notice_id: int = Field(foreign_key="notice.id", primary_key=True)
    email: str = Field(max_length=254, primary_key=True)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)


class InvoiceCopy(SQLModel, table=True):
    """An address that gets a copy of an account's invoices, such as the accountant's, once its mailbox has said so (`hash`).

    Whoever has the mailbox may stop it; the address stays listed then, so that it is not asked again and again.
    """

    __tablename__ = "invoice_copy"  # pyright: ignore[reportAssignmentType]
    # A number is never given twice: the link that stops the copies holds it, and works for years.
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
