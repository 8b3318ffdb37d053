"""A payment provider built into the portal, for demonstrations and tests: no money moves, and no card number is asked for.

It behaves like a real provider: it has its own page (`sandbox_page`) and its own database file, signs its webhooks, and simulates failures.
It never runs in production.
"""

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from odoportal.core import clock, private_files
from odoportal.rooms.cards.models import SetupState
from odoportal.rooms.cards.provider import (
    BadWebhook,
    CardFacts,
    CardRefused,
    Charge,
    Customer,
    ProviderDown,
    SetupResult,
    StartedSetup,
    Webhook,
)

SIGNATURE = "sandbox-signature"
LONGEST_AGE = timedelta(minutes=5)
SLOW_FOR = timedelta(seconds=8)
_DECLINES_LATER = "0341"
_SIGNED = re.compile(r"t=(?P<at>[0-9]{1,12}),v1=(?P<by>[0-9a-f]{64})")


class Scenario(StrEnum):
    """The outcomes that the buttons of the sandbox's page offer."""

    ACCEPTED = "accepted"
    SOON = "soon"
    SECURE = "secure"
    LATER = "later"
    DECLINED = "declined"
    EXPIRED = "expired"
    SLOW = "slow"
    LOST = "lost"
    TWICE = "twice"
    FIRST = "first"


_REFUSALS = {Scenario.DECLINED: "card_declined", Scenario.EXPIRED: "expired_card"}
_TABLES = """
CREATE TABLE IF NOT EXISTS customer (ref TEXT PRIMARY KEY, number TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS setup (ref TEXT PRIMARY KEY, key TEXT UNIQUE, customer TEXT, done_url TEXT, back_url TEXT, language TEXT,
    name TEXT, scenario TEXT DEFAULT '', decided_at REAL DEFAULT 0, reason TEXT DEFAULT '', token TEXT DEFAULT '');
CREATE TABLE IF NOT EXISTS card (token TEXT PRIMARY KEY, customer TEXT, brand TEXT, last4 TEXT, exp_month INTEGER, exp_year INTEGER,
    detached INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS charge (ref TEXT PRIMARY KEY, key TEXT UNIQUE, token TEXT, about TEXT, state TEXT, amount INTEGER,
    refunded INTEGER DEFAULT 0, reason TEXT DEFAULT '');
CREATE TABLE IF NOT EXISTS refund (key TEXT PRIMARY KEY, charge TEXT);
"""


@dataclass(frozen=True)
class SandboxSetup:
    """A setup as the sandbox's page shows it. `decided`: a scenario was chosen and, with 3-D Secure, the bank's question answered."""

    ref: str
    name: str
    language: str
    done_url: str
    back_url: str
    scenario: str
    decided: bool
    reason: str


class Sandbox:
    """The sandbox provider.

    Args:
        folder: the folder of its database, `sandbox.db`.
        secret: the secret from which the signing key of its webhooks is derived.
        page: the URL of its page, to which the id of a setup is appended.
    """

    name = "sandbox"
    test = True
    page = ""

    def __init__(self, folder: Path, secret: str, page: str) -> None:
        self._file, self._at = folder / "sandbox.db", page
        self._secret = hashlib.sha256(f"sandbox {secret}".encode()).digest()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        private_files.make_folder(self._file.parent)
        private_files.make_file(self._file)
        try:
            with closing(sqlite3.connect(self._file, timeout=10, isolation_level=None)) as database:
                database.row_factory = sqlite3.Row
                database.executescript(_TABLES)
                # If the block raises, closing the connection without COMMIT rolls back.
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
        except sqlite3.Error as why:
            raise ProviderDown(type(why).__name__) from why

    def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> StartedSetup:
        """See `Provider.start`."""
        with self._database() as database:
            ref = customer.ref or _lookup(database, "SELECT ref FROM customer WHERE number = ?", customer.number, "ref")
            if not ref:
                ref = _new_id("cus")
                database.execute("INSERT INTO customer VALUES (?, ?)", (ref, customer.number))
            setup = _lookup(database, "SELECT ref FROM setup WHERE key = ?", key, "ref")
            if not setup:
                setup = _new_id("set")
                database.execute(
                    "INSERT INTO setup (ref, key, customer, done_url, back_url, language, name) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (setup, key, ref, done_url, back_url, customer.language, customer.name),
                )
        return StartedSetup(ref, setup, f"{self._at}/{setup}")

    def setup_of(self, ref: str) -> SandboxSetup | None:
        """Return a setup for the sandbox's page; None if the id is unknown."""
        with self._database() as database:
            row = database.execute("SELECT * FROM setup WHERE ref = ?", (ref,)).fetchone()
        if row is None:
            return None
        decided = bool(row["token"] or row["reason"])
        return SandboxSetup(ref, row["name"], row["language"], row["done_url"], row["back_url"], row["scenario"], decided, row["reason"])

    def choose(self, ref: str, scenario: Scenario) -> None:
        """Choose the scenario of a setup. With 3-D Secure, `confirm` decides the result; a second choice changes nothing."""
        with self._database() as database:
            database.execute("UPDATE setup SET scenario = ? WHERE ref = ? AND scenario = ''", (scenario, ref))
            if scenario is not Scenario.SECURE:
                self._decide(database, ref, _REFUSALS.get(scenario, ""))

    def confirm(self, ref: str, *, confirmed: bool) -> None:
        """Answer the bank's 3-D Secure question."""
        with self._database() as database:
            self._decide(database, ref, "" if confirmed else "authentication_failed")

    def _decide(self, database: sqlite3.Connection, ref: str, reason: str) -> None:
        row = database.execute("SELECT * FROM setup WHERE ref = ? AND scenario <> '' AND token = '' AND reason = ''", (ref,)).fetchone()
        if row is None:
            return
        token = ""
        if not reason:
            token = _new_id("card")
            brand, last4, expiry = _fake_card(row["scenario"], clock.today())
            database.execute(
                "INSERT INTO card (token, customer, brand, last4, exp_month, exp_year) VALUES (?, ?, ?, ?, ?, ?)",
                (token, row["customer"], brand, last4, expiry.month, expiry.year),
            )
        moment = clock.now().timestamp()
        database.execute("UPDATE setup SET token = ?, reason = ?, decided_at = ? WHERE ref = ?", (token, reason, moment, ref))

    def finish(self, ref: str) -> SetupResult:
        """See `Provider.finish`. A slow setup stays open for `SLOW_FOR` after it was decided."""
        with self._database() as database:
            row = database.execute("SELECT * FROM setup WHERE ref = ?", (ref,)).fetchone()
            if row is None:
                return SetupResult(SetupState.GIVEN_UP)
            if not (row["token"] or row["reason"]):
                return SetupResult(SetupState.OPEN)
            since = clock.now().timestamp() - row["decided_at"]
            if row["scenario"] == Scenario.SLOW and since < SLOW_FOR.total_seconds():
                return SetupResult(SetupState.OPEN)
            if row["reason"]:
                return SetupResult(SetupState.DECLINED, reason=row["reason"])
            return SetupResult(SetupState.DONE, _facts(database, row["token"]))

    def charge(self, customer: str, token: str, amount: int, key: str, about: str) -> Charge:
        """See `Provider.charge`."""
        with self._database() as database:
            if (existing := database.execute("SELECT * FROM charge WHERE key = ?", (key,)).fetchone()) is None:
                card = database.execute(
                    "SELECT * FROM card WHERE token = ? AND customer = ? AND detached = 0", (token, customer)
                ).fetchone()
                if card is None:
                    raise CardRefused("no_such_card")
                reason = "card_declined" if card["last4"] == _DECLINES_LATER else ""
                state = "declined" if reason else "succeeded"
                row = (_new_id("charge"), key, token, about, state, amount, reason)
                database.execute("INSERT INTO charge (ref, key, token, about, state, amount, reason) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                existing = database.execute("SELECT * FROM charge WHERE key = ?", (key,)).fetchone()
            return _charge(existing)

    def refund(self, charge: str, amount: int, key: str) -> Charge:
        """See `Provider.refund`."""
        with self._database() as database:
            if not _lookup(database, "SELECT charge FROM refund WHERE key = ?", key, "charge"):
                statement = "UPDATE charge SET refunded = refunded + ? WHERE ref = ? AND state = 'succeeded' AND refunded + ? <= amount"
                if database.execute(statement, (amount, charge, amount)).rowcount != 1:
                    raise CardRefused("charge_already_refunded")
                database.execute("INSERT INTO refund VALUES (?, ?)", (key, charge))
            return _charge(database.execute("SELECT * FROM charge WHERE ref = ?", (charge,)).fetchone())

    def detach(self, token: str) -> None:
        """See `Provider.detach`."""
        with self._database() as database:
            database.execute("UPDATE card SET detached = 1 WHERE token = ?", (token,))

    def look_up(self, token: str) -> CardFacts | None:
        """See `Provider.look_up`."""
        with self._database() as database:
            return _facts(database, token)

    def webhook(self, ref: str) -> tuple[bytes, dict[str, str]]:
        """Return the body and headers of the webhook that says a setup has ended, signed now."""
        body = json.dumps({"setup": ref}).encode()
        moment = str(int(clock.now().timestamp()))
        return body, {SIGNATURE: f"t={moment},v1={self._sign(moment, body)}", "content-type": "application/json"}

    def _sign(self, moment: str, body: bytes) -> str:
        return hmac.new(self._secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> Webhook | None:
        """See `Provider.verify_webhook`."""
        signature = _SIGNED.fullmatch(headers.get(SIGNATURE, ""))
        if signature is None or not hmac.compare_digest(signature["by"].encode(), self._sign(signature["at"], body).encode()):
            raise BadWebhook("the signature is wrong")
        if abs(clock.now().timestamp() - int(signature["at"])) > LONGEST_AGE.total_seconds():
            raise BadWebhook("it is too old")
        return Webhook(setup=json.loads(body)["setup"])


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _lookup(database: sqlite3.Connection, question: str, value: str, name: str) -> str:
    row = database.execute(question, (value,)).fetchone()
    return row[name] if row else ""


def _facts(database: sqlite3.Connection, token: str) -> CardFacts | None:
    row = database.execute("SELECT * FROM card WHERE token = ? AND detached = 0", (token,)).fetchone()
    return CardFacts(token, row["brand"], row["last4"], row["exp_month"], row["exp_year"]) if row else None


def _charge(row: Any) -> Charge:
    return Charge(row["ref"], row["state"], row["amount"], row["refunded"], row["reason"])


def _fake_card(scenario: str, today: date) -> tuple[str, str, date]:
    if scenario == Scenario.SOON:
        return "mastercard", "4444", today
    if scenario == Scenario.LATER:
        return "visa", _DECLINES_LATER, today.replace(day=1, year=today.year + 3)
    return "visa", "4242", today.replace(day=1, year=today.year + 3)
