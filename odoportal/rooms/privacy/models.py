"""Tables of data exports and of requests to close an account."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class DataFile(SQLModel, table=True):
    """A data export of a person, and for an owner also of the account. It is made in the background and deleted after a day.

    It is pending while `ready_at` and `failed_at` are empty. `whole`: it includes the account's data.
    """

    __tablename__ = "data_file"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    account_id: int = Field(foreign_key="account.id")
    language: str = Field(max_length=2)
    asked_at: datetime
    tries: int = 0
    next_try_at: datetime | None = Field(default=None, index=True)
    whole: bool = False
    name: str = Field(default="", max_length=40, description="in the folder of such files; random")
    size: int = Field(default=0, description="bytes")
    ready_at: datetime | None = None
    failed_at: datetime | None = None


class ClosingRequest(SQLModel, table=True):
    """An owner's request to close the account. Odotrack closes it; until then, an owner may withdraw the request."""

    __tablename__ = "closing_request"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    asked_at: datetime
