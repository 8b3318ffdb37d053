"""Between the portal and the provider: ask outside every transaction, then write down what was answered.

No step relies on the one after it. Whoever is killed, cut off or told twice in between leaves something that the next one finds: the way
back, the webhook, or the round that is made every minute.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import lru_cache
from typing import ParamSpec, TypeVar
from urllib.parse import urlencode

from sqlalchemy.exc import SQLAlchemyError

from odoportal.core import clock
from odoportal.core.database import read, write
from odoportal.core.identity import Identity
from odoportal.rooms.cards import service
from odoportal.rooms.cards.models import CardSetup, SetupState
from odoportal.rooms.cards.provider import Customer, Provider, ProviderDown, Refused
from odoportal.rooms.cards.sandbox import Sandbox
from odoportal.settings import get_settings

P = ParamSpec("P")
T = TypeVar("T")
SANDBOX_PAGE = "/sandbox"
ASK_AGAIN_SECONDS = 60
PATIENCE_SECONDS = 20
"""The longest wait for a provider: a browser waits for 30."""
PACE = timedelta(seconds=2)
"""A browser that asks again and again does not ask the provider more often."""
_log = logging.getLogger("odoportal.cards")
# Threads of their own: a provider that hangs keeps nobody waiting who only reads.
_askers = ThreadPoolExecutor(4, thread_name_prefix="provider")


def provider() -> Provider | None:
    """The provider of this portal: Stripe where its keys are set, else the sandbox, and none in production without keys."""
    settings = get_settings()
    if key := settings.stripe_key.get_secret_value():
        return _stripe(key, settings.stripe_webhook_secret.get_secret_value())
    return None if settings.mode == "production" else sandbox()


@lru_cache
def _stripe(key: str, webhook_secret: str) -> Provider:
    # The library is heavy, and a portal without Stripe never needs it.
    from odoportal.rooms.cards.stripe_provider import Stripe

    return Stripe(key, webhook_secret)


def sandbox() -> Sandbox:
    """The embedded sandbox.

    Raises:
        RuntimeError: in production, where it must never answer.
    """
    settings = get_settings()
    if settings.mode == "production":
        raise RuntimeError("the sandbox of the payment provider does not run in production")
    page = f"{settings.origin}{SANDBOX_PAGE}"
    return Sandbox(settings.data_dir, settings.secret.get_secret_value(), page)


def pages() -> tuple[str, ...]:
    """The origins of other sites that the form which adds a card leads to."""
    chosen = provider()
    return (chosen.page,) if chosen is not None and chosen.page else ()


async def _ask(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the provider from one of its threads.

    Raises:
        ProviderDown: also where it does not answer in time; the call may go on all the same.
    """
    context = contextvars.copy_context()
    asked = asyncio.get_running_loop().run_in_executor(_askers, lambda: context.run(work, *args, **kwargs))
    try:
        return await asyncio.wait_for(asked, PATIENCE_SECONDS)
    except TimeoutError as slow:
        raise ProviderDown("no answer in time") from slow


async def start(who: Identity, language: str, once: str, client: str, chosen: Provider) -> str:
    """Begin to add a card; the address to go on to: the provider's page, or ours where the same form led to a card before.

    Raises:
        NotAllowed: the person may not.
        ProviderDown: when the provider does not answer. The same form sent again goes on where it stopped.
        Refused: when the provider does not want to.
        service.TooMany: when the account has too many.
    """
    account = who.account
    setup = await write(service.begin, who, chosen.name, once, client, clock.now())
    here, page = {"account": account.number}, f"{get_settings().origin}/{language}/cards"
    done_url, back_url = f"{page}?{urlencode({**here, 'setup': setup.key})}", f"{page}?{urlencode(here)}"
    if setup.state != SetupState.OPEN:
        return done_url
    ref = await read(service.customer_ref, account.account_id, chosen.name)
    customer = Customer(ref, account.number, account.name, who.email, language)
    begun = await _ask(chosen.start, customer, setup.key, done_url, back_url)
    await write(service.started, setup.key, begun)
    return begun.url


async def settle(setup: CardSetup, chosen: Provider) -> CardSetup:
    """Ask the provider what became of a setup, and write it down.

    Raises:
        ProviderDown: when the provider does not answer, or does not want to.
    """
    if setup.state != SetupState.OPEN or not setup.token or setup.provider != chosen.name:
        return setup
    try:
        ended = await _ask(chosen.finish, setup.token)
    except Refused as why:
        raise ProviderDown(str(why)) from why
    return await write(service.settle, setup.key, ended, clock.now(), clock.today())


async def finish_setup(who: Identity, key: str, chosen: Provider) -> None:
    """The browser is back from the provider's page, with a key that may be anybody's: what became of its own is written down.

    Where the provider does not answer now, the setup stays open: the webhook or the next round settles it.
    """
    setup = await read(service.setup_of, who.account.account_id, key)
    if setup is None or (setup.asked_at is not None and clock.now() - setup.asked_at < PACE):
        return
    try:
        await settle(setup, chosen)
    except ProviderDown as why:
        _log.warning("the payment provider does not say what became of a card: %s", why)


async def handle_webhook(body: bytes, headers: Mapping[str, str], chosen: Provider) -> None:
    """Deal with a webhook. It only says where to look, so hearing it twice, late or in another order changes nothing.

    Raises:
        BadNotice: when it is none of the provider's.
        ProviderDown: when the provider does not answer: it will tell again.
    """
    notice = chosen.hear(body, headers)
    if notice is None:
        return
    if notice.setup and (setup := await read(service.setup_by_ref, chosen.name, notice.setup)) is not None:
        await settle(setup, chosen)
    if notice.token:
        asked_at = clock.now()
        facts = await _ask(chosen.look_up, notice.token)
        await write(service.refresh, chosen.name, notice.token, facts, asked_at, clock.today())


async def forget(token: str, chosen: Provider) -> None:
    """Make the provider forget a removed card. Where it does not now, the next round asks again."""
    try:
        await _ask(chosen.detach, token)
    except (ProviderDown, Refused) as why:
        _log.warning("the payment provider does not forget a card yet: %s", why)
    else:
        await write(service.detached, chosen.name, token, clock.now())


async def reconcile(chosen: Provider) -> None:
    """What was left undone because the provider did not answer or its webhook was lost: ends of setups, and cards to be forgotten.

    Raises:
        ProviderDown: when the provider does not answer; the rest waits for the next round.
    """
    for setup in await read(service.due_setups, chosen.name, clock.now()):
        await settle(setup, chosen)
    for card in await read(service.undetached, chosen.name):
        await forget(card.token, chosen)


async def reconcile_forever() -> None:
    """Catch up every minute, for as long as the portal runs; the first time at its start, for what the last one left."""
    while (chosen := provider()) is not None:
        try:
            await reconcile(chosen)
        except (ProviderDown, SQLAlchemyError) as why:
            _log.warning("cards could not be brought up to date: %s", type(why).__name__)
        await asyncio.sleep(ASK_AGAIN_SECONDS)
