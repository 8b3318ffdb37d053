"""Adding a card ends with exactly one card, whether the browser or a webhook reports it, twice, late or never, or the process is killed."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import select

from odoportal.core import clock, database, i18n
from odoportal.core.identity import Identity
from odoportal.jobs.runner import run_now
from odoportal.jobs.schedule import Result
from odoportal.rooms.cards import flow, service
from odoportal.rooms.cards.labels import reason_labels
from odoportal.rooms.cards.models import Card, CardSetup, SetupState
from odoportal.rooms.cards.provider import (
    NO_CARD,
    BadWebhook,
    CardFacts,
    CardRefused,
    Customer,
    ProviderDown,
    SetupResult,
    StartedSetup,
    Webhook,
)
from odoportal.rooms.cards.sandbox import Sandbox, Scenario
from odoportal.settings import UnsafeSettings, get_settings
from tests.making import TODAY
from tests.rooms.cards.conftest import Time

ONCE = "a" * 32


def start(who: Identity, provider: Any, once: str = ONCE) -> str:
    return asyncio.run(flow.start(who, "fr", once, "203.0.113.5", provider))


def begin(who: Identity, sandbox: Sandbox, scenario: Scenario | None = Scenario.ACCEPTED, once: str = ONCE) -> tuple[str, str]:
    """Begin to add a card and choose a scenario; return the setup's key and its id at the provider."""
    ref = start(who, sandbox, once).rpartition("/")[2]
    if scenario is not None:
        sandbox.choose(ref, scenario)
    asked = sandbox.setup_of(ref)
    assert asked is not None
    return parse_qs(urlsplit(asked.done_url).query)["setup"][0], ref


def on_file(who: Identity) -> Sequence[Card]:
    with database.read_session() as session:
        return service.cards(session, who.account.account_id, "sandbox")


def back(who: Identity, key: str, provider: Any) -> tuple[str, str] | None:
    """Return from the provider's page; give the state and reason of the setup that the page then shows."""
    asyncio.run(flow.finish_setup(who, key, provider))
    with database.read_session() as session:
        setup = service.setup_of(session, who.account.account_id, key)
        return (setup.state, setup.reason) if setup else None


def hear(message: tuple[bytes, Mapping[str, str]], provider: Any) -> None:
    asyncio.run(flow.handle_webhook(*message, provider))


def test_the_first_card_is_the_default_and_the_second_is_not(alpha: Identity, sandbox: Sandbox) -> None:
    for scenario in (Scenario.ACCEPTED, Scenario.SOON):
        assert back(alpha, begin(alpha, sandbox, scenario, scenario.ljust(32))[0], sandbox) == (SetupState.DONE, "")
    cards = on_file(alpha)
    assert [(card.brand, card.last4, card.is_default, card.added_by) for card in cards] == [
        ("visa", "4242", True, alpha.person_id),
        ("mastercard", "4444", False, alpha.person_id),
    ]


@pytest.mark.parametrize(
    "order",
    [["back"], ["hook"], ["back", "hook"], ["hook", "back"], ["hook", "hook", "back", "back"], ["round"], ["round", "back", "hook"]],
    ids="-".join,
)
@pytest.mark.case("A-98", "F-05")
def test_whoever_tells_it_first_there_is_one_card(alpha: Identity, sandbox: Sandbox, time: Time, order: list[str]) -> None:
    key, ref = begin(alpha, sandbox)
    for step in order:
        if step == "back":
            assert back(alpha, key, sandbox) == (SetupState.DONE, "")
        elif step == "hook":
            hear(sandbox.webhook(ref), sandbox)
        else:
            asyncio.run(flow.reconcile(sandbox))
        time.move(seconds=3)
    assert [card.last4 for card in on_file(alpha)] == ["4242"]


@pytest.mark.case("F-05")
def test_told_at_the_same_moment_there_is_one_card(alpha: Identity, sandbox: Sandbox) -> None:
    key, ref = begin(alpha, sandbox)
    gate = threading.Barrier(6)
    failed: list[BaseException] = []

    def tell(step: int) -> None:
        gate.wait()
        try:
            back(alpha, key, sandbox) if step % 2 else hear(sandbox.webhook(ref), sandbox)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=tell, args=(step,)) for step in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(on_file(alpha)) == 1


def test_two_first_cards_at_the_same_moment_make_one_default(alpha: Identity, sandbox: Sandbox) -> None:
    keys = [begin(alpha, sandbox, once=f"{n}".ljust(32))[0] for n in range(4)]
    gate = threading.Barrier(len(keys))

    def tell(key: str) -> None:
        gate.wait()
        back(alpha, key, sandbox)

    threads = [threading.Thread(target=tell, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [card.is_default for card in on_file(alpha)] == [True, False, False, False]


@pytest.mark.asvs("2.3.4")
@pytest.mark.case("F-01", "F-02")
def test_a_double_click_is_one_setup_and_leads_to_one_page(alpha: Identity, sandbox: Sandbox) -> None:
    gate, pages = threading.Barrier(4), []

    def click() -> None:
        gate.wait()
        pages.append(start(alpha, sandbox))

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(pages)) == 1
    with database.read_session() as session:
        assert len(session.exec(select(CardSetup)).all()) == 1
    # Another tab has its own form, and so its own page.
    assert start(alpha, sandbox, "b" * 32) not in pages


def test_a_form_that_is_sent_again_after_its_end_leads_to_what_came_of_it(alpha: Identity, sandbox: Sandbox) -> None:
    key, _ref = begin(alpha, sandbox)
    back(alpha, key, sandbox)
    assert start(alpha, sandbox) == f"http://localhost:3000/fr/cards?account=1001&setup={key}"
    assert len(on_file(alpha)) == 1


@pytest.mark.parametrize(("scenario", "reason"), [(Scenario.DECLINED, "card_declined"), (Scenario.EXPIRED, "expired_card")])
def test_a_refused_card_is_not_on_file(alpha: Identity, sandbox: Sandbox, time: Time, scenario: Scenario, reason: str) -> None:
    key, ref = begin(alpha, sandbox, scenario)
    assert back(alpha, key, sandbox) == (SetupState.DECLINED, reason)
    hear(sandbox.webhook(ref), sandbox)
    assert not on_file(alpha)


@pytest.mark.parametrize(("confirmed", "state"), [(True, SetupState.DONE), (False, SetupState.DECLINED)])
def test_3d_secure_is_open_until_the_bank_has_asked(
    alpha: Identity, sandbox: Sandbox, time: Time, confirmed: bool, state: SetupState
) -> None:
    key, ref = begin(alpha, sandbox, Scenario.SECURE)
    assert back(alpha, key, sandbox) == (SetupState.OPEN, "")
    sandbox.confirm(ref, confirmed=confirmed)
    time.move(seconds=3)
    assert (back(alpha, key, sandbox) or ("",))[0] == state
    assert len(on_file(alpha)) == confirmed


@pytest.mark.case("F-05")
def test_a_slow_provider_is_asked_again_and_not_more_often_than_it_may(alpha: Identity, sandbox: Sandbox, time: Time) -> None:
    key, _ref = begin(alpha, sandbox, Scenario.SLOW)
    assert back(alpha, key, sandbox) == (SetupState.OPEN, "")

    class Counting(Down):
        def finish(self, ref: str) -> SetupResult:
            raise AssertionError("asked again at once")

    assert back(alpha, key, Counting(sandbox)) == (SetupState.OPEN, "")
    time.move(seconds=9)
    asyncio.run(flow.reconcile(sandbox))
    assert [card.last4 for card in on_file(alpha)] == ["4242"]


class Down(Sandbox):
    """A provider whose answers are lost, although starting and finishing a setup take effect."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.__dict__ |= sandbox.__dict__

    def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> StartedSetup:
        super().start(customer, key, done_url, back_url)
        raise ProviderDown

    def finish(self, ref: str) -> SetupResult:
        super().finish(ref)
        raise ProviderDown

    def detach(self, token: str) -> None:
        raise ProviderDown


@pytest.mark.case("F-05")
def test_a_provider_that_is_down_leaves_the_setup_open_and_loses_nothing(alpha: Identity, sandbox: Sandbox) -> None:
    key, ref = begin(alpha, sandbox)
    assert back(alpha, key, Down(sandbox)) == (SetupState.OPEN, "")
    with pytest.raises(ProviderDown):
        hear(sandbox.webhook(ref), Down(sandbox))
    with pytest.raises(ProviderDown):
        asyncio.run(flow.reconcile(Down(sandbox)))
    # The provider sends a webhook that could not be handled again.
    hear(sandbox.webhook(ref), sandbox)
    assert len(on_file(alpha)) == 1


@pytest.mark.case("F-02", "F-05")
def test_after_a_lost_answer_to_the_start_the_same_form_goes_on_where_it_stopped(alpha: Identity, sandbox: Sandbox) -> None:
    with pytest.raises(ProviderDown):
        start(alpha, Down(sandbox))
    key, ref = begin(alpha, sandbox)
    assert back(alpha, key, sandbox) == (SetupState.DONE, "")
    with database.read_session() as session:
        (setup,) = session.exec(select(CardSetup)).all()
        assert (setup.key, setup.token) == (key, ref)
    assert len(on_file(alpha)) == 1


@pytest.mark.case("F-05")
def test_a_provider_that_hangs_is_given_up_and_keeps_nobody_waiting(
    alpha: Identity, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "TIMEOUT_SECONDS", 0.01)
    free = threading.Event()

    class Hanging(Down):
        def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> StartedSetup:
            free.wait(10)
            raise ProviderDown

    async def many() -> int:
        # More calls than database threads: hanging calls must not use those.
        hung = [flow.start(alpha, "fr", f"{n}".ljust(32), "", Hanging(sandbox)) for n in range(service.MOST_A_DAY)]
        ended = await asyncio.gather(*hung, return_exceptions=True)
        assert {type(end) for end in ended} == {ProviderDown}
        return len(await database.read(service.due_setups, "sandbox", clock.now()))

    try:
        assert asyncio.run(many()) == 0
    finally:
        free.set()


class Killed(BaseException):
    """The process is killed at this point."""


STEPS: dict[str, tuple[Any, str]] = {
    "before the provider is asked to begin": (Sandbox, "start"),
    "before its answer is written down": (service, "store_started"),
    "before it is asked what became of it": (Sandbox, "finish"),
    "before what it said is written down": (service, "settle"),
    "in the middle of writing it down": (service, "_set_default"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.case("F-04", "A-98")
def test_killed_at_any_step_there_is_one_card_in_the_end(
    alpha: Identity, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def dies(*_args: object, **_kwargs: object) -> Any:
        raise Killed

    def add() -> None:
        key, _ref = begin(alpha, sandbox)
        back(alpha, key, sandbox)

    with monkeypatch.context() as killing:
        killing.setattr(*STEPS[step], dies)
        with pytest.raises(Killed):
            add()
    assert not on_file(alpha)
    # The portal restarts, and the person submits the same form again if no page came.
    time.move(seconds=3)
    asyncio.run(flow.reconcile(sandbox))
    begin(alpha, sandbox) if not on_file(alpha) else None
    time.move(minutes=1)
    asyncio.run(flow.reconcile(sandbox))
    assert [(card.last4, card.is_default) for card in on_file(alpha)] == [("4242", True)]
    with database.read_session() as session:
        assert session.exec(select(CardSetup.state)).all() == [SetupState.DONE]


def forgotten(who: Identity, sandbox: Sandbox) -> Card:
    back(who, begin(who, sandbox)[0], sandbox)
    (card,) = on_file(who)
    assert card.id is not None
    with database.write_session() as session:
        service.remove(session, who, "sandbox", card.id, "", clock.now(), TODAY)
    return card


class Refusing(Down):
    def detach(self, token: str) -> None:
        raise CardRefused("payment_method_unexpected_state")


@pytest.mark.parametrize("first", [None, Down, Refusing], ids=["killed", "down", "refusing"])
@pytest.mark.case("F-04", "F-05")
def test_a_removed_card_is_forgotten_at_the_provider_too(
    alpha: Identity, sandbox: Sandbox, first: Callable[[Sandbox], Sandbox] | None
) -> None:
    card = forgotten(alpha, sandbox)
    if first is not None:
        asyncio.run(flow.forget(card.token, first(sandbox)))
    assert sandbox.look_up(card.token) is not None
    asyncio.run(flow.reconcile(sandbox))
    assert sandbox.look_up(card.token) is None
    with database.read_session() as session:
        assert not service.cards_to_detach(session, "sandbox")


def test_a_removed_card_never_comes_back(alpha: Identity, sandbox: Sandbox, time: Time) -> None:
    key, ref = begin(alpha, sandbox)
    hear(sandbox.webhook(ref), sandbox)
    (card,) = on_file(alpha)
    assert card.id is not None
    with database.write_session() as session:
        service.remove(session, alpha, "sandbox", card.id, "", clock.now(), TODAY)
    time.move(seconds=3)
    hear(sandbox.webhook(ref), sandbox)
    back(alpha, key, sandbox)
    with database.write_session() as session:
        service.refresh(session, "sandbox", card.token, CardFacts(card.token, "visa", "4242", 4, 2031), clock.now(), TODAY)
    assert not on_file(alpha)


def test_one_setup_that_fails_keeps_no_other_from_its_card(
    alpha: Identity, beta: Identity, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    _key, bad = begin(alpha, sandbox)
    begin(beta, sandbox)

    class Wrong(Down):
        def finish(self, ref: str) -> SetupResult:
            if ref == bad:
                raise AttributeError("card")
            return Sandbox.finish(self, ref)

    assert asyncio.run(flow.reconcile(Wrong(sandbox))) == Result(1, 1)
    with database.read_session() as session:
        (setup,) = session.exec(select(CardSetup).where(CardSetup.token == bad)).all()
    assert f"cards: setup {setup.id} failed" in caplog.text
    assert (len(on_file(alpha)), len(on_file(beta))) == (0, 1)
    asyncio.run(flow.reconcile(sandbox))
    assert len(on_file(alpha)) == 1


def test_a_setup_that_ended_without_a_card_is_settled_in_words(alpha: Identity, sandbox: Sandbox) -> None:
    key, _ref = begin(alpha, sandbox)

    class Debit(Down):
        def finish(self, ref: str) -> SetupResult:
            return SetupResult(SetupState.DECLINED, reason=NO_CARD)

    assert back(alpha, key, Debit(sandbox)) == (SetupState.DECLINED, NO_CARD)
    with i18n.use("en"):
        assert "Only credit cards can be added here" in reason_labels(NO_CARD)


def test_a_customer_that_the_provider_made_anew_is_the_accounts_from_then_on(alpha: Identity, sandbox: Sandbox) -> None:
    begin(alpha, sandbox)

    class Anew(Down):
        def start(self, customer: Customer, key: str, done_url: str, back_url: str) -> StartedSetup:
            return replace(Sandbox.start(self, customer, key, done_url, back_url), customer="cus_new")

    start(alpha, Anew(sandbox), "b" * 32)
    with database.read_session() as session:
        assert service.customer_ref(session, alpha.account.account_id, "sandbox") == "cus_new"


@pytest.mark.case("A-98")
def test_a_forged_webhook_changes_nothing(alpha: Identity, sandbox: Sandbox) -> None:
    _key, ref = begin(alpha, sandbox)
    body, headers = sandbox.webhook(ref)
    with pytest.raises(BadWebhook):
        hear((body + b" ", headers), sandbox)
    assert not on_file(alpha)


@pytest.mark.parametrize("seconds", [-301, 301])
@pytest.mark.case("A-98")
def test_an_old_webhook_is_not_believed(alpha: Identity, sandbox: Sandbox, time: Time, seconds: int) -> None:
    message = sandbox.webhook(begin(alpha, sandbox)[1])
    time.move(seconds=seconds)
    with pytest.raises(BadWebhook):
        hear(message, sandbox)


def test_a_webhook_about_nothing_that_is_known_is_heard_and_forgotten(sandbox: Sandbox) -> None:
    hear(sandbox.webhook("set_of_nobody"), sandbox)


def test_what_the_provider_tells_of_a_card_is_taken_over(alpha: Identity, sandbox: Sandbox, time: Time) -> None:
    back(alpha, begin(alpha, sandbox)[0], sandbox)
    (card,) = on_file(alpha)

    class Telling(Down):
        def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> Any:
            return Webhook(token=card.token)

        def look_up(self, token: str) -> CardFacts:
            return CardFacts(token, "visa", "5100", 4, 2031)

    time.move(days=1)
    hear((b"", {}), Telling(sandbox))
    assert [(c.last4, c.exp_month, c.exp_year) for c in on_file(alpha)] == [("5100", 4, 2031)]


@pytest.mark.asvs("8.2.2")
@pytest.mark.case("A-97")
def test_another_accounts_setup_is_none_of_ones_business(alpha: Identity, beta: Identity, sandbox: Sandbox) -> None:
    key, _ref = begin(alpha, sandbox)
    assert back(beta, key, sandbox) is None
    assert not on_file(alpha)
    assert not on_file(beta)


@pytest.mark.case("A-100")
def test_production_has_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOPORTAL_MODE", "production")
    get_settings.cache_clear()
    assert flow.provider() is None
    assert flow.form_origins() == ()
    with pytest.raises(RuntimeError):
        flow.sandbox()


def test_production_with_keys_has_stripe_and_both_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"MODE": "production", "STRIPE_KEY": "sk_live_1", "SMTP_URL": "smtp://127.0.0.1:9", "MAIL_FROM": "a@b.ca", "SECRET": "s" * 40}
    for name, value in values.items():
        monkeypatch.setenv(f"ODOPORTAL_{name}", value)
    monkeypatch.delenv("ODOPORTAL_TODAY")
    get_settings.cache_clear()
    with pytest.raises(UnsafeSettings, match="STRIPE_WEBHOOK_SECRET"):
        get_settings().refuse_unsafe()
    monkeypatch.setenv("ODOPORTAL_STRIPE_WEBHOOK_SECRET", "whsec_1")
    get_settings.cache_clear()
    get_settings().refuse_unsafe()
    chosen = flow.provider()
    assert chosen is not None
    assert (chosen.name, chosen.test, flow.form_origins()) == ("stripe", False, ("https://checkout.stripe.com",))


def test_what_is_stored_is_token_brand_last_four_and_expiry(alpha: Identity, sandbox: Sandbox) -> None:
    back(alpha, begin(alpha, sandbox)[0], sandbox)
    assert set(CardFacts.__dataclass_fields__) == {"token", "brand", "last4", "exp_month", "exp_year"}
    (card,) = on_file(alpha)
    about = {"id", "account_id", "provider", "is_default", "added_by", "added_at", "known_at", "removed_at", "detached_at"}
    assert set(card.model_dump()) - about == set(CardFacts.__dataclass_fields__)


def test_the_job_goes_on_where_the_provider_did_not_answer(alpha: Identity, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(alpha, sandbox)
    answers = iter([Down(sandbox), sandbox])
    monkeypatch.setattr(flow, "required_provider", lambda: next(answers))
    with pytest.raises(ProviderDown):
        asyncio.run(run_now(flow.JOB, "a"))
    assert asyncio.run(run_now(flow.JOB, "a")) == Result(1)
    assert len(on_file(alpha)) == 1


def test_the_job_is_there_with_a_provider_only(alpha: Identity, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(alpha, sandbox)
    with database.read_session() as session:
        assert (flow.JOB.is_needed(), flow.JOB.waiting(session, clock.now())) == (True, 1)
        monkeypatch.setattr(flow, "provider", lambda: None)
        assert (flow.JOB.is_needed(), flow.JOB.waiting(session, clock.now())) == (False, 0)
