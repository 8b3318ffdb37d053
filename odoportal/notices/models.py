"""Which notices somebody wants."""

from datetime import datetime
from enum import StrEnum

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
