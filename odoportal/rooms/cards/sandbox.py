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
from odoportal.rooms.cards.provider import BadWebhook, CardFacts, Charge, Customer, Ended, ProviderDown, Refused, Started, Webhook

SIGNATURE = "sandbox-signature"
BELIEVED = timedelta(minutes=5)
SLOWNESS = timedelta(seconds=8)
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
class Asked:
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
    def _books(self) -> Iterator[sqlite3.Connection]:
        private_files.folder(self._file.parent)
        private_files.file(self._file)
        try:
            with closing(sqlite3.connect(self._file, timeout=10, isolation_level=None)) as books:
                books.row_factory = sqlite3.Row
                books.executescript(_TABLES)
                # If the block raises, closing the connection without COMMIT rolls back.
                books.execute("BEGIN IMMEDIATE")
                yield books
                books.execute("COMMIT")
        except sqlite3.Error as why:
            raise ProviderDown(type(why).__name__) from why

    def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> Started:
        """See `Provider.start`."""
        with self._books() as books:
            ref = customer.ref or _one(books, "SELECT ref FROM customer WHERE number = ?", customer.number, "ref")
            if not ref:
                ref = _name("cus")
                books.execute("INSERT INTO customer VALUES (?, ?)", (ref, customer.number))
            setup = _one(books, "SELECT ref FROM setup WHERE key = ?", key, "ref")
            if not setup:
                setup = _name("set")
                books.execute(
                    "INSERT INTO setup (ref, key, customer, done_url, back_url, language, name) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (setup, key, ref, done_url, back_url, customer.language, customer.name),
                )
        return Started(ref, setup, f"{self._at}/{setup}")

    def asked(self, ref: str) -> Asked | None:
        """Return a setup for the sandbox's page; None if the id is unknown."""
        with self._books() as books:
            row = books.execute("SELECT * FROM setup WHERE ref = ?", (ref,)).fetchone()
        if row is None:
            return None
        decided = bool(row["token"] or row["reason"])
        return Asked(ref, row["name"], row["language"], row["done_url"], row["back_url"], row["scenario"], decided, row["reason"])

    def choose(self, ref: str, scenario: Scenario) -> None:
        """Choose the scenario of a setup. With 3-D Secure, `confirm` decides the result; a second choice changes nothing."""
        with self._books() as books:
            books.execute("UPDATE setup SET scenario = ? WHERE ref = ? AND scenario = ''", (scenario, ref))
            if scenario is not Scenario.SECURE:
                self._decide(books, ref, _REFUSALS.get(scenario, ""))

    def confirm(self, ref: str, *, confirmed: bool) -> None:
        """Answer the bank's 3-D Secure question."""
        with self._books() as books:
            self._decide(books, ref, "" if confirmed else "authentication_failed")

    def _decide(self, books: sqlite3.Connection, ref: str, reason: str) -> None:
        row = books.execute("SELECT * FROM setup WHERE ref = ? AND scenario <> '' AND token = '' AND reason = ''", (ref,)).fetchone()
        if row is None:
            return
        token = ""
        if not reason:
            token = _name("card")
            brand, last4, expiry = _made_up(row["scenario"], clock.today())
            books.execute(
                "INSERT INTO card (token, customer, brand, last4, exp_month, exp_year) VALUES (?, ?, ?, ?, ?, ?)",
                (token, row["customer"], brand, last4, expiry.month, expiry.year),
            )
        moment = clock.now().timestamp()
        books.execute("UPDATE setup SET token = ?, reason = ?, decided_at = ? WHERE ref = ?", (token, reason, moment, ref))

    def finish(self, ref: str) -> Ended:
        """See `Provider.finish`. A slow setup stays open for `SLOWNESS` after it was decided."""
        with self._books() as books:
            row = books.execute("SELECT * FROM setup WHERE ref = ?", (ref,)).fetchone()
            if row is None:
                return Ended(SetupState.GIVEN_UP)
            if not (row["token"] or row["reason"]):
                return Ended(SetupState.OPEN)
            since = clock.now().timestamp() - row["decided_at"]
            if row["scenario"] == Scenario.SLOW and since < SLOWNESS.total_seconds():
                return Ended(SetupState.OPEN)
            if row["reason"]:
                return Ended(SetupState.DECLINED, reason=row["reason"])
            return Ended(SetupState.DONE, _facts(books, row["token"]))

    def charge(self, customer: str, token: str, amount: int, key: str, about: str) -> Charge:
        """See `Provider.charge`."""
        with self._books() as books:
            if (before := books.execute("SELECT * FROM charge WHERE key = ?", (key,)).fetchone()) is None:
                card = books.execute("SELECT * FROM card WHERE token = ? AND customer = ? AND detached = 0", (token, customer)).fetchone()
                if card is None:
                    raise Refused("no_such_card")
                reason = "card_declined" if card["last4"] == _DECLINES_LATER else ""
                state = "declined" if reason else "succeeded"
                row = (_name("charge"), key, token, about, state, amount, reason)
                books.execute("INSERT INTO charge (ref, key, token, about, state, amount, reason) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                before = books.execute("SELECT * FROM charge WHERE key = ?", (key,)).fetchone()
            return _charge(before)

    def refund(self, charge: str, amount: int, key: str) -> Charge:
        """See `Provider.refund`."""
        with self._books() as books:
            if not _one(books, "SELECT charge FROM refund WHERE key = ?", key, "charge"):
                given = "UPDATE charge SET refunded = refunded + ? WHERE ref = ? AND state = 'succeeded' AND refunded + ? <= amount"
                if books.execute(given, (amount, charge, amount)).rowcount != 1:
                    raise Refused("charge_already_refunded")
                books.execute("INSERT INTO refund VALUES (?, ?)", (key, charge))
            return _charge(books.execute("SELECT * FROM charge WHERE ref = ?", (charge,)).fetchone())

    def detach(self, token: str) -> None:
        """See `Provider.detach`."""
        with self._books() as books:
            books.execute("UPDATE card SET detached = 1 WHERE token = ?", (token,))

    def look_up(self, token: str) -> CardFacts | None:
        """See `Provider.look_up`."""
        with self._books() as books:
            return _facts(books, token)

    def notice(self, ref: str) -> tuple[bytes, dict[str, str]]:
        """Return the body and headers of the webhook that says a setup has ended, signed now."""
        body = json.dumps({"setup": ref}).encode()
        moment = str(int(clock.now().timestamp()))
        return body, {SIGNATURE: f"t={moment},v1={self._sign(moment, body)}", "content-type": "application/json"}

    def _sign(self, moment: str, body: bytes) -> str:
        return hmac.new(self._secret, moment.encode() + b"." + body, hashlib.sha256).hexdigest()

    def hear(self, body: bytes, headers: Mapping[str, str]) -> Webhook | None:
        """See `Provider.hear`."""
        said = _SIGNED.fullmatch(headers.get(SIGNATURE, ""))
        if said is None or not hmac.compare_digest(said["by"].encode(), self._sign(said["at"], body).encode()):
            raise BadWebhook("the signature is wrong")
        if abs(clock.now().timestamp() - int(said["at"])) > BELIEVED.total_seconds():
            raise BadWebhook("it is too old")
        return Webhook(setup=json.loads(body)["setup"])


def _name(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _one(books: sqlite3.Connection, question: str, value: str, name: str) -> str:
    row = books.execute(question, (value,)).fetchone()
    return row[name] if row else ""


def _facts(books: sqlite3.Connection, token: str) -> CardFacts | None:
    row = books.execute("SELECT * FROM card WHERE token = ? AND detached = 0", (token,)).fetchone()
    return CardFacts(token, row["brand"], row["last4"], row["exp_month"], row["exp_year"]) if row else None


def _charge(row: Any) -> Charge:
    return Charge(row["ref"], row["state"], row["amount"], row["refunded"], row["reason"])


def _made_up(scenario: str, today: date) -> tuple[str, str, date]:
    if scenario == Scenario.SOON:
        return "mastercard", "4444", today
    if scenario == Scenario.LATER:
        return "visa", _DECLINES_LATER, today.replace(day=1, year=today.year + 3)
    return "visa", "4242", today.replace(day=1, year=today.year + 3)
