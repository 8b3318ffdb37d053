"""Tables of sign-in: sessions, one-use links, email changes, sign-ins, known browsers, and second factors."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class LinkKind(StrEnum):
    """The purpose of a one-use link."""

    RESET = "reset"
    INVITE = "invite"
    JOIN = "join"
    """An invitation to an account, stored as `people.models.Invitation`, not as a `OneUseLink`."""
    EMAIL = "email"
    UNDO = "undo"
    """Like `EMAIL`, stored with an `EmailChange`."""
    ALERT = "alert"
    """A report that another person signed in. A newer link does not invalidate it."""
    COPY = "copy"
    """The confirmation of a mailbox for copies of invoices, stored as `notifications.models.InvoiceCopy`."""
    CODE = "code"
    """Not a link: it names the page of a sign-in's second step and the cookie with its token (`SecondStep`)."""


class SignInMethod(StrEnum):
    """The way a person signed in. The value is stored."""

    PASSWORD = "password"  # noqa: S105 - the word for a way in
    """The password alone: the person had no second factor, or had trusted the browser."""
    CODE = "code"
    RECOVERY = "recovery"
    BOTH = "both"
    """The password, then a passkey as the second step."""
    PASSKEY = "passkey"


class BrowserSession(SQLModel, table=True):
    """A session of a signed-in browser. Only the SHA-256 of its 256-bit token is stored, so a copy of the table gives no access."""

    __tablename__ = "browser_session"  # pyright: ignore[reportAssignmentType]

    hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    created_at: datetime
    seen_at: datetime
    keep: bool = Field(default=False, description="keep me signed in: no idle end")
    browser: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=45)


class OneUseLink(SQLModel, table=True):
    """A link sent by mail. It is invalidated by use, expiry, a newer link, a changed email or password, or a sign-in.

    Only use and expiry invalidate a link of kind `ALERT`.
    """

    __tablename__ = "one_use_link"  # pyright: ignore[reportAssignmentType]

    hash: str = Field(primary_key=True, max_length=64)
    person_id: int = Field(foreign_key="person.id", index=True)
    kind: str = Field(max_length=10)
    email_key: str = Field(max_length=254)
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class EmailChange(SQLModel, table=True):
    """A requested change of a person's email. It takes effect when the link in the new mailbox (`hash`) is used.

    From then on, the link in the old mailbox (`undo_hash`) undoes it.
    """

    __tablename__ = "email_change"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    old_email: str = Field(max_length=254)
    new_email: str = Field(max_length=254)
    hash: str = Field(max_length=64, unique=True, description="SHA-256 of the link's token")
    expires_at: datetime
    confirmed_at: datetime | None = None
    undo_hash: str | None = Field(default=None, max_length=64, unique=True)
    undo_until: datetime | None = None
    undone_at: datetime | None = None


class SignIn(SQLModel, table=True):
    """An entry of a person's sign-in history, kept for 90 days."""

    __tablename__ = "sign_in"  # pyright: ignore[reportAssignmentType]

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    at: datetime = Field(index=True)
    browser: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=45)
    way: str = Field(default="", max_length=20, description="a `SignInMethod`; empty where it was not noted yet")


class Passkey(SQLModel, table=True):
    """The public key of a person's passkey (WebAuthn).

    `handle` is the WebAuthn user handle: random, the same for all passkeys of a person, and unrelated to any id of the portal.
    """

    id: int | None = Field(default=None, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    handle: str = Field(max_length=100)
    credential: str = Field(max_length=1400, unique=True, description="the key's own id, in base64url")
    public_key: str = Field(max_length=2000, description="COSE, in base64url")
    sign_count: int = Field(default=0, sa_type=BigInteger, description="how often it was used, as far as it counts; 0: it does not")
    transports: str = Field(default="", max_length=100)
    name: str = Field(max_length=60)
    added_at: datetime
    used_at: datetime | None = None


class PasskeyCeremony(SQLModel, table=True):
    """A WebAuthn challenge that one browser may answer once, before `expires_at`; `hash` is derived from a token of that browser."""

    __tablename__ = "passkey_ceremony"  # pyright: ignore[reportAssignmentType]

    hash: str = Field(primary_key=True, max_length=64)
    person_id: int | None = Field(default=None, foreign_key="person.id", index=True)
    challenge: str = Field(max_length=100)
    handle: str = Field(default="", max_length=100)
    expires_at: datetime


class KnownBrowser(SQLModel, table=True):
    """A browser in which a person has signed in, by the hash of its cookie. Until `trusted_until` it needs no second step."""

    __tablename__ = "known_browser"  # pyright: ignore[reportAssignmentType]

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    hash: str = Field(max_length=64, primary_key=True, index=True)
    seen_at: datetime
    trusted_until: datetime | None = None


class Authenticator(SQLModel, table=True):
    """A person's authenticator app; its secret is derived from `seed`. It is not active until its first code is confirmed."""

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    seed: str = Field(max_length=64)
    created_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = Field(default=0, description="the time step of the last code, in units of 30 s since 1970")


class RecoveryCode(SQLModel, table=True):
    """An unused recovery code."""

    __tablename__ = "recovery_code"  # pyright: ignore[reportAssignmentType]

    person_id: int = Field(foreign_key="person.id", primary_key=True)
    hash: str = Field(max_length=64, primary_key=True)
    made_at: datetime | None = Field(default=None, description="empty: before this was noted")


class SecondStep(SQLModel, table=True):
    """A sign-in with a correct password that waits for its second step. It is not a session and gives no access."""

    __tablename__ = "second_step"  # pyright: ignore[reportAssignmentType]

    hash: str = Field(max_length=64, primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    keep: bool
    password_hash: str = Field(max_length=64, description="of the stored password that was right; another one ends the step")
    tries: int
    expires_at: datetime
