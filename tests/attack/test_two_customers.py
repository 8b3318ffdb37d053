"""Two customers act in random order; neither ever sees the other's data, and an ended session gets nothing."""

import asyncio
import re
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlmodel import col, select

from odoportal.accounts.models import Membership, Person, Role
from odoportal.accounts.rights import Right, may
from odoportal.core import clock, database
from odoportal.importing.importer import import_tables, read_files
from odoportal.limits import rate_limits
from odoportal.mail.outbox import Mail, token_of
from odoportal.rooms.signin import passwords
from odoportal.rooms.signin.models import BrowserSession
from tests.attack.test_registry import SAMPLES, Records, Request, ask, text_of
from tests.attack.wire import HYDRATE, ON_LOAD, Tab, tab
from tests.inside import PASSWORD, START, Customer, Inside

BOUNDED = settings(
    max_examples=30,
    stateful_step_count=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
PAGES = ("/", "/orders", "/invoices", "/statement", "/profile", "/tickets")
WHO = st.sampled_from([0, 1])
ROOMS = st.sampled_from(PAGES)
LANGUAGE = st.sampled_from(["fr", "en"])


class TwoCustomers(RuleBasedStateMachine):
    """A state machine of two people with one account each.

    `live` and `ended` hold the test's own record of the sessions that work and of those that have ended.
    """

    inside: Inside

    @initialize()
    def begin(self) -> None:
        """Reset both people and sign them in."""
        self.people = (self.inside.first, self.inside.second)
        self.live: tuple[dict[str, datetime], dict[str, datetime]] = ({}, {})
        self.ended: tuple[list[str], list[str]] = ([], [])
        self.passwords = [PASSWORD, PASSWORD]
        self.disabled = [False, False]
        self.roles = [Role.OWNER, Role.OWNER]
        self.imported = [0, 0]
        self.seen: list[tuple[int, str]] = []
        clock.set_source(self.inside.clock)
        self.inside.clock.at = START
        rate_limits.forget_all()
        with database.write_session() as session:
            for row in session.exec(select(BrowserSession)).all():
                session.delete(row)
            for person in session.exec(select(Person)).all():
                person.disabled_at = None
            for one in self.people:
                session.get_one(Person, one.person_id).password = passwords.hash_password(PASSWORD)
                session.exec(select(Membership).where(Membership.person_id == one.person_id)).one().role = Role.OWNER
        self.sign_in(0, right=True)
        self.sign_in(1, right=True)

    def _records(self, one: Customer) -> Records:
        return Records(one.invoice, one.order, one.credit_note, one.vehicle_list, one.serial)

    def _cookies(self, at: int) -> list[str]:
        """Return cookies of a person to choose from: each live session twice, the last ended one, and none."""
        return [*self.live[at], *self.live[at], *self.ended[at][-1:], ""]

    def _is_live(self, at: int, cookie: str) -> bool:
        return cookie in self.live[at] and not self.disabled[at]

    def _record_answer(self, at: int, cookie: str, status: int, body: str) -> None:
        self.seen.append((at, body))
        if not self._is_live(at, cookie):
            assert status == 303
            assert body == ""

    # --- sessions ---

    @rule(at=WHO, right=st.sampled_from([True, True, True, True, False]))
    def sign_in(self, at: int, right: bool) -> None:
        """Sign in through the form."""
        password = self.passwords[at] if right else "something else altogether"
        answer = self.inside.portal.ask("/en/login", form={"email": self.people[at].email, "password": password})
        self.seen.append((at, answer.body))
        cookies = [line.split(";")[0] for line in answer.cookies if line.startswith("odo_session=")]
        if answer.status == 303:
            assert right
            assert not self.disabled[at]
            self.live[at][cookies[0]] = self.inside.clock()
        else:
            assert cookies == []

    @precondition(lambda self: any(self.live))
    @rule(data=st.data())
    def sign_out(self, data: st.DataObject) -> None:
        """Sign out of one of the live sessions."""
        at, cookie = data.draw(st.sampled_from([(at, c) for at in (0, 1) for c in self.live[at]]))
        self.inside.portal.ask("/auth/sign-out", form={"language": "en"}, cookie=cookie)
        self._end(at, cookie)

    def _end(self, at: int, *cookies: str) -> None:
        for cookie in cookies:
            self.live[at].pop(cookie, None)
            self.ended[at].append(cookie)

    @rule(at=WHO)
    def reset(self, at: int) -> None:
        """Ask for a reset mail, open its link and choose a new password, which ends every session."""
        rate_limits.forget_all()
        self.inside.portal.ask("/en/forgot", form={"email": self.people[at].email})
        if self.disabled[at]:
            return
        with database.read_session() as session:
            mailed = select(Mail).where(Mail.to == self.people[at].email, col(Mail.text).contains("/reset?token="))
            letter = session.exec(mailed.order_by(col(Mail.id).desc())).first()
        assert letter is not None
        if not letter.seed:
            return
        chosen = f"une route qui monte {len(self.ended[at])} fois doucement"
        done = self.inside.portal.ask("/en/reset", form={"password": chosen}, cookie=f"odo_reset={token_of(letter.seed)}")
        if done.status == 303:
            self.passwords[at] = chosen
            self._end(at, *list(self.live[at]))
        else:
            assert done.status == 410

    @rule(minutes=st.sampled_from([0.1, 0.1, 20, 20, 20, 31, 12 * 60 + 1]))
    def time_passes(self, minutes: float) -> None:
        """Move the clock; sessions end after 30 minutes without use or 12 hours in all."""
        self.inside.clock.move(minutes=minutes)
        if minutes > 30:
            for at in (0, 1):
                self._end(at, *list(self.live[at]))
        elif minutes == 20:
            # Use each live session just in time, so that another 20 minutes do not end it.
            for at in (0, 1):
                for cookie in self.live[at]:
                    if not self.disabled[at]:
                        self.inside.portal.ask("/en/orders", cookie=cookie)
            self._end_unsure_sessions()

    def _end_unsure_sessions(self) -> None:
        """End the sessions of a disabled person, which could not be kept alive and may or may not have expired."""
        for at in (0, 1):
            if self.disabled[at]:
                self._end(at, *list(self.live[at]))
                with database.write_session() as session:
                    for row in session.exec(select(BrowserSession).where(BrowserSession.person_id == self.people[at].person_id)).all():
                        session.delete(row)

    @rule(at=WHO, yes=st.sampled_from([True, False, False, False]))
    def disable(self, at: int, yes: bool) -> None:
        """Disable a person, or enable them again."""
        with database.write_session() as session:
            session.get_one(Person, self.people[at].person_id).disabled_at = self.inside.clock() if yes else None
        self.disabled[at] = yes

    @rule(at=WHO, role=st.sampled_from(list(Role)))
    def change_role(self, at: int, role: Role) -> None:
        """Change a person's role in their own account."""
        with database.write_session() as session:
            session.exec(select(Membership).where(Membership.person_id == self.people[at].person_id)).one().role = role
        self.roles[at] = role

    # --- requests ---

    @rule(data=st.data(), at=WHO, whose=WHO, room=ROOMS, language=LANGUAGE, account=st.sampled_from(["", "mine", "theirs"]))
    def open(self, data: st.DataObject, at: int, whose: int, room: str, language: str, account: str) -> None:
        """Open a page, a search or a dialog, for the person's own records or the other's."""
        cookie = data.draw(st.sampled_from(self._cookies(at)))
        query = self._query(data, whose) + self._account(at, account)
        answer = self.inside.portal.ask(f"/{language}{room}?{query}", cookie=cookie)
        if account == "theirs" and self._is_live(at, cookie):
            assert answer.status == 404
        self._record_answer(at, cookie, answer.status, answer.body)
        if self._is_live(at, cookie) and account != "theirs":
            assert answer.status == 200
            assert self.people[at].marker in answer.body

    def _query(self, data: st.DataObject, whose: int) -> str:
        one = self.people[whose]
        return data.draw(
            st.sampled_from(["", f"q={one.invoice}", f"open={one.order}", f"open={one.invoice}", f"order={one.order}", "q=only"])
        )

    def _account(self, at: int, account: str) -> str:
        return {"": "", "mine": f"&account={self.people[at].account}", "theirs": f"&account={self.people[1 - at].account}"}[account]

    @rule(data=st.data(), at=WHO, whose=WHO, route=st.sampled_from(sorted(path for path in SAMPLES if "language" in path)))
    def download(self, data: st.DataObject, at: int, whose: int, route: str) -> None:
        """Download a PDF, CSV, workbook, ZIP or statement."""
        cookie = data.draw(st.sampled_from(self._cookies(at)))
        what: Request = data.draw(st.sampled_from(SAMPLES[route](self._records(self.people[whose]))))
        answer: httpx.Response = ask(self.inside.portal, what, cookie)
        body = text_of(answer)
        self._record_answer(at, cookie, answer.status_code, body)
        if self._is_live(at, cookie):
            # The data file is made on demand and may not exist; the activity is for owners only.
            shown = may(self.roles[at], Right.CHANGES) or "profile/changes" not in route
            own = {404} if not shown else {200, 404, 422} if "profile/data" in route else {200, 422}
            assert answer.status_code in ({404} if what.names and whose != at else own)

    @rule(data=st.data(), at=WHO, whose=WHO, account=st.sampled_from(["", "mine", "theirs"]))
    def live_page(self, data: st.DataObject, at: int, whose: int, account: str) -> None:
        """Open a page over the socket."""
        cookie = data.draw(st.sampled_from(self._cookies(at)))
        path = f"/en/orders?{self._query(data, whose)}{self._account(at, account)}"

        async def run() -> Tab:
            async with tab(self.inside.portal.url, cookie, origin=None, **self.inside.elsewhere()) as opened:
                await opened.send(HYDRATE, {}, "/en/orders")
                await opened.send(ON_LOAD, {}, path)
                await opened.fence()
                return opened

        body = asyncio.run(run()).text
        self.seen.append((at, body))
        if not self._is_live(at, cookie):
            assert self.people[at].marker not in body

    @rule(at=WHO)
    def import_more(self, at: int) -> None:
        """Import one more order from Odotrack's files."""
        one, self.imported[at] = self.people[at], self.imported[at] + 1
        number = f"{one.account}{self.imported[at]}"
        files = {
            "orders.csv": "account,number,placed_at,start_on,end_on,subtotal,total\n"
            f"{one.account},{number},2020-01-02T09:00-05:00,2020-01-02,2021-01-01,100.00,100.00\n",
            "order_lines.csv": "order,quantity,description_fr,description_en,unit_price,amount\n"
            f"{number},2,{one.marker} câble,{one.marker} cable,50.00,100.00\n",
        }
        with database.write_session() as session:
            report = import_tables(session, read_files({name: text.encode() for name, text in files.items()}), self.inside.clock())
        assert not report.bad

    # --- invariants ---

    @invariant()
    def nobody_saw_what_is_the_other_s(self) -> None:
        """Check that no answer held the other person's data."""
        for at, body in getattr(self, "seen", []):
            assert self.people[1 - at].marker not in body
            assert not re.search(rf"\b{self.people[1 - at].email}\b", body)
        self.seen = []

    @invariant()
    def nothing_broke(self) -> None:
        """Check that no error was logged."""
        assert self.inside.errors == []


@pytest.mark.asvs("8.4.1")
@pytest.mark.asvs("8.2.2")
@pytest.mark.asvs("7.4.1")
@pytest.mark.case("A-40", "A-44", "A-45", "A-48", "A-61", "A-63")
def test_two_customers_never_meet(inside: Inside) -> None:
    machine: Any = type("Machine", (TwoCustomers,), {"inside": inside})
    run_state_machine_as_test(machine, settings=BOUNDED)
