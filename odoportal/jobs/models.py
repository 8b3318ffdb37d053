"""Tables of background jobs."""

from datetime import datetime

from sqlmodel import Field, SQLModel


class JobState(SQLModel, table=True):
    """The state of a job. While `lease_until` is in the future, the process `holder` runs it and no other process may.

    `failures` counts the runs in a row that failed; `told_at` is when staff were told that the job is late.
    """

    __tablename__ = "job"  # pyright: ignore[reportAssignmentType]

    name: str = Field(primary_key=True, max_length=40)
    due_at: datetime
    holder: str = Field(default="", max_length=120)
    lease_until: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result: str = Field(default="", max_length=200)
    failures: int = 0
    told_at: datetime | None = None


class JobRun(SQLModel, table=True):
    """A run of a job that did something or failed. Kept for 90 days."""

    __tablename__ = "job_run"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=40)
    started_at: datetime = Field(index=True)
    ended_at: datetime
    ok: bool
    result: str = Field(max_length=200)
