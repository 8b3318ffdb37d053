"""The contract of a payment provider, tested with the sandbox and with Stripe (a local stand-in server)."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from odoportal.rooms.cards import stripe_provider
from odoportal.rooms.cards.models import SetupState
from odoportal.rooms.cards.provider import NO_CARD, BadWebhook, CardRefused, Customer, Provider, ProviderDown, SetupResult, Webhook
from odoportal.rooms.cards.sandbox import Sandbox, Scenario
from odoportal.rooms.cards.stripe_provider import Stripe
from tests.server import free_port

ALPHA = Customer("", "1001", "Alpha inc.", "a@example.com", "fr")
SECRET = "whsec_of_the_tests"
DONE, BACK = "http://localhost/fr/cards?setup=1", "http://localhost/fr/cards"


@dataclass(frozen=True)
class Subject:
    """A provider, with functions that act as a customer on its hosted page."""

    provider: Provider
    accept: Callable[[str], None]
    accept_failing_later: Callable[[str], None]
    decline: Callable[[str], None]
    notice: Callable[[str], tuple[bytes, dict[str, str]]]


def sandboxed(folder: Path) -> Subject:
    sandbox = Sandbox(folder, "secret", "http://localhost/sandbox")

    def pressing(scenario: Scenario) -> Callable[[str], None]:
        return lambda ref: sandbox.choose(ref, scenario)

    return Subject(sandbox, pressing(Scenario.ACCEPTED), pressing(Scenario.LATER), pressing(Scenario.DECLINED), sandbox.webhook)


@pytest.fixture(scope="session")
def stripe_address() -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, "-m", "tests.rooms.cards.stripe_stand_in", str(port)]) as served:
        try:
            while not answers(address):
                with suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"the stand-in ended with {served.wait(0.1)}")
            yield address
        finally:
            served.kill()


def answers(address: str) -> bool:
    try:
        httpx.get(address)
    except httpx.ConnectError:
        return False
    return True


def signed(body: bytes, moment: float | None = None) -> dict[str, str]:
    at = str(int(time.time() if moment is None else moment))
    digest = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},v1={digest}"}


def event(kind: str, about: dict[str, Any]) -> bytes:
    told = {"id": f"evt_{about.get('id')}", "object": "event", "type": kind, "api_version": "2025-01-01", "data": {"object": about}}
    return json.dumps(told).encode()


def striped(address: str) -> Subject:
    def entering(number: str, status: str) -> Callable[[str], None]:
        def enter(ref: str) -> None:
            sent = {"number": number, "status": status}
            httpx.post(f"{address}/_stand_in/{ref}/card", json=sent, auth=("sk_test_1", "")).raise_for_status()

        return enter

    def notice(ref: str) -> tuple[bytes, dict[str, str]]:
        body = event("checkout.session.completed", {"id": ref, "object": "checkout.session"})
        return body, signed(body)

    accept, later = entering("4242424242424242", "succeeded"), entering("4000000000000341", "succeeded")
    return Subject(Stripe("sk_test_1", SECRET, address), accept, later, entering("4000000000000002", "canceled"), notice)


@pytest.fixture(params=["sandbox", "stripe"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return sandboxed(tmp_path) if request.param == "sandbox" else striped(request.getfixturevalue("stripe_address"))


def key_of(request: pytest.FixtureRequest, more: str = "") -> str:
    return f"{request.node.name}{more}"


def test_the_hosted_page_is_named_and_nothing_is_known_before_it_is_done(subject: Subject, request: pytest.FixtureRequest) -> None:
    begun = subject.provider.start(ALPHA, key_of(request), DONE, BACK)
    assert begun.url.startswith(("http://localhost/sandbox/", "https://checkout.stripe.com/"))
    assert subject.provider.finish(begun.ref).state is SetupState.OPEN


def test_a_repeated_start_is_the_same_setup_and_the_same_customer(subject: Subject, request: pytest.FixtureRequest) -> None:
    first, again = (subject.provider.start(ALPHA, key_of(request), DONE, BACK) for _ in range(2))
    assert first == again
    other = subject.provider.start(replace(ALPHA, ref=first.customer), key_of(request, "2"), DONE, BACK)
    assert other.customer == first.customer
    assert other.ref != first.ref


def test_a_lost_answer_makes_no_second_customer_whoever_of_the_account_comes_next(subject: Subject, request: pytest.FixtureRequest) -> None:
    first = subject.provider.start(ALPHA, key_of(request), DONE, BACK)
    colleague = replace(ALPHA, name="Alpha ltée", email="b@example.com", language="en")
    assert subject.provider.start(colleague, key_of(request, "2"), DONE, BACK).customer == first.customer


def test_a_setup_that_the_provider_does_not_know_is_given_up(subject: Subject) -> None:
    assert subject.provider.finish("cs_test_unknown") == SetupResult(SetupState.GIVEN_UP)
    assert subject.provider.look_up("pm_unknown") is None


def test_an_accepted_card_is_known_by_brand_last_four_and_expiry_only(subject: Subject, request: pytest.FixtureRequest) -> None:
    begun = subject.provider.start(ALPHA, key_of(request), DONE, BACK)
    subject.accept(begun.ref)
    ended = subject.provider.finish(begun.ref)
    assert ended.state is SetupState.DONE
    assert ended.card is not None
    assert (ended.card.brand, ended.card.last4) == ("visa", "4242")
    assert 1 <= ended.card.exp_month <= 12
    assert ended.card.exp_year > 2000
    assert subject.provider.finish(begun.ref) == ended
    assert subject.provider.look_up(ended.card.token) == ended.card


def test_a_declined_card_says_why(subject: Subject, request: pytest.FixtureRequest) -> None:
    begun = subject.provider.start(ALPHA, key_of(request), DONE, BACK)
    subject.decline(begun.ref)
    ended = subject.provider.finish(begun.ref)
    assert (ended.state, ended.card) == (SetupState.DECLINED, None)
    assert ended.reason


def card_of(subject: Subject, key: str, *, failing: bool = False) -> tuple[str, str]:
    begun = subject.provider.start(ALPHA, key, DONE, BACK)
    (subject.accept_failing_later if failing else subject.accept)(begun.ref)
    card = subject.provider.finish(begun.ref).card
    assert card is not None
    return begun.customer, card.token


def test_a_charge_is_taken_once_whatever_is_repeated(subject: Subject, request: pytest.FixtureRequest) -> None:
    customer, token = card_of(subject, key_of(request))
    first, again = (subject.provider.charge(customer, token, 57607, key_of(request), "212048") for _ in range(2))
    assert (first.state, first.amount, first.refunded) == ("succeeded", 57607, 0)
    assert again == first
    assert subject.provider.charge(customer, token, 57607, key_of(request, "2"), "212049").ref != first.ref


def test_a_declined_charge_is_an_answer(subject: Subject, request: pytest.FixtureRequest) -> None:
    customer, token = card_of(subject, key_of(request), failing=True)
    declined = subject.provider.charge(customer, token, 100, key_of(request), "212048")
    assert (declined.state, declined.reason) == ("declined", "card_declined")


def test_a_card_that_was_forgotten_is_never_charged_again(subject: Subject, request: pytest.FixtureRequest) -> None:
    customer, token = card_of(subject, key_of(request))
    other = subject.provider.start(replace(ALPHA, number="1002"), key_of(request, "2"), DONE, BACK).customer
    for whose in (other, customer):
        subject.provider.detach(token) if whose == customer else None
        with pytest.raises(CardRefused):
            subject.provider.charge(whose, token, 100, key_of(request, whose), "212048")


def test_a_refund_gives_back_once_and_never_more_than_was_taken(subject: Subject, request: pytest.FixtureRequest) -> None:
    customer, token = card_of(subject, key_of(request))
    charge = subject.provider.charge(customer, token, 1000, key_of(request), "212048")
    for _ in range(2):
        assert subject.provider.refund(charge.ref, 400, key_of(request)).refunded == 400
    with pytest.raises(CardRefused):
        subject.provider.refund(charge.ref, 601, key_of(request, "2"))
    assert subject.provider.refund(charge.ref, 600, key_of(request, "3")).refunded == 1000


def test_a_forgotten_card_is_gone_and_forgetting_again_is_no_error(subject: Subject, request: pytest.FixtureRequest) -> None:
    _, token = card_of(subject, key_of(request))
    subject.provider.detach(token)
    subject.provider.detach(token)
    assert subject.provider.look_up(token) is None


def test_a_webhook_says_only_what_to_look_at(subject: Subject, request: pytest.FixtureRequest) -> None:
    begun = subject.provider.start(ALPHA, key_of(request), DONE, BACK)
    subject.accept(begun.ref)
    body, headers = subject.notice(begun.ref)
    notice = subject.provider.verify_webhook(body, headers)
    assert notice == Webhook(setup=begun.ref)
    assert subject.provider.verify_webhook(*subject.notice(begun.ref)) == notice


@pytest.mark.parametrize("forged", ["body", "signature", "none", "words", "emptied"])
def test_a_forged_webhook_is_not_believed(subject: Subject, request: pytest.FixtureRequest, forged: str) -> None:
    begun = subject.provider.start(ALPHA, key_of(request), DONE, BACK)
    body, headers = subject.notice(begun.ref)
    name = next(name for name in headers if name.endswith("-signature"))
    bad = {"body": headers[name], "signature": headers[name][:-1] + "x", "none": "", "words": "t=é,v1=é", "emptied": "t=,v1="}[forged]
    with pytest.raises(BadWebhook):
        subject.provider.verify_webhook(body.replace(b"}", b" }", 1) if forged == "body" else body, {name: bad})


def test_stripe_tells_of_a_card_that_changed(stripe_address: str) -> None:
    provider = Stripe("sk_test_1", SECRET, stripe_address)
    body = event("payment_method.automatically_updated", {"id": "pm_1", "object": "payment_method"})
    assert provider.verify_webhook(body, signed(body)) == Webhook(token="pm_1")
    for other in (event("invoice.paid", {"id": "in_1", "object": "invoice"}), event("balance.available", {"object": "balance"})):
        assert provider.verify_webhook(other, signed(other)) is None


@pytest.mark.parametrize("kind", ["payment_method.updated", "payment_method.detached", "payment_method.automatically_updated"])
@pytest.mark.parametrize("type_", ["acss_debit", "link", "us_bank_account"])
def test_a_payment_method_that_is_no_card_is_none_of_the_portals_business(stripe_address: str, kind: str, type_: str) -> None:
    provider = Stripe("sk_test_1", SECRET, stripe_address)
    body = event(kind, {"id": "pm_1", "object": "payment_method", "type": type_, "customer": "cus_1", type_: {"last4": "6789"}})
    assert provider.verify_webhook(body, signed(body)) is None


def test_a_setup_that_ended_without_a_card_is_declined_and_says_so(stripe_address: str, request: pytest.FixtureRequest) -> None:
    provider = Stripe("sk_test_1", SECRET, stripe_address)
    begun = provider.start(ALPHA, key_of(request), DONE, BACK)
    sent = {"number": "", "status": "succeeded"}
    httpx.post(f"{stripe_address}/_stand_in/{begun.ref}/card", json=sent, auth=("sk_test_1", "")).raise_for_status()
    assert provider.finish(begun.ref) == SetupResult(SetupState.DECLINED, reason=NO_CARD)
    made = {"type": "sepa_debit", "sepa_debit[iban]": "DE89370400440532013000"}
    method = httpx.post(f"{stripe_address}/v1/payment_methods", data=made, auth=("sk_test_1", "")).raise_for_status().json()["id"]
    sent = {"customer": begun.customer}
    httpx.post(f"{stripe_address}/v1/payment_methods/{method}/attach", data=sent, auth=("sk_test_1", "")).raise_for_status()
    assert provider.look_up(method) is None


def test_a_customer_that_was_deleted_at_stripe_is_made_anew_once(stripe_address: str, request: pytest.FixtureRequest) -> None:
    provider, asked = Stripe("sk_test_1", SECRET, stripe_address), replace(ALPHA, number=key_of(request))
    before = provider.start(asked, key_of(request), DONE, BACK)
    httpx.delete(f"{stripe_address}/v1/customers/{before.customer}", auth=("sk_test_1", "")).raise_for_status()
    # Neither the id that the portal has stored, nor the one that Stripe repeats for a known key.
    begun = [provider.start(replace(asked, ref=ref), key_of(request), DONE, BACK) for ref in (before.customer, "", before.customer)]
    assert len({(setup.customer, setup.ref) for setup in begun}) == 1
    assert begun[0].customer != before.customer
    assert provider.finish(begun[0].ref).state is SetupState.OPEN


def test_an_old_webhook_of_stripe_is_not_believed(stripe_address: str) -> None:
    body = event("checkout.session.completed", {"id": "cs_1", "object": "checkout.session"})
    with pytest.raises(BadWebhook):
        Stripe("sk_test_1", SECRET, stripe_address).verify_webhook(body, signed(body, time.time() - 600))


def test_a_page_of_stripe_that_was_left_is_given_up(stripe_address: str, request: pytest.FixtureRequest) -> None:
    provider = Stripe("sk_test_1", SECRET, stripe_address)
    begun = provider.start(ALPHA, key_of(request), DONE, BACK)
    httpx.post(f"{stripe_address}/_stand_in/{begun.ref}/expire", auth=("sk_test_1", "")).raise_for_status()
    assert provider.finish(begun.ref).state is SetupState.GIVEN_UP


def test_a_stripe_that_does_not_answer_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_provider, "RETRIES", 0)
    with pytest.raises(ProviderDown):
        Stripe("sk_test_1", SECRET, f"http://127.0.0.1:{free_port()}").finish("cs_test_1")


def test_live_keys_are_told_from_test_keys() -> None:
    assert [(made.test, made.name) for made in (Stripe("sk_test_1", SECRET), Stripe("rk_test_1", SECRET), Stripe("sk_live_1", SECRET))] == [
        (True, "stripe_test"),
        (True, "stripe_test"),
        (False, "stripe"),
    ]
