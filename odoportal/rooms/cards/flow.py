"""Calls to the payment provider: each is made outside any database transaction, and its answer is stored afterwards.

No step relies on a later one. After a crash, a lost connection or a repeated message, the next of these finishes the work: the browser's
return, the webhook, or the reconciliation that runs every minute.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import lru_cache
from typing import ParamSpec, TypeVar
from urllib.parse import urlencode

from sqlmodel import Session

from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.identity import Identity
from odoportal.jobs.schedule import Every, Job, Result
from odoportal.observability.failures import Failures
from odoportal.rooms.cards import service
from odoportal.rooms.cards.models import CardSetup, SetupState
from odoportal.rooms.cards.provider import CardRefused, Customer, Provider, ProviderDown
from odoportal.rooms.cards.sandbox import Sandbox
from odoportal.settings import get_settings

P = ParamSpec("P")
T = TypeVar("T")
SANDBOX_PAGE = "/sandbox"
TIMEOUT_SECONDS = 20
"""The longest wait for the provider, less than the 30 seconds a browser waits."""
SHORTEST_POLL_INTERVAL = timedelta(seconds=2)
"""The shortest time between two requests to the provider about a setup, however often the browser reloads the page."""
_log = logging.getLogger("odoportal.cards")
# A separate pool, so that a hanging provider does not block the threads that read the database.
_pool = ThreadPoolExecutor(4, thread_name_prefix="provider")


class NoProvider(LookupError):
    """The portal has no payment provider."""


def provider() -> Provider | None:
    """Return the portal's payment provider: Stripe if its key is set, else the sandbox, or None in production without a key."""
    settings = get_settings()
    if key := settings.stripe_key.get_secret_value():
        return _stripe(key, settings.stripe_webhook_secret.get_secret_value())
    return None if settings.mode == "production" else sandbox()


def required_provider() -> Provider:
    """Return the portal's payment provider.

    Raises:
        NoProvider: If it has none.
    """
    if (chosen := provider()) is None:
        raise NoProvider
    return chosen


@lru_cache
def _stripe(key: str, webhook_secret: str) -> Provider:
    # Imported here because the library is large, and a portal without Stripe does not need it.
    from odoportal.rooms.cards.stripe_provider import Stripe

    return Stripe(key, webhook_secret)


def sandbox() -> Sandbox:
    """Return the built-in sandbox provider.

    Raises:
        RuntimeError: in production, where the sandbox must never run.
    """
    settings = get_settings()
    if settings.mode == "production":
        raise RuntimeError("the sandbox of the payment provider does not run in production")
    page = f"{settings.origin}{SANDBOX_PAGE}"
    return Sandbox(settings.data_dir, settings.secret.get_secret_value(), page)


def form_origins() -> tuple[str, ...]:
    """Return the origins of other sites that the form for adding a card redirects to."""
    chosen = provider()
    return (chosen.page,) if chosen is not None and chosen.page else ()


async def _call(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the provider in a thread of its pool.

    Raises:
        ProviderDown: the provider failed, or did not answer within `TIMEOUT_SECONDS`; in that case the call may still complete.
    """
    context = contextvars.copy_context()
    call = asyncio.get_running_loop().run_in_executor(_pool, lambda: context.run(work, *args, **kwargs))
    try:
        return await asyncio.wait_for(call, TIMEOUT_SECONDS)
    except TimeoutError as slow:
        raise ProviderDown("no answer in time") from slow


async def start(who: Identity, language: str, once: str, client: str, chosen: Provider) -> str:
    """Begin to add a card and return the URL to redirect to: the provider's page, or ours if the same form's setup has already ended.

    Raises:
        NotAllowed: the person lacks the right.
        ProviderDown: the provider does not answer. Submitting the same form again continues the setup.
        CardRefused: the provider refuses.
        service.TooManyCards: the account has too many cards or setups.
    """
    account = who.account
    setup = await write(service.begin, who, chosen.name, once, client, clock.now())
    account_query, page = {"account": account.number}, f"{get_settings().origin}/{language}/cards"
    done_url, back_url = f"{page}?{urlencode({**account_query, 'setup': setup.key})}", f"{page}?{urlencode(account_query)}"
    if setup.state != SetupState.OPEN:
        return done_url
    ref = await read(service.customer_ref, account.account_id, chosen.name)
    customer = Customer(ref, account.number, account.name, who.email, language)
    started = await _call(chosen.start, customer, setup.key, done_url, back_url)
    await write(service.store_started, setup.key, started)
    return started.url


async def settle(setup: CardSetup, chosen: Provider) -> CardSetup:
    """Ask the provider for the result of a setup, store it, and return the setup.

    Raises:
        ProviderDown: the provider does not answer.
        CardRefused: the provider refuses to answer about this setup.
    """
    if setup.state != SetupState.OPEN or not setup.token or setup.provider != chosen.name:
        return setup
    result = await _call(chosen.finish, setup.token)
    return await write(service.settle, setup.key, result, clock.now(), clock.today())


async def finish_setup(who: Identity, key: str, chosen: Provider) -> None:
    """Settle the setup that a browser returned from. The key comes from the URL, so only a setup of the person's account is settled.

    If the provider does not answer, the setup stays open until a webhook or the next reconciliation.
    """
    setup = await read(service.setup_of, who.account.account_id, key)
    if setup is None or (setup.asked_at is not None and clock.now() - setup.asked_at < SHORTEST_POLL_INTERVAL):
        return
    try:
        await settle(setup, chosen)
    except (ProviderDown, CardRefused) as why:
        _log.warning("the result of adding a card could not be read from the payment provider: %s", why)


async def handle_webhook(body: bytes, headers: Mapping[str, str], chosen: Provider) -> None:
    """Handle a webhook. It only says which record to look up, so repeated, late or reordered webhooks do no harm.

    Raises:
        BadWebhook: the webhook is forged or too old.
        ProviderDown, CardRefused: the provider does not answer, or refuses; it will send the webhook again.
    """
    webhook = chosen.verify_webhook(body, headers)
    if webhook is None:
        return
    if webhook.setup and (setup := await read(service.setup_by_ref, chosen.name, webhook.setup)) is not None:
        await settle(setup, chosen)
    if webhook.token:
        asked_at = clock.now()
        facts = await _call(chosen.look_up, webhook.token)
        await write(service.refresh, chosen.name, webhook.token, facts, asked_at, clock.today())


async def forget(token: str, chosen: Provider) -> None:
    """Ask the provider to forget a removed card. On failure, the next reconciliation asks again."""
    try:
        await _call(chosen.detach, token)
    except (ProviderDown, CardRefused) as why:
        _log.warning("a removed card could not be deleted at the payment provider: %s", why)
    else:
        await write(service.mark_detached, chosen.name, token, clock.now())


async def reconcile(chosen: Provider) -> Result:
    """Finish what a lost webhook or an unreachable provider left undone: settle open setups, and have removed cards forgotten.

    What failed waits for the next reconciliation.

    Raises:
        ProviderDown: the provider does not answer; the rest waits for the next reconciliation.
    """
    failures = Failures("cards", ends=(ProviderDown,))
    setups, cards = await read(service.due_setups, chosen.name, clock.now()), await read(service.cards_to_detach, chosen.name)
    for setup in setups:
        with failures.skip(f"setup {setup.id}"):
            await settle(setup, chosen)
    for card in cards:
        with failures.skip(f"card {card.id}"):
            await forget(card.token, chosen)
    return Result(len(setups) + len(cards) - len(failures.items), len(failures.items))


async def _reconcile() -> Result:
    chosen = required_provider()
    return await reconcile(chosen)


def _count_due(session: Session, now: datetime) -> int:
    chosen = provider()
    return len(service.due_setups(session, chosen.name, now)) + len(service.cards_to_detach(session, chosen.name)) if chosen else 0


JOB = Job("cards", Every(timedelta(minutes=1)), _reconcile, _count_due, only_if_waiting=True, is_needed=lambda: provider() is not None)
"""Asks the provider about open setups, and has removed cards forgotten, every minute."""
