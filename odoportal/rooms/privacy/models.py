"""Files of one's own data in the making, and accounts that shall be closed."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class DataFile(SQLModel, table=True):
    """A file of all that is kept on a person, and for an owner on the account: asked for, made in the background, gone after a day.

    It waits while `ready_at` and `failed_at` are empty. `whole`: it holds the account's data, too.
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
    """That an owner asked Odotrack to close the account. Odotrack does it; a customer may take it back until then."""

    __tablename__ = "closing_request"  # pyright: ignore[reportAssignmentType]

    account_id: int = Field(foreign_key="account.id", primary_key=True)
    person_id: int = Field(foreign_key="person.id")
    asked_at: datetime
