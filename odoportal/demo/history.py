"""A past for the demonstration: what its people did in the weeks before its day, done with the same services as through the forms.

So the portal looks as if it had been in use for a while: with colleagues, addresses, cards, copies of invoices, and an activity that
records all of them. The empty account stays empty.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import update as sql_update
from sqlmodel import Session, col, select

from odoportal.accounts.activity_log import Actor
from odoportal.accounts.models import Membership as MembershipRow
from odoportal.accounts.models import Person, Role
from odoportal.accounts.service import email_key, find_account
from odoportal.core import clock
from odoportal.core.identity import ActiveMembership, Identity
from odoportal.demo import fleet_boreal, fleet_laurentides
from odoportal.demo.data import GUIDE_ACCOUNT, SIGN_INS
from odoportal.mail.outbox import Mail, token_of
from odoportal.rooms.addresses import service as addresses
from odoportal.rooms.addresses.models import AddressPurpose
from odoportal.rooms.cards import flow
from odoportal.rooms.cards import service as cards
from odoportal.rooms.cards.provider import Customer
from odoportal.rooms.cards.sandbox import Sandbox, Scenario
from odoportal.rooms.notifications import copies
from odoportal.rooms.notifications import service as notices
from odoportal.rooms.notifications.models import NotificationKind
from odoportal.rooms.people import accept_invitation
from odoportal.rooms.people import service as people
from odoportal.rooms.signin import service as signin

When = tuple[int, int, int]
"""A time: the number of working days before the business day, the hour and the minute."""
FRIDAY = 4


@dataclass(frozen=True)
class _Story:
    """The actions of people in an account. Each action names its person by email, and its time."""

    session: Session
    number: str
    today: date
    now: datetime
    password: str
    provider: Sandbox

    def _instant(self, when: When) -> datetime:
        day, (back, hour, minute) = self.today, when
        while back:
            day -= timedelta(days=1)
            back -= day.weekday() <= FRIDAY
        return clock.start_of_day(day) + timedelta(hours=hour, minutes=minute)

    def _person(self, email: str) -> Person:
        return self.session.exec(select(Person).where(Person.email_key == email_key(email))).one()

    def _actor(self, email: str, when: When) -> tuple[Identity, datetime, str]:
        """Return the identity, the instant and the network address of an action; the address is an example address (RFC 5737)."""
        account, person, at = find_account(self.session, self.number), self._person(email), self._instant(when)
        role = self.session.get_one(MembershipRow, (account.id, person.id)).role
        # A person who does something must have signed in.
        person.signed_in_at = max(at, person.signed_in_at or at)
        mine = ActiveMembership(account.id or 0, account.number, account.name, role)
        who = Identity("", person.id or 0, person.name, person.email, person.language, person.region, (mine,), mine, at, at, None)
        return who, at, f"203.0.113.{(person.id or 0) % 200 + 20}"

    def _token(self, email: str) -> str:
        """Return the token of the newest mail to an address."""
        newest = select(Mail.seed).where(Mail.to == email).order_by(col(Mail.id).desc()).limit(1)
        return token_of(self.session.exec(newest).one())

    def invites(self, by: str, when: When, email: str, role: Role, language: str = "fr") -> None:
        """Invite a person. While the invitation is open, its link is valid as long as if it had just been mailed."""
        who, at, client = self._actor(by, when)
        made = people.invite(self.session, who, email, role, language, at, client)
        made.expires_at = self.now + people.INVITATION_LIFETIME

    def joins(self, email: str, when: When, name: str) -> None:
        """Accept an invitation."""
        at = self._instant(when)
        person = accept_invitation.accept(self.session, self._token(email), at, name, self.password, "198.51.100.27")
        assert person is not None  # noqa: S101 - the invitation was made just before
        person.signed_in_at = at

    def gets_role(self, by: str, when: When, email: str, role: Role) -> None:
        """Change a person's role."""
        who, at, client = self._actor(by, when)
        people.change_role(self.session, who, email, role, at, client)

    def adds_address(self, by: str, when: When, name: str, line1: str, **parts: str) -> str:
        """Add an address to the book, in Canada unless `parts` says otherwise, and return its code."""
        who, at, client = self._actor(by, when)
        return addresses.add(self.session, who, {"country": "CA", "name": name, "line1": line1, **parts}, at, client).code

    def uses_address(self, by: str, when: When, code: str, purpose: AddressPurpose) -> None:
        """Make an address the default for a purpose."""
        who, at, client = self._actor(by, when)
        addresses.make_default(self.session, who, code, purpose, at, client)

    def removes_address(self, by: str, when: When, code: str) -> None:
        """Remove an address from the book."""
        who, at, client = self._actor(by, when)
        addresses.remove(self.session, who, code, at, client)

    def adds_card(self, by: str, when: When, scenario: Scenario) -> int:
        """Add a card through the sandbox of the payment provider, and return its id."""
        who, at, client = self._actor(by, when)
        setup = cards.begin(self.session, who, self.provider.name, secrets.token_hex(16), client, at)
        ref = cards.customer_ref(self.session, who.account.account_id, self.provider.name)
        customer = Customer(ref, who.account.number, who.account.name, who.email, who.language)
        begun = self.provider.start(customer, setup.key, "", "")
        cards.store_started(self.session, setup.key, begun)
        self.provider.choose(begun.ref, scenario)
        return cards.settle(self.session, setup.key, self.provider.finish(begun.ref), at, self.today).card_id or 0

    def uses_card(self, by: str, when: When, card_id: int) -> None:
        """Make a card the default."""
        who, at, client = self._actor(by, when)
        cards.make_default(self.session, who, self.provider.name, card_id, client, at, self.today)

    def copies_to(self, by: str, when: When, email: str, language: str, confirmed: When) -> None:
        """Add a recipient for copies of invoices, and confirm the mailbox."""
        who, at, client = self._actor(by, when)
        copies.add(self.session, who, Actor.of(who, client), email, language, at)
        copies.confirm(self.session, self._token(email), "198.51.100.64", self._instant(confirmed))

    def chooses(self, by: str, when: When, kind: NotificationKind, on: bool) -> None:
        """Switch a kind of notification on or off."""
        who, at, client = self._actor(by, when)
        notices.switch(self.session, notices.Reader(who.account.account_id, who.person_id), kind, on, Actor.of(who, client), at)

    def changes_password(self, by: str, when: When) -> None:
        """Change a person's password, to the demonstration's password again."""
        who, at, client = self._actor(by, when)
        signin.change_password(self.session, who, Actor.of(who, client), self._person(by).password, self.password, at)


def create_history(session: Session, now: datetime, today: date) -> None:
    """Create the past of three accounts, in the weeks before the business day, or before now if the business day is still to come.

    Mails count as sent, except those to people whose invitation is still open.

    Args:
        session: the writing session in which the demonstration's data were loaded; the caller commits.
        now: the present instant.
        today: the business day.

    Raises:
        RuntimeError: in production, where the payment provider has no sandbox.
    """
    provider, day = flow.sandbox(), min(today, clock.to_local(now).date())
    password = session.exec(select(Person.password).where(Person.email_key == SIGN_INS[0].email)).one()
    waiting: list[str] = []
    for number, story in ((fleet_laurentides.NUMBER, _laurentides), (fleet_boreal.NUMBER, _boreal), (GUIDE_ACCOUNT, _gagnon)):
        waiting.append(story(_Story(session, number, day, now, password, provider)))
    sent = sql_update(Mail).where(col(Mail.next_try_at).is_not(None), col(Mail.to).not_in(waiting))
    session.exec(sent.values(sent_at=col(Mail.created_at), next_try_at=None))


def _laurentides(story: _Story) -> str:
    """Create the past of the fleet in French, and return the email whose invitation is still open."""
    josee, nadia, lise = "josee@groupelaurentides.ca", "nadia@groupelaurentides.ca", "lise@comptabilitebouchard.ca"
    martin, isabelle, late = "martin.seguin@groupelaurentides.ca", "isabelle.roy@groupelaurentides.ca", "caroline.dube@groupelaurentides.ca"
    lachute = story.adds_address(
        josee, (27, 9, 12), "Cour de Lachute", "455, av. Bethany", city="Lachute", province="QC", postal_code="J8H 2M2"
    )
    mirabel = story.adds_address(
        josee,
        (27, 9, 20),
        "Entrepôt de Mirabel",
        "12600, rue Service A-2",
        line2="Quai 14",
        city="Mirabel",
        province="QC",
        postal_code="J7N 1G1",
    )
    story.uses_address(josee, (27, 9, 21), mirabel, AddressPurpose.DELIVERY)
    story.invites(josee, (26, 11, 5), martin, Role.READ_ONLY)
    story.joins(martin, (26, 13, 48), "Martin Séguin")
    story.adds_card(lise, (24, 10, 31), Scenario.SOON)
    story.adds_address(nadia, (21, 8, 55), "Cour d’Ottawa", "2450, chemin Stevenage", city="Ottawa", province="ON", postal_code="K1G 3W3")
    books = story.adds_address(
        lise,
        (20, 14, 2),
        "Groupe Laurentides, comptes fournisseurs",
        "780, boul. Curé-Labelle",
        line2="Bureau 210",
        city="Saint-Jérôme",
        province="QC",
        postal_code="J7Z 2L4",
    )
    story.uses_address(lise, (20, 14, 3), books, AddressPurpose.BILLING)
    story.gets_role(josee, (18, 16, 40), martin, Role.OPERATIONS)
    story.copies_to(lise, (15, 9, 44), "factures@groupelaurentides.ca", "fr", confirmed=(15, 10, 12))
    story.invites(josee, (14, 16, 37), isabelle, Role.BILLING)
    story.joins(isabelle, (12, 9, 3), "Isabelle Roy")
    story.adds_address(
        martin, (9, 15, 26), "Laurentides Logistique France", "14, quai de la Joliette", city="Marseille", postal_code="13002", country="FR"
    )
    story.removes_address(nadia, (8, 11, 17), lachute)
    story.chooses(nadia, (6, 7, 58), NotificationKind.INVOICE, on=True)
    new = story.adds_card(isabelle, (4, 13, 35), Scenario.ACCEPTED)
    story.uses_card(isabelle, (4, 13, 37), new)
    story.changes_password(martin, (2, 8, 14))
    story.invites(josee, (1, 15, 20), late, Role.READ_ONLY)
    return late


def _boreal(story: _Story) -> str:
    """Create the past of the large fleet in English, and return the email whose invitation is still open."""
    ian, sophie = "ian@borealhaulage.ca", "sophie@borealhaulage.ca"
    dana, luc, late = "dana.whitford@borealhaulage.ca", "luc.perreault@borealhaulage.ca", "priya.nair@borealhaulage.ca"
    sudbury = story.adds_address(
        ian, (29, 10, 8), "Sudbury depot", "1120 Kelly Lake Road", line2="Unit 4", city="Sudbury", province="ON", postal_code="P3E 5P4"
    )
    story.invites(ian, (28, 9, 30), dana, Role.BILLING, "en")
    story.joins(dana, (27, 8, 51), "Dana Whitford")
    story.adds_card(dana, (26, 11, 22), Scenario.ACCEPTED)
    payable = story.adds_address(
        dana, (26, 11, 40), "Boreal Haulage, Accounts payable", "C. P. 2210", city="Rouyn-Noranda", province="QC", postal_code="J9X 5B1"
    )
    story.uses_address(dana, (26, 11, 41), payable, AddressPurpose.BILLING)
    timmins = story.adds_address(
        sophie, (22, 13, 15), "Timmins yard", "1870 Riverside Drive", city="Timmins", province="ON", postal_code="P4R 1N1"
    )
    story.uses_address(sophie, (22, 13, 16), timmins, AddressPurpose.DELIVERY)
    story.copies_to(dana, (19, 14, 9), "invoices@northledger.example", "en", confirmed=(18, 9, 33))
    story.invites(ian, (16, 10, 2), luc, Role.READ_ONLY, "fr")
    story.joins(luc, (16, 10, 45), "Luc Perreault")
    story.adds_address(
        sophie, (14, 9, 27), "Terminal de Val-d’Or", "1185, 3e Avenue Est", city="Val-d’Or", province="QC", postal_code="J9P 0J6"
    )
    story.gets_role(ian, (11, 16, 12), luc, Role.OPERATIONS)
    story.adds_address(
        luc, (10, 8, 43), "Boreal Europe SARL", "61, quai de Southampton", city="Le Havre", postal_code="76600", country="FR"
    )
    story.removes_address(sophie, (7, 12, 50), sudbury)
    story.adds_card(dana, (5, 15, 31), Scenario.SOON)
    story.chooses(ian, (3, 7, 46), NotificationKind.PAYMENT, on=False)
    story.changes_password(dana, (2, 9, 18))
    story.invites(ian, (1, 16, 5), late, Role.READ_ONLY, "en")
    return late


def _gagnon(story: _Story) -> str:
    """Create the past of the guide's account, and return the email whose invitation is still open."""
    maria, lise = "maria@transportgagnon.ca", "lise@comptabilitebouchard.ca"
    stephane, julie, late = "stephane@transportgagnon.ca", "julie.arsenault@transportgagnon.ca", "daniel@transportgagnon.ca"
    garage = story.adds_address(
        maria, (25, 9, 50), "Garage de Sainte-Thérèse", "88, rue Turgeon", city="Sainte-Thérèse", province="QC", postal_code="J7E 3H9"
    )
    story.uses_address(maria, (25, 9, 58), "YARD", AddressPurpose.DELIVERY)
    story.uses_address(maria, (25, 9, 59), "POST", AddressPurpose.BILLING)
    story.invites(maria, (23, 13, 11), stephane, Role.OPERATIONS)
    story.joins(stephane, (22, 7, 32), "Stéphane Gagnon")
    story.adds_card(lise, (19, 10, 14), Scenario.SOON)
    story.adds_address(
        stephane, (17, 8, 20), "Quai de Hawkesbury", "1100, rue Aberdeen", city="Hawkesbury", province="ON", postal_code="K6A 1K7"
    )
    story.copies_to(lise, (14, 11, 26), "factures@transportgagnon.ca", "fr", confirmed=(14, 13, 2))
    story.invites(maria, (12, 15, 45), julie, Role.BILLING)
    story.joins(julie, (11, 8, 39), "Julie Arsenault")
    story.gets_role(maria, (9, 16, 30), julie, Role.READ_ONLY)
    story.adds_address(stephane, (8, 9, 5), "Gagnon Frères SAS", "22, rue de la République", city="Lyon", postal_code="69002", country="FR")
    story.removes_address(stephane, (6, 14, 48), garage)
    story.adds_card(maria, (4, 12, 57), Scenario.ACCEPTED)
    story.chooses(stephane, (3, 7, 40), NotificationKind.ENDING, on=False)
    story.invites(maria, (1, 14, 34), late, Role.OPERATIONS)
    return late
