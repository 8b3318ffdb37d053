"""The checks of `odoportal check`: each setting, and whether the service or resource behind it works."""

import re
import smtplib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from redis import RedisError
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from odoportal import background_jobs
from odoportal.core import clock, database, private_files
from odoportal.core.deployment import Deployment
from odoportal.frontend import builder
from odoportal.importing import locks
from odoportal.importing.merge import unfinished
from odoportal.jobs import leases
from odoportal.jobs.models import JobState
from odoportal.limits import open_files, redis_counters
from odoportal.mail import outbox
from odoportal.mail.outbox import Mail
from odoportal.migrations import EXTENSIONS, at_head, missing_extensions, missing_extensions_message
from odoportal.rooms.signin import two_factor
from odoportal.rooms.signin.models import Authenticator
from odoportal.settings import Settings, UnsafeSettings

TIMEOUT_SECONDS = 5
_POSTAL_CODE = re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z]\s*\d[A-Z]\d\b", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One line of the report: the name of the check, what it found, and whether that is good."""

    name: str
    found: str
    good: bool


def _settings(settings: Settings) -> str:
    settings.refuse_unsafe()
    return f"{settings.mode}, complete"


def _database(settings: Settings) -> str:
    with database.engine().connect():
        return make_url(settings.database_url).render_as_string(hide_password=True)


def _extensions(_settings: Settings) -> str:
    with database.engine().connect() as connection:
        if connection.dialect.name != "postgresql":
            return "none needed"
        if missing := missing_extensions(connection):
            raise ValueError(missing_extensions_message(missing))
    return ", ".join(EXTENSIONS)


def _schema(_settings: Settings) -> str:
    if not at_head(database.engine()):
        raise ValueError("not of this release; `odoportal run` upgrades it")
    return "up to date"


def _import(_settings: Settings) -> str:
    with database.read_session() as session:
        interrupted = unfinished(session) if inspect(session.connection()).has_table(str(Deployment.__tablename__)) else None
    if interrupted:
        raise ValueError(f"an import was interrupted after {interrupted[1]} parts; `odoportal import` or `odoportal run` finishes it")
    return "none interrupted"


def _redis(settings: Settings) -> str:
    if not settings.redis_url:
        return "not set: one process serves"
    redis_counters.is_reachable()
    parts = urlsplit(settings.redis_url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _mail(settings: Settings) -> str:
    _name, sender = settings.sender
    outbox.compose(Mail(to=sender, language="fr", subject="Vérification", text="é", html="é", created_at=clock.now())).as_bytes()
    if not settings.smtp_url:
        return f"from {sender}, written to files in {settings.data_dir / 'mail'}"
    with outbox.open_smtp(settings.smtp_url, TIMEOUT_SECONDS) as server:
        server.noop()
    parts = urlsplit(settings.smtp_url)
    return f"from {sender}, by {parts.scheme}://{parts.hostname}"


def _postal_address(settings: Settings) -> str:
    # Canada's anti-spam law requires the sender's name and mailing address in every mail (S.C. 2010, c. 23, s. 6(2); SOR/2012-36, s. 2).
    for name, language in (("COMPANY_ADDRESS", "fr"), ("COMPANY_ADDRESS_EN", "en")):
        lines = settings.company_lines(language)
        if len(lines) < 2 or not _POSTAL_CODE.search("\n".join(lines[1:])):
            raise ValueError(f"ODOPORTAL_{name} has no postal code: every email must have its sender's postal address")
    return ", ".join(settings.company_lines("fr"))


def _privacy(settings: Settings) -> str:
    # Québec's Law 25 (P-39.1, s. 3.1): title and contact information of the person in charge must be published.
    if not settings.privacy_officer:
        raise ValueError("ODOPORTAL_PRIVACY_OFFICER is not set: the Privacy page must give the name and title of the person in charge")
    if not (settings.support_email or settings.support_phone):
        raise ValueError("ODOPORTAL_SUPPORT_EMAIL is not set: the Privacy page must say how to reach the person in charge")
    return f"{settings.privacy_officer}, {settings.support_email or settings.support_phone}"


def _staff(settings: Settings) -> str:
    if not settings.staff_email:
        raise ValueError("ODOPORTAL_STAFF_EMAIL is not set: nobody is told when a background job does not run")
    return settings.staff_email


def _jobs(_settings: Settings) -> str:
    with database.read_session() as session:
        late = leases.late(session, background_jobs.JOBS) if inspect(session.connection()).has_table(str(JobState.__tablename__)) else []
    if late:
        raise ValueError(f"late: {', '.join(state.name for state in late)}; `odoportal jobs` says more")
    return "none late"


def _frontend(_settings: Settings) -> str:
    if builder.is_stale(builder.root()):
        raise ValueError("not built, or built from other sources; `odoportal run` builds it")
    return "built"


def _disk(settings: Settings) -> str:
    private_files.make_folder(settings.data_dir)
    with tempfile.NamedTemporaryFile(dir=settings.data_dir) as file:
        file.write(b"written")
        file.flush()
    return f"{settings.data_dir.resolve()} can be written"


def _second_steps(_settings: Settings) -> str:
    with database.read_session() as session:
        has_table = inspect(session.connection()).has_table(str(Authenticator.__tablename__))
        unreadable = two_factor.count_unreadable(session) if has_table else 0
    if unreadable:
        raise ValueError(
            f"the authenticator apps of {unreadable} people were set up with another ODOPORTAL_SECRET: they need a recovery code, "
            "a passkey, or `odoportal user reset-two-factor EMAIL`"
        )
    return "every authenticator app works with ODOPORTAL_SECRET"


def _private(settings: Settings) -> str:
    paths = [settings.data_dir]
    if (database_file := locks.sqlite_file(settings.database_url)) is not None:
        paths += [database_file.with_name(database_file.name + side) for side in ("", *database.SIDE_FILE_SUFFIXES)]
    if exposed := [str(path) for path in paths if private_files.is_open_to_others(path)]:
        raise ValueError(f"others on this machine can read {', '.join(exposed)}; `chmod go=` stops that")
    return "only this user can read them"


def _open_files(_settings: Settings) -> str:
    files = open_files.reachable_file_limit()
    summary = f"{files:,} allowed: at most {open_files.limits_for(files).sockets:,} open tabs"
    if files < open_files.RECOMMENDED_FILES:
        raise ValueError(f"only {summary}; raise LimitNOFILE= in the unit, or `ulimit -Hn`, to {open_files.MAX_FILES:,}")
    return summary


CHECKS: tuple[tuple[str, Callable[[Settings], str]], ...] = (
    ("settings", _settings),
    # This check must run before the database is opened, which restricts the permissions of its files.
    ("customers' files", _private),
    ("database", _database),
    ("extensions", _extensions),
    ("schema", _schema),
    ("import", _import),
    ("second steps", _second_steps),
    ("redis", _redis),
    ("mail", _mail),
    ("postal address", _postal_address),
    ("privacy", _privacy),
    ("staff", _staff),
    ("background jobs", _jobs),
    ("frontend", _frontend),
    ("data folder", _disk),
    ("open files", _open_files),
)


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Yield the finding of every check, in order. Secrets are masked, and a failed check does not stop the next one."""
    for name, check in CHECKS:
        try:
            yield Finding(name, check(settings), good=True)
        except (UnsafeSettings, builder.BuildFailed, SQLAlchemyError, RedisError, OSError, ValueError, smtplib.SMTPException) as error:
            yield Finding(name, _one_line(error), good=False)
    yield Finding("public address", settings.public_url or "not set", good=bool(settings.public_url))
    yield Finding("secret", "set" if settings.secret.get_secret_value() else "not set", good=bool(settings.secret.get_secret_value()))
    yield Finding("business day", f"{clock.today()} ({settings.zone})", good=True)


def _one_line(error: Exception) -> str:
    # Keep only the driver's part of an SQLAlchemy message: the rest is the SQL statement and a link.
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(error).__name__
