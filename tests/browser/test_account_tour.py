"""A new customer manages the account in one session, on a phone and in French, as a real person would."""

import asyncio
import io
import json
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pyotp.totp import TOTP

from tests.attack.wire import PEOPLE, SIGNED, tab, value
from tests.browser.conftest import Open, live, mailed_link, temporary_account
from tests.browser.test_addresses import SAVE, fill
from tests.browser.test_cards import add
from tests.browser.test_security import add_authenticator
from tests.server import PASSWORD, Portal

ARIANE, ARIANE_NEW = "ariane@garagecote.example.com", "ariane.cote@garagecote.example.com"
NORA = "nora@garagecote.example.com"
NORA_PASSWORD = "une route qui monte doucement"
CHANGES = f"{SIGNED}.odoportal___rooms___activity___page____changes"
ELSEWHERE = "127.0.0.61"


@pytest.fixture
def garage(portal: Portal) -> Iterator[None]:
    """Yield while an account exists whose only content is its owner, Ariane."""
    with temporary_account(portal, "7301", "Garage Côté", {ARIANE: ("Ariane Côté", "owner")}):
        yield


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("Courriel").fill(email)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Se connecter", exact=True).click()


def on_dashboard(page: Page) -> Page:
    expect(page.get_by_role("heading", name="Tableau de bord")).to_be_visible()
    return live(page)


def open_live(page: Page, path: str) -> Page:
    page.goto(path)
    return live(page)


def forget_session(page: Page) -> Page:
    """Delete the browser's cookies, as if they had expired, and return the sign-in page."""
    page.context.clear_cookies()
    page.goto("/fr/login")
    return page


def invite(owner: Page, portal: Portal) -> str:
    """Invite Nora with the billing role as Ariane, and return the link in the mail."""
    owner.get_by_role("button", name="Menu").click()
    owner.locator("#drawer").get_by_role("link", name="Profil").click()
    owner.get_by_role("link", name="Personnes", exact=True).click()
    live(owner).fill("#invite-email", NORA)
    owner.select_option("#invite-role", "billing")
    owner.get_by_role("button", name="Inviter").click()
    expect(owner.get_by_text(f"L’invitation à {NORA} est en route.")).to_be_visible()
    expect(owner.locator(".record-asked li")).to_contain_text("Facturation")
    return mailed_link(portal, NORA, "join").removeprefix(portal.url)


def accept_invitation(nora: Page) -> None:
    expect(nora.get_by_text("Votre rôle sera")).to_contain_text("Facturation")
    nora.fill("#name", "Nora Tremblay")
    nora.fill("#password", NORA_PASSWORD)
    nora.get_by_role("button", name="Accepter l’invitation").click()
    sign_in(nora, NORA, NORA_PASSWORD)
    on_dashboard(nora)


def check_refusals(nora: Page, portal: Portal) -> None:
    """Check that the billing role has no forms, that posted forms are refused, and that an event of the owners' list is denied."""
    open_live(nora, "/fr/profile/people")
    expect(nora.get_by_role("heading", name="Propriétaires de ce compte")).to_be_visible()
    expect(nora.get_by_text(ARIANE)).to_be_visible()
    expect(nora.locator("main form")).to_have_count(0)
    for form in ("invite", "role", "remove", "resend", "withdraw", "require", "release"):
        sent = nora.request.post("/fr/profile/people", form={"form": form, "key": ARIANE}, headers={"origin": portal.url})
        assert sent.status == 403, form
    assert nora.request.get("/fr/profile/changes").status == 404
    mine = {str(cookie.get("name")): cookie.get("value") for cookie in nora.context.cookies()}
    cookie = next(f"{name}={held}" for name, held in mine.items() if name.endswith("odo_session"))

    async def attack() -> str:
        async with tab(portal.url, cookie, client=ELSEWHERE) as raw:
            await raw.load("/fr/profile/people", PEOPLE)
            await raw.send(f"{CHANGES}.load", {}, "/fr/profile/changes")
            await raw.until(lambda frame: value(frame, SIGNED, "denied"))
            return raw.text

    # Playwright already uses this thread's event loop.
    with ThreadPoolExecutor(1) as pool:
        frames = pool.submit(asyncio.run, attack()).result()
    assert "Invitation acceptée" not in frames


def switch_two_step_on(phone: Page) -> tuple[TOTP, list[str]]:
    """Switch two-step sign-in on, and return the authenticator app and the recovery codes."""
    open_live(phone, "/fr/profile/security").locator("#totp_begin-current").fill(PASSWORD)
    phone.get_by_role("button", name="Configurer").click()
    expect(phone.get_by_role("img", name="Code QR qui contient la clé, pour l’application")).to_be_visible()
    app = TOTP(phone.locator(".security-key code").inner_text().replace(" ", ""))
    phone.locator("#totp_confirm-code").fill(app.now())
    phone.get_by_role("button", name="Activer").click()
    codes = phone.locator(".form-shown code")
    expect(codes).to_have_count(10)
    kept = codes.all_inner_texts()
    phone.get_by_role("link", name="Je les ai conservés").click()
    expect(live(phone).get_by_text("Codes de récupération restants\u00a0: 10.")).to_be_visible()
    expect(phone.get_by_text(kept[0])).to_have_count(0)
    return app, kept


def sign_in_with_code(phone: Page, app: TOTP) -> None:
    sign_in(forget_session(phone), ARIANE)
    # The code that switched it on cannot be used twice, so take the next one 30 seconds early.
    phone.locator("#code").fill(app.at(datetime.now(UTC) + timedelta(seconds=30)))
    phone.get_by_role("button", name="Se connecter", exact=True).click()
    on_dashboard(phone)


def sign_in_with_recovery_code(office: Page, code: str) -> None:
    """Check that the session without a second step has ended, and sign in with a recovery code in place of the app."""
    office.locator(".shell > nav.shell-side").get_by_role("link", name="Factures").click()
    expect(office.get_by_text("Votre session a pris fin.")).to_be_visible()
    sign_in(office, ARIANE)
    office.get_by_role("link", name="Utiliser un code de récupération").click()
    office.locator("#code").fill(code)
    office.get_by_role("button", name="Se connecter", exact=True).click()
    expect(office.get_by_role("heading", name="Factures")).to_be_visible()


def sign_in_with_passkey(phone: Page) -> None:
    """Create a passkey, and sign in with it without a password."""
    open_live(phone, "/fr/profile/security").locator("#passkey_begin-current").fill(PASSWORD)
    phone.get_by_role("button", name="Ajouter une clé d’accès").click()
    phone.get_by_label("Nom de la clé d’accès").fill("Mon téléphone")
    phone.get_by_role("button", name="Créer la clé d’accès").click()
    expect(phone.locator(".security-list").get_by_text("Mon téléphone")).to_be_visible()
    forget_session(phone).get_by_role("button", name="Se connecter avec une clé d’accès").click()
    on_dashboard(phone)


def end_the_other_session(phone: Page, office: Page) -> None:
    open_live(phone, "/fr/profile/security")
    expect(phone.get_by_text("Codes de récupération restants\u00a0: 9.")).to_be_visible()
    others = phone.get_by_role("button", name="Fermer la session", exact=True)
    before = others.count()
    # The phone's old sessions are listed as well, but the office's was used last and comes first.
    others.first.click()
    expect(others).to_have_count(before - 1)
    office.reload()
    expect(office.locator("#password")).to_be_visible()


def change_the_email(phone: Page, portal: Portal) -> None:
    phone.locator("#email-address").fill(ARIANE_NEW)
    phone.locator("#email-current").fill(PASSWORD)
    phone.get_by_role("button", name="Modifier l’adresse courriel").click()
    expect(phone.get_by_text(ARIANE_NEW).first).to_be_visible()
    phone.goto(mailed_link(portal, ARIANE_NEW, "email").removeprefix(portal.url))
    phone.get_by_role("button", name="Confirmer cette adresse").click()
    expect(phone).to_have_url(re.compile(r"/fr/profile/security"))
    expect(live(phone).get_by_role("region", name="Courriel").get_by_text(ARIANE_NEW)).to_be_visible()
    assert mailed_link(portal, ARIANE, "undo")


def add_addresses(phone: Page) -> None:
    open_live(phone, "/fr/addresses").get_by_role("link", name="Ajouter une adresse").first.click()
    fill(phone, name="Dépôt de Sudbury", line1="12, rue Elm", city="Sudbury", province="ON", postal_code="p3e5j1")
    phone.get_by_role("button", name=SAVE).click()
    expect(phone.locator(".table-card", has_text="Sudbury (Ontario)\u00a0 P3E 5J1")).to_be_visible()
    phone.get_by_role("link", name="Ajouter une adresse").click()
    phone.select_option("#country", "FR")
    expect(phone.locator("#address-province")).to_have_count(0)
    fill(phone, name="Dépôt de Lyon", line1="3, rue de la République", postal_code="69 002", city="Lyon")
    phone.get_by_role("button", name=SAVE).click()
    expect(phone.locator(".table-card", has_text="69002 Lyon")).to_be_visible()
    expect(phone.locator(".table-card")).to_have_count(2)


def manage_cards(phone: Page) -> None:
    """Add a card, have one declined, add another and make it the default, and remove it again."""
    add(open_live(phone, "/fr/cards"), "Acceptée Visa •••• 4242")
    expect(live(phone).get_by_text("La carte a été ajoutée.")).to_be_visible()
    add(phone, "Refusée")
    expect(phone.get_by_role("alert")).to_contain_text("La banque a refusé cette carte.")
    phone.get_by_role("link", name="Retour à ODOportal").click()
    expect(live(phone).locator(".cards-card")).to_have_count(1)
    add(phone, "Acceptée, expire ce mois-ci")
    card = live(phone).locator(".cards-card", has_text="Mastercard •••• 4444")
    card.get_by_role("button", name="Choisir par défaut").click()
    expect(phone.get_by_text("Cette carte est maintenant la carte par défaut.")).to_be_visible()
    expect(phone.locator(".cards-card").first).to_contain_text("Mastercard •••• 4444")
    card.get_by_role("link", name="Retirer").click()
    phone.get_by_role("dialog").get_by_role("button", name="Retirer cette carte").click()
    expect(phone.get_by_text("La carte a été retirée.")).to_be_visible()
    expect(phone.locator(".cards-card")).to_have_count(1)
    expect(phone.locator(".cards-card").first).to_contain_text("Par défaut")


def download_data(phone: Page) -> None:
    open_live(phone, "/fr/profile").get_by_role("link", name="Mes données").click()
    live(phone).get_by_role("button", name="Préparer mon fichier").click()
    with phone.expect_download() as coming:
        phone.get_by_role("link", name="Télécharger mes données").click()
    with zipfile.ZipFile(io.BytesIO(Path(coming.value.path()).read_bytes())) as home:
        texts = {name: home.read(name).decode("utf-8-sig") for name in home.namelist()}
    (person,) = json.loads(next(text for name, text in texts.items() if name.endswith("person.json")))
    assert person["email"] == ARIANE_NEW
    everything = "".join(texts.values())
    for kept in ("Dépôt de Sudbury", "Dépôt de Lyon", "4242"):
        assert kept in everything, kept
    assert PASSWORD not in everything


def remove_nora(owner: Page, nora: Page) -> None:
    open_live(owner, "/fr/profile/people").get_by_role("link", name="Nora Tremblay").click()
    dialog = owner.get_by_role("dialog")
    dialog.get_by_role("button", name="Retirer du compte").click()
    question = owner.get_by_role("alertdialog")
    expect(question.get_by_role("button", name="Annuler")).to_be_focused()
    question.get_by_role("button", name="Retirer").click()
    expect(owner.get_by_text("Cette personne ne fait plus partie du compte.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(owner.get_by_text("Nora Tremblay")).to_have_count(0)
    nora.get_by_role("button", name="Menu").click()
    nora.locator("#drawer").get_by_role("link", name="Factures").click()
    expect(nora).to_have_url(re.compile(r"/fr/login\?ended=1"))


def check_activity(owner: Page) -> None:
    """Check that the owner sees all of it in the activity, each row with the person who did it."""
    open_live(owner, "/fr/profile/changes?size=50")
    expect(owner.get_by_text("Retrait du compte")).to_be_visible()
    rows = owner.locator("#live .table-card").all_inner_texts()
    assert all("Ariane Côté" in one or "Nora Tremblay" in one for one in rows), rows
    for what in (
        "Invitation envoyée", "Invitation acceptée", "Connexion en deux étapes activée", "Code de récupération utilisé",
        "Clé d’accès ajoutée", "Adresse courriel modifiée", "Adresse ajoutée", "Carte ajoutée", "Carte par défaut modifiée",
        "Carte retirée",
    ):  # fmt: skip
        assert any(what in one for one in rows), (what, rows)


@pytest.mark.journey
@pytest.mark.usefixtures("garage")
def test_a_new_customer_looks_after_the_account(open_page: Open, portal: Portal) -> None:
    phone, office = open_page("/fr/login", size="phone"), open_page("/fr/login")
    add_authenticator(phone)
    sign_in(phone, ARIANE)
    sign_in(office, ARIANE)
    on_dashboard(phone)
    on_dashboard(office)

    nora = open_page(invite(phone, portal), size="phone")
    accept_invitation(nora)
    check_refusals(nora, portal)

    app, codes = switch_two_step_on(phone)
    sign_in_with_code(phone, app)
    sign_in_with_recovery_code(office, codes[0])
    sign_in_with_passkey(phone)
    end_the_other_session(phone, office)
    change_the_email(phone, portal)

    add_addresses(phone)
    manage_cards(phone)
    download_data(phone)
    remove_nora(phone, nora)
    check_activity(phone)
