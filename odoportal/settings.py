"""Every setting of the portal, typed, read from the environment (`ODOPORTAL_…`)."""

import re
from datetime import date
from email.errors import HeaderParseError
from email.headerregistry import Address
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import idna
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from odoportal.public_origin import origin_of

SECRET_LENGTH = 32
_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+"
_SENDER = re.compile(rf'(?P<name>[^<>\r\n]*)<(?P<bracketed>{_LOCAL}@[^<>\s@]+)>|(?P<bare>{_LOCAL}@[^<>\s@,;:"]+)')
LOCAL_SENDER = ("ODOportal", "no-reply@localhost")
"""The sender of emails of a demonstration, which sends none."""
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


class UnsafeSettings(Exception):
    """The settings are unsafe for production; the message is one sentence for the operator."""


def sender_of(text: str) -> tuple[str, str]:
    """Return name and address of a sender: `Odotrack, inc. <no-reply@odotrack.com>`, or an address alone.

    The name may have any characters; quotes around it are left out. The host of the address is written as mail servers read it (IDNA).

    Raises:
        ValueError: if it is neither; the text is the predicate of a sentence.
    """
    found = _SENDER.fullmatch(text.strip())
    refusal = "must be an address such as Odotrack <no-reply@example.com>, or no-reply@example.com"
    if found is None:
        raise ValueError(refusal)
    local, _, host = (found["bracketed"] or found["bare"]).rpartition("@")
    try:
        address = Address(username=local, domain=host if host.isascii() else idna.encode(host, uts46=True).decode("ascii"))
    except (ValueError, HeaderParseError) as error:
        raise ValueError(refusal) from error
    name = (found["name"] or "").strip()
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name, address.addr_spec


class Settings(BaseSettings):
    """The settings of an operator. A link whose address is empty is not shown."""

    model_config = SettingsConfigDict(env_prefix="ODOPORTAL_", env_ignore_empty=True)

    mode: Literal["demo", "production"] = "production"
    database_url: str = ""
    public_url: str = ""
    secret: SecretStr = SecretStr("")
    redis_url: str = ""
    smtp_url: str = ""
    mail_from: str = ""
    data_dir: Path = Path("data")
    today: date | None = None
    zone: str = "America/Toronto"
    beta: bool = False
    launch_url: str = ""
    learn_more_url: str = ""
    guide_en_url: str = ""
    guide_fr_url: str = ""
    support_email: str = ""
    staff_email: str = ""
    support_phone: str = ""
    privacy_officer: str = ""
    company_name: str = "Odotrack inc."
    company_address: str = ""
    company_address_en: str = ""
    how_to_pay_en: str = ""
    how_to_pay_fr: str = ""
    stripe_key: SecretStr = SecretStr("")
    stripe_webhook_secret: SecretStr = SecretStr("")
    trusted_proxies: int = 0
    metrics_address: str = ""
    log_days: int = Field(default=90, gt=0)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("launch_url", "learn_more_url", "guide_en_url", "guide_fr_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"https", "http"}:
            raise ValueError("must start with https:// or http://")
        return value.rstrip()

    @field_validator("public_url")
    @classmethod
    def _as_browsers_write_it(cls, value: str) -> str:
        return origin_of(value) if value else ""

    @field_validator("smtp_url", "redis_url")
    @classmethod
    def _percent_encoded(cls, value: str) -> str:
        # Nothing but a host name, a port and a database stands after the user and password: anything else is a part of these.
        try:
            parts = urlsplit(value)
            bare = "#" in value or "@" in parts.path + parts.query or (parts.port is not None and not parts.hostname)
        except ValueError:
            bare = True
        if bare:
            raise ValueError("has a character in its user or password that must be percent-encoded: # is %23, / is %2F, ? is %3F, % is %25")
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        sender_of(value) if value else None
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_address(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("must start with redis://, rediss:// or unix://")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @field_validator("metrics_address")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        address = f"127.0.0.1:{value}" if value.isdecimal() else value
        host, _, port = address.rpartition(":")
        if value and not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("must be a port, or a host and a port such as 127.0.0.1:9464")
        return address if value else ""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address, as in a browser's Origin header. Links begin with it."""
        return self.public_url

    @property
    def sender(self) -> tuple[str, str]:
        """Name and address of the sender of emails."""
        return sender_of(self.mail_from) if self.mail_from else LOCAL_SENDER

    @property
    def secure(self) -> bool:
        """Whether browsers reach the portal by https, so that cookies can be `Secure` and `__Host-`."""
        return self.public_url.startswith("https://")

    def company_lines(self, language: str) -> list[str]:
        """Return the name and postal address of the issuer of documents and sender of mails, one line each, without empty lines."""
        english = self.company_address_en if language == "en" else ""
        return [self.company_name, *_lines(english or self.company_address)]

    def how_to_pay(self, language: str) -> list[str]:
        """Return the lines that say how an invoice can be paid; none if the operator has not set them."""
        return _lines(self.how_to_pay_en if language == "en" else self.how_to_pay_fr)

    def refuse_unsafe(self) -> None:
        """Stop a production start on a missing or unsafe setting.

        Raises:
            UnsafeSettings: with one sentence that names the setting.
        """
        if self.mode != "production":
            return
        for name in ("database_url", "public_url", "smtp_url", "mail_from"):
            if not getattr(self, name):
                raise UnsafeSettings(f"ODOPORTAL_{name.upper()} is not set.")
        if bool(self.stripe_key.get_secret_value()) != bool(self.stripe_webhook_secret.get_secret_value()):
            raise UnsafeSettings("ODOPORTAL_STRIPE_KEY and ODOPORTAL_STRIPE_WEBHOOK_SECRET go together.")
        if len(self.secret.get_secret_value()) < SECRET_LENGTH:
            raise UnsafeSettings(f"ODOPORTAL_SECRET must have at least {SECRET_LENGTH} characters.")
        parts = urlsplit(self.public_url)
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise UnsafeSettings("ODOPORTAL_PUBLIC_URL must start with https:// (http:// is allowed for localhost only).")
        if self.today is not None:
            raise UnsafeSettings("ODOPORTAL_TODAY is for demonstrations only.")


def _lines(text: str) -> list[str]:
    """Return the parts of a setting between semicolons, without empty ones."""
    return [line for part in text.split(";") if (line := part.strip())]


@lru_cache
def get_settings() -> Settings:
    """Return the settings of this process, read from the environment once.

    Raises:
        pydantic.ValidationError: on a value of the wrong type or form.
    """
    return Settings()
