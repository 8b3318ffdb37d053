"""The guards, each with the text that takes it out and the tests that must then fail.

A text stands exactly once in its module; a test of the ordinary run (`test_mutants`) says so as soon as the code has moved on.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

ATTACK = "tests/attack"


@dataclass(frozen=True)
class Mutant:
    """One guard taken out: `old` becomes `new` in a module, and one of the tests must fail."""

    guard: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def source(self) -> str:
        """The module as it stands."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).read_text("utf-8")


def _mutant(guard: str, module: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(guard, f"odoportal.{module}", old, new, tests)


REGISTRY = f"{ATTACK}/test_registry.py"
HANDLERS = f"{ATTACK}/test_handlers.py"
FOREIGN = f"{ATTACK}/test_foreign.py"
ENDS = f"{ATTACK}/test_session_ends.py"
ORIGINS = f"{ATTACK}/test_origins.py"
RIGHTS = f"{ATTACK}/test_rights.py"
STORED = f"{ATTACK}/test_stored.py"
ROUTES = "tests/rooms/signin/test_routes.py"
LINKS = "tests/rooms/signin/test_links.py"
NOTICES = "tests/rooms/notifications"
STOP = f"{ATTACK}/test_unsubscribe.py"
PASSWORD = "tests/rooms/security/test_password.py"
PASSKEYS = "tests/rooms/security/test_passkeys.py"
SECOND = "tests/rooms/security/test_second_step.py"
CARDS = "tests/rooms/cards/test_service.py"
HOOKS = "tests/rooms/cards/test_provider.py"
FRAMES = "tests/web/test_socket_filter.py"
INCOMING = "tests/web/test_socket_limits.py"
RAW = f"{ATTACK}/test_raw_sockets.py"
ENDING = "tests/rooms/people/test_ending.py"
UNSOLICITED = "tests/accounts/test_unsolicited.py"
EMAIL_STAYS = "tests/rooms/security/test_email_stays.py"
IMPORTED = "tests/importing/test_people.py"
CONNECTIONS = "tests/web/test_connections.py"
SERVING = "tests/test_serving.py"
THROTTLE = "tests/limits/test_rate_limits.py"
KNOWN = "tests/rooms/security/test_known_browsers.py"
CONFIRM = "tests/rooms/signin/test_confirm.py"
QUEUE = "tests/rooms/signin/test_queue.py"
WORKQUEUE = "tests/limits/test_work_queue.py"
PACKAGES = "tests/frontend/test_packages.py"
PICTURES = "tests/pictures"

MUTANTS = (
    # Whose it is.
    _mutant(
        "one order is of the account",
        "rooms.orders.service",
        "select(Order).where(Order.account_id == account_id, Order.number == number)",
        "select(Order).where(Order.number == number)",
        FOREIGN,
        REGISTRY,
    ),
    _mutant(
        "one invoice is of the account",
        "rooms.invoices.service",
        "select(Invoice).where(Invoice.account_id == account_id, Invoice.number == number)",
        "select(Invoice).where(Invoice.number == number)",
        FOREIGN,
        REGISTRY,
    ),
    _mutant(
        "one credit note is of the account",
        "rooms.invoices.credit_notes",
        "CreditNote.account_id == account_id, CreditNote.number == number",
        "CreditNote.number == number",
        REGISTRY,
    ),
    _mutant(
        "the invoices of a ZIP are of the account",
        "rooms.invoices.archive",
        ".where(Invoice.account_id == account_id, col(Invoice.number).in_(numbers))",
        ".where(col(Invoice.number).in_(numbers))",
        REGISTRY,
    ),
    _mutant(
        "a list is of the account",
        "rooms.orders.service",
        "where = _where(search.of_account(Order, account_id), query, today)",
        "where = _where(true(), query, today)",
        "tests/rooms/orders/test_exports.py",
    ),
    _mutant(
        "the invoices of a statement are of the account",
        "rooms.statements.service",
        "return and_(col(Invoice.account_id) == account_id, col(Invoice.issued_on) >= days[0]",
        "return and_(col(Invoice.issued_on) >= days[0]",
        "tests/rooms/statements",
    ),
    _mutant(
        "the account of the address is the person's",
        "rooms.signin.sessions",
        "next((m for m in memberships if account_number in {None, m.number}), None)",
        "next((m for m in memberships if account_number in {None, m.number}), memberships[0])",
        FOREIGN,
    ),
    # The gate.
    _mutant(
        "an event of nobody's is refused",
        "web.event_gate",
        "if who is None and event.name not in INTERNAL:",
        "if False and event.name not in INTERNAL:",
        HANDLERS,
        REGISTRY,
    ),
    _mutant("a handler asks for its right", "web.event_gate", "if not self.allowed(who, event.name):", "if False:", RIGHTS),
    _mutant("a payload fits its model", "web.event_gate", "if not self._payload_fits(event):", "if False:", RIGHTS),
    _mutant("what sets variables is closed", "web.event_gate", "if event.name.endswith(_CLOSED):", "if False:", HANDLERS),
    _mutant(
        "a state belongs to one identity",
        "web.event_gate",
        "if before != key:",
        "if False:",
        f"{ATTACK}/test_controls.py",
        FOREIGN,
    ),
    _mutant(
        "a click meant for another account is not done",
        "web.event_gate",
        "if changed and not event.name.endswith(_BY_ITSELF):",
        "if False:",
        RIGHTS,
    ),
    _mutant(
        "events have a limit",
        "web.event_gate",
        "if over := await self._pace.over(subject):",
        "if over := 0:",
        f"{ATTACK}/test_forged_events.py",
        "tests/web/test_event_gate.py",
    ),
    # Documents, files, forms.
    _mutant(
        "a page is for who is signed in",
        "web.document_server",
        "if page.private and (turned := await self._turned_away(request, language, page, who)):",
        "if who and page.private and (turned := await self._turned_away(request, language, page, who)):",
        REGISTRY,
    ),
    _mutant(
        "a file is for who is signed in",
        "web.document_server",
        "        asker.set(who)\n        if who is None:\n",
        "        asker.set(who)\n        if False:\n",
        REGISTRY,
    ),
    _mutant(
        "a route asks for its right",
        "accounts.rights",
        "return await endpoint(request) if may(require_identity().account.role, right) else",
        "return await endpoint(request) if True else",
        "tests/accounts",
        RIGHTS,
    ),
    _mutant(
        "a page that only shows needs what its state says",
        "accounts.rights",
        'next((state.needs for state in registered.states if hasattr(state, "needs")), Right.SEE)',
        "Right.SEE",
        RIGHTS,
    ),
    _mutant(
        "an account that requires a second factor holds back whoever has none",
        "rooms.signin.sessions",
        "HELD_BACK if two_step and held_back else role",
        "role",
        "tests/rooms/people/test_two_step.py",
        f"{ATTACK}/test_held_back.py",
    ),
    _mutant(
        "the second factor stays on while an account requires it",
        "rooms.security.forms",
        "if name := two_factor.kept_for(session, sent.who.person_id):",
        "if (name := two_factor.kept_for(session, sent.who.person_id)) is None:",
        "tests/rooms/security/test_second_step.py",
    ),
    _mutant(
        "changes are of the account",
        "rooms.activity.service",
        "[search.of_account(Change, account_id), search.matching(",
        "[search.matching(",
        "tests/rooms/activity/test_changes.py",
        "tests/accounts/test_scope.py",
    ),
    _mutant(
        "of a person's own sign-in owners are told only that it changed",
        "accounts.activity_log",
        "if account_id is None and subject_id is not None and what in TOLD:",
        "if account_id is None and subject_id is not None:",
        "tests/rooms/activity/test_changes.py",
    ),
    _mutant(
        "a form asks for its right",
        "forms.handling",
        "if may(who.account.role, rule.right):",
        "if True:",
        "tests/forms/test_handling.py",
        f"{ATTACK}/test_forms.py",
    ),
    _mutant(
        "a form takes no other field",
        "forms.handling",
        'extra="forbid", hide_input_in_errors',
        'extra="ignore", hide_input_in_errors',
        "tests/forms/test_handling.py",
        f"{ATTACK}/test_forms.py",
    ),
    _mutant(
        "who changes people still may",
        "accounts.rights",
        "if mine is None or not may(mine.role, right):",
        "if mine is None:",
        "tests/rooms/people/test_service.py",
    ),
    _mutant(
        "a state's browser never gets the cookie",
        "web.document_server",
        'await self.app({**scope, "headers": _hashed_cookie(scope)}, receive, send)',
        "await self.app(scope, receive, send)",
        f"{ATTACK}/test_canaries.py",
        HANDLERS,
        FOREIGN,
    ),
    _mutant(
        "files have a limit",
        "web.document_server",
        "if not await quotas.within_quota(limit, who, str(who.person_id)):",
        "if False:",
        "tests/web/test_document_server.py",
    ),
    _mutant(
        "forms have a limit",
        "forms.handling",
        "if not await rate_limits.hit(FORMS_PER_PERSON, str(who.person_id), alone=True):",
        "if False:",
        "tests/forms/test_handling.py",
    ),
    # Other sites.
    _mutant(
        "a request of two lengths ends its connection",
        "web.document_server",
        "if headers.ambiguous(request):",
        "if False:",
        f"{ATTACK}/test_requests.py",
    ),
    _mutant(
        "a form that another site sent is refused",
        "web.headers",
        'if site is not None and site not in {"same-origin", "none"}:',
        "if False:",
        ORIGINS,
    ),
    _mutant(
        "a form of another origin is refused",
        "web.headers",
        "return origin is not None and origin.lower() != get_settings().origin",
        "return False",
        ORIGINS,
    ),
    _mutant(
        "the way on after signing in stays here",
        "rooms.signin.return_url",
        "or not _stays(wanted):",
        "or False:",
        f"{ATTACK}/test_addresses.py",
    ),
    _mutant(
        "no page is shown in a frame",
        "web.headers",
        "frame-ancestors 'none'; {forms}",
        "{forms}",
        f"{ATTACK}/test_answers.py",
    ),
    # Sessions.
    _mutant("a session has an idle end", "rooms.signin.sessions", "or (idle is not None and now >= idle)", "or False", ENDS),
    _mutant("a session has an absolute end", "rooms.signin.sessions", "return now >= absolute or", "return False or", ENDS),
    _mutant(
        "a disabled person has no session",
        "rooms.signin.sessions",
        'col(BrowserSession.hash) == bindparam("hash"), col(Person.disabled_at).is_(None))',
        'col(BrowserSession.hash) == bindparam("hash"))',
        ENDS,
    ),
    _mutant(
        "signing out ends the session",
        "rooms.signin.sessions",
        "return session.exec(sql_delete(BrowserSession).where(col(BrowserSession.hash) == session_hash)).rowcount == 1",
        "return True",
        ENDS,
    ),
    _mutant(
        "a reset ends every session",
        "rooms.signin.service",
        "    sessions.end_all(session, person.id)\n    two_factor.trust",
        "    two_factor.trust",
        LINKS,
    ),
    _mutant(
        "a sign-in ends the session before it",
        "rooms.signin.service",
        "        sessions.sign_out(session, before)\n",
        "        pass\n",
        ENDS,
    ),
    _mutant(
        "scripts cannot read the cookie",
        "rooms.signin.cookies",
        'cookie_name(secure), token, max_age=age, path="/", secure=secure, httponly=True',
        'cookie_name(secure), token, max_age=age, path="/", secure=secure, httponly=False',
        ENDS,
    ),
    _mutant(
        "a document counts as being there",
        "web.document_server",
        "            await self.touch(who)\n        asked =",
        "            pass\n        asked =",
        ENDS,
    ),
    # Cards.
    _mutant(
        "a card is of the account",
        "rooms.cards.service",
        "select(Card).where(Card.account_id == account_id, Card.provider",
        "select(Card).where(Card.provider",
        CARDS,
    ),
    _mutant(
        "a card's way back is of the account",
        "rooms.cards.service",
        "where(CardSetup.account_id == account_id, CardSetup.key == key)",
        "where(CardSetup.key == key)",
        "tests/rooms/cards/test_flow.py",
    ),
    _mutant(
        "who sets out to add a card may",
        "rooms.cards.service",
        "    require_right(session, who, Right.BILLING)\n    account_id",
        "    account_id",
        CARDS,
    ),
    _mutant(
        "who changes a card may",
        "rooms.cards.service",
        "    require_right(session, who, Right.BILLING)\n    account_cards",
        "    account_cards",
        CARDS,
    ),
    _mutant(
        "the sandbox's webhook is signed",
        "rooms.cards.sandbox",
        'if signature is None or not hmac.compare_digest(signature["by"].encode(), self._sign(signature["at"], body).encode()):',
        "if signature is None:",
        HOOKS,
    ),
    _mutant(
        "the sandbox's webhook is of the last minutes",
        "rooms.cards.sandbox",
        'if abs(clock.now().timestamp() - int(signature["at"])) > LONGEST_AGE.total_seconds():',
        "if False:",
        "tests/rooms/cards/test_flow.py",
    ),
    _mutant(
        "Stripe's webhook is of the last minutes",
        "rooms.cards.stripe_provider",
        'headers.get("stripe-signature", ""), self._webhook_secret)',
        'headers.get("stripe-signature", ""), self._webhook_secret, 10**9)',
        HOOKS,
    ),
    # What is held open, and who asks.
    *(
        _mutant(guard, "web.connections", old, new, CONNECTIONS)
        for guard, old, new in (
            ("a request's head and body have a time", "if now - since >= connection.patience:", "if False:"),
            ("a byte earns a head or body no more time", "if awaited is not self._awaited:", "if True:"),
            ("an answer must be read", "return now - self._since >= limits.unread_seconds", "return False"),
            ("there is an end to connections", "if mine or self._all >= self.limits.connections:", "if mine:"),
            (
                "there is an end to the connections of a peer",
                "mine = self._open[connection.address] >= self.limits.connections_per_address if self.by_address else False",
                "mine = False",
            ),
            ("what is no page has the headers, too", ", *headers.of_every_answer()]", "]"),
        )
    ),
    _mutant("there is an end to websockets", "web.open_sockets", "elif self._all >= self.limits.sockets:", "elif False:", CONNECTIONS),
    _mutant(
        "there is an end to the websockets of an address",
        "web.open_sockets",
        "if self._open[key] >= self.limits.sockets_per_address:",
        "if False:",
        CONNECTIONS,
    ),
    _mutant(
        "connections are counted by /64",
        "web.open_sockets",
        'key = rate_limits.address_key(scope["client"][0] if scope.get("client") else "")',
        'key = scope["client"][0]',
        CONNECTIONS,
    ),
    _mutant(
        "what strangers cause is logged once in a while",
        "observability.log_pacing",
        "if (now := self._clock()) < self._next:",
        "if (now := self._clock()) < 0:",
        CONNECTIONS,
    ),
    _mutant("a failed accept is no flood in the log", "serving", "elif count := self._seldom.due():", "elif count := 1:", CONNECTIONS),
    _mutant(
        "the limit on open files is raised",
        "limits.open_files",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (attainable(), hard))",
        "pass",
        CONNECTIONS,
    ),
    _mutant("an address has no port", "web.client_address", "        bare = found[1]\n", "        return bare\n", SERVING),
    _mutant(
        "what is no address is nobody's",
        "web.client_address",
        "    except ValueError:\n        return None",
        "    except ValueError:\n        return bare",
        SERVING,
    ),
    *(
        _mutant(guard, module, old, new, "tests/core/test_private_files.py")
        for guard, module, old, new in (
            ("a database is its owner's only", "core.database", "private_files.file(self._path)", "self._path.touch(0o666)"),
            (
                "what lies beside a database is its owner's only",
                "core.database",
                "private_files.narrow(self._path",
                "private_files.is_wide(self._path",
            ),
            (
                "a file is its owner's only",
                "core.private_files",
                "os.O_WRONLY | os.O_CREAT, FILE))\n    narrow(path)",
                "os.O_WRONLY | os.O_CREAT, 0o666))",
            ),
            ("a folder is its owner's only", "core.private_files", "path.mkdir(FOLDER, exist_ok=True)", "path.mkdir(exist_ok=True)"),
        )
    ),
    _mutant(
        "the public address is as browsers write it",
        "settings",
        'return origin_of(value) if value else ""',
        "return value",
        "tests/test_public_origin.py",
    ),
    _mutant(
        "an app of another secret is told",
        "rooms.signin.two_factor",
        "return not named or hmac.compare_digest(name, _key_name())",
        "return True",
        SECOND,
    ),
    _mutant(
        "what is no path is refused with the headers",
        "web.request_targets",
        'or scope["path"].startswith("/"):',
        "or True:",
        "tests/web/test_headers.py",
    ),
    _mutant(
        "there is an end to what somebody has under way",
        "limits.concurrent_files",
        "if self._held[key] >= self._each or",
        "if",
        "tests/limits/test_concurrent_files.py",
    ),
    _mutant(
        "there is an end to what all have under way",
        "limits.concurrent_files",
        " or self._taken >= self._all:",
        ":",
        "tests/limits/test_concurrent_files.py",
    ),
    *(
        _mutant(guard, module, old, "if True:", test)
        for guard, module, old, test in (
            (
                "lists hold a place",
                "lists.spooled_file",
                "with concurrent_files.FILES.held(self._key):",
                "tests/limits/test_concurrent_files.py",
            ),
            (
                "documents hold a place",
                "documents.routes",
                "with concurrent_files.DOCUMENTS.held(who.person_id):",
                "tests/rooms/invoices/test_archive.py",
            ),
            (
                "archives hold a place",
                "rooms.invoices.archive",
                'with concurrent_files.FILES.held(f"{person_id}"):',
                "tests/rooms/invoices/test_archive.py",
            ),
            (
                "statements hold a place",
                "rooms.statements.pdf",
                'with concurrent_files.FILES.held(f"{who.person_id}"):',
                "tests/rooms/statements/test_pdf.py",
            ),
        )
    ),
    # Guessing.
    _mutant(
        "an account's failures make it wait",
        "rooms.signin.attempts",
        "waiting = waiting or not await rate_limits.begin(key, now)",
        "waiting = waiting or False",
        ROUTES,
    ),
    _mutant(
        "an address's failures are limited",
        "rooms.signin.attempts",
        "if not await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address):",
        "if False:",
        ROUTES,
    ),
    _mutant(
        "the IPv6 networks of one subscriber are limited together",
        "limits.rate_limits",
        "return [limit, *around]",
        "return [limit]",
        THROTTLE,
    ),
    *(
        _mutant(guard, "limits.counters", old, new, THROTTLE)
        for guard, old, new in (
            ("each kind of limit has a store of its own", 'return self._hits[key.partition("/")[0]]', 'return self._hits[""]'),
            ("each kind of wait has a store of its own", 'return self._failures[key.rpartition(":")[0]]', 'return self._failures[""]'),
            ("a full store drops what counts least", ", key=lambda key: weight(entries[key]))", ", key=lambda _: 0)"),
            ("what was just counted stays", "if key != present)", "if key)"),
        )
    ),
    *(
        _mutant(guard, "rooms.signin.attempts", old, new, *tests)
        for guard, old, new, tests in (
            ("strangers keep no known browser out", "if known and known.browser:", "if False:", (KNOWN,)),
            ("a known browser waits for its own failures", "if within and await rate_limits.begin(key, now):", "if within:", (KNOWN,)),
            ("a known browser's sign-ins have an end", "if within and await", "if await", (ROUTES,)),
            (
                "a sign-in that succeeds has an end",
                "if place.by_address and await rate_limits.hit(rate_limits.SIGN_IN_PER_PERSON, str(known.person_id), alone=True):",
                "if place.by_address:",
                (ROUTES,),
            ),
            ("a known browser has its own tries at the second step", "if known else f", "if False else f", (KNOWN,)),
            (
                "the password is asked so often of a person",
                "if not await rate_limits.hit(rate_limits.CONFIRMS_PER_PERSON",
                "if not (rate_limits.CONFIRMS_PER_PERSON",
                (CONFIRM,),
            ),
            (
                "a session is no place to guess a password at",
                "    if not await rate_limits.begin(key, now):\n"
                '        security_log.log_event("authn_login_lock", logging.WARNING, **facts)\n',
                "    if False:\n        pass\n    if False:\n",
                (CONFIRM,),
            ),
            (
                "new passwords of an address are counted",
                "within = await rate_limits.hit_address(rate_limits.CHOICES_PER_ADDRESS, address)",
                "within = True",
                (QUEUE,),
            ),
            (
                "new passwords of a link are counted",
                "within = within and await rate_limits.hit(rate_limits.CHOICES_PER_LINK, digest(token))",
                "pass",
                (QUEUE,),
            ),
            (
                "a sign-in that was not made is no failure",
                "        # It stays counted by address: a flood of tries that are not made is a flood, too.\n        await _uncount(place)",
                "",
                (QUEUE,),
            ),
        )
    ),
    *(
        _mutant(guard, "limits.work_queue", old, new, WORKQUEUE)
        for guard, old, new in (
            ("what waits for the processor is bounded", "if self.count >= self.most:", "if False:"),
            ("who has most in the queue gives way", "if len(longest) <= len(self._clients.get(job.client, ())) + 1:", "if True:"),
            (
                "clients take turns",
                "self._clients[client] = jobs",
                "self._clients[client] = jobs\n            self._clients.move_to_end(client, last=False)",
            ),
            ("who is known goes first", "(self._known if asker.first else self._others).put(job)", "self._others.put(job)"),
            ("who is known does not keep the others out", "self._in_a_row < FIRST_IN_A_ROW or", "True or"),
            ("nobody waits for long", "if self._now() - job.since > self._patience:", "if False:"),
        )
    ),
    _mutant(
        "the estimate of a password costs little",
        "rooms.signin.passwords",
        "if readings > MOST_READINGS else text",
        "if False else text",
        QUEUE,
    ),
    _mutant(
        "a browser's token is the portal's own",
        "rooms.signin.known_browsers",
        "if not browser.successor or (not renew and is_known(session, person_id, browser.device, now)):",
        "if not browser.successor or (browser.device and not renew):",
        KNOWN,
    ),
    _mutant(
        "a browser that is trusted gets a new token",
        "rooms.signin.service",
        "browsers.settled(session, person_id, browser, now, renew=remember)",
        "browsers.settled(session, person_id, browser, now)",
        KNOWN,
    ),
    _mutant(
        "tokens that a stranger makes up are not counted",
        "rooms.notifications.routes",
        "if found is not None and not off and not await rate_limits.hit(",
        "if not off and not await rate_limits.hit(",
        STOP,
    ),
    _mutant(
        "tokens that a stranger makes up take no writer's turn",
        "rooms.signin.link_pages",
        "clock.now(), client) if known is not None else None",
        "clock.now(), client)",
        SECOND,
    ),
    _mutant(
        "an unknown email takes the same statements at forgot password",
        "rooms.signin.service",
        "else links.make_for_nobody(session, LinkKind.RESET, now)",
        "else mail.new_seed()",
        LINKS,
    ),
    _mutant(
        "mails are limited",
        "rooms.signin.routes",
        "if within:",
        "if True:",
        ROUTES,
    ),
    _mutant(
        "an unknown account costs a hash, too",
        "rooms.signin.attempts",
        "right = await passwords.verify(known.stored if known and not place.waiting else None, tried.password, place.asker)",
        "right = await passwords.verify(known.stored, tried.password, place.asker) if known and not place.waiting else False",
        ROUTES,
    ),
    _mutant(
        "another password gives the session another token",
        "rooms.security.forms",
        "renewed = sessions.renew(session, sent.who.session)",
        "renewed = None",
        PASSWORD,
        SECOND,
    ),
    *(
        _mutant(guard, "rooms.signin.passkeys", old, new, PASSKEYS)
        for guard, old, new in (
            (
                "a passkey's challenge is used up",
                "return begun if taken == 1 and",
                "session.add(PasskeyCeremony(**begun.model_dump()))\n    return begun if",
            ),
            ("a passkey's challenge is soon over", "taken == 1 and now < begun.expires_at", "taken == 1"),
            ("a challenge is for one purpose", 'digest(f"passkey {what} {token}")', 'digest(f"passkey {token}")'),
            ("a second step is the person's own", "found is None or begun.person_id not in {None, found.person_id}", "found is None"),
            ("a passkey says whose it is", 'bytes_to_base64url(handle or b"") != found.handle', "False"),
            ("a passkey's counter goes up", "credential_current_sign_count=found.sign_count", "credential_current_sign_count=0"),
            (
                "a passkey's device makes sure of its person",
                "credential_current_sign_count=found.sign_count,\n            require_user_verification=True",
                "credential_current_sign_count=found.sign_count,\n            require_user_verification=False",
            ),
            ("one counter is noted once", "return found if noted.rowcount == 1 else None", "return found"),
            ("a passkey is of the person", "Passkey.person_id == person_id, Passkey.id == passkey_id", "Passkey.id == passkey_id"),
            ("a passkey is added by whoever began it", "begun is None or begun.person_id != person_id or len", "begun is None or len"),
        )
    ),
    _mutant(
        "who was locked out waits for a new password",
        "rooms.signin.service",
        "or person.id is None or not person.password:",
        "or person.id is None:",
        PASSKEYS,
    ),
    _mutant(
        "passkeys added by somebody else go",
        "rooms.signin.lockout",
        "passkeys.remove_all(session, person.id, since)",
        "list[str]()",
        PASSKEYS,
    ),
    _mutant(
        "sign-ins with passkeys are limited",
        "rooms.signin.attempts",
        "within = await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, address)",
        "within = True",
        PASSKEYS,
    ),
    _mutant(
        "a passkey is a second factor",
        "rooms.signin.two_factor",
        "return {*session.exec(apps).all(), *session.exec(keys).all()}",
        "return set(session.exec(apps).all())",
        PASSKEYS,
    ),
    _mutant("a link works once", "rooms.signin.links", "return person if taken.rowcount == 1 else None", "return person", LINKS),
    _mutant(
        "a link ends",
        "rooms.signin.links",
        "            col(OneUseLink.expires_at) > now,\n            col(Person.disabled_at)",
        "            col(Person.disabled_at)",
        LINKS,
    ),
    _mutant(
        "a newer link kills the older",
        "rooms.signin.links",
        "    kill(session, person.id, now)\n    return _add",
        "    return _add",
        LINKS,
    ),
    # What a customer changed, and the next import.
    *(
        _mutant(guard, "accounts.service", old, new, EMAIL_STAYS)
        for guard, old, new in (
            ("an email that was left is reserved", "col(EarlierEmail.reserved_until) > now)", "col(EarlierEmail.reserved_until) < now)"),
            (
                "nobody is made of an email that was left",
                "known = spoken_for(session, address, now)",
                "known = find_person(session, address)",
            ),
        )
    ),
    *(
        _mutant(guard, "rooms.signin.email_change", old, new, EMAIL_STAYS)
        for guard, old, new in (
            (
                "nobody asks for an email that was left",
                "if (known := spoken_for(session, email, now)) is not None",
                "if (known := find_person(session, email)) is not None",
            ),
            (
                "nobody confirms an email that was left",
                "known = spoken_for(session, change.new_email, now)",
                "known = find_person(session, change.new_email)",
            ),
            ("an undo takes back what came after it", "col(EmailChange.id) >= change.id", "col(EmailChange.id) == change.id"),
        )
    ),
    _mutant(
        "an invitation to a mailbox that was left makes nobody",
        "rooms.people.accept_invitation",
        "person = spoken_for(session, invitation.email, now)",
        "person = spoken_for(session, invitation.email, now.replace(year=9999))",
        EMAIL_STAYS,
    ),
    _mutant(
        "an import says what is new",
        "importing.bulk",
        "if said.get(name) is not None and said[name] != value}",
        "}",
        IMPORTED,
    ),
    *(
        _mutant(guard, "importing.people", old, new, IMPORTED)
        for guard, old, new in (
            ("an import finds people by emails that they left", "if not earlier:\n        if left", "if True:\n        if left"),
            ("an email under another name may be somebody else's", "if name in {row.name, None}]", "]"),
            ("the present email's row counts", "if found is None or first.get(found, key) == key:", "if True:"),
            ("the present email's role counts", "if found is None or here.get((found, line.row.account), key) == key:", "if True:"),
        )
    ),
    # Notices.
    _mutant(
        "a notice is told once",
        "rooms.notifications.send",
        "return [event for event in found if (event.kind.value, event.about) not in known]",
        "return found",
        NOTICES,
    ),
    _mutant(
        "a run waits for another one",
        "rooms.notifications.send",
        "account = session.get_one(Account, account_id, with_for_update=True)",
        "account = session.get_one(Account, account_id)",
        NOTICES,
    ),
    _mutant(
        "a history that was imported is not told",
        "rooms.notifications.events",
        "return [event for event in found if event.day >= first]",
        "return list(found)",
        NOTICES,
    ),
    _mutant(
        "who gets a notice belongs to the account",
        "rooms.notifications.send",
        '.where(Membership.account_id == account_id, Person.password != ""',
        '.where(Person.password != ""',
        NOTICES,
    ),
    _mutant(
        "what is switched off is not told",
        "rooms.notifications.service",
        "return role in DEFAULTS[kind] if chosen is None else chosen",
        "return True",
        NOTICES,
    ),
    _mutant(
        "the portal signed the link that stops notices",
        "core.signing",
        'return plain if hmac.compare_digest(sign(purpose, plain).encode(), token.encode(errors="replace")) else None',
        "return plain",
        STOP,
        "tests/core/test_signing.py",
    ),
    _mutant(
        "no copy before the mailbox said yes",
        "rooms.notifications.copies",
        "if c.confirmed_at is not None and c.stopped_at is None",
        "if c.stopped_at is None",
        NOTICES,
    ),
    _mutant(
        "a mailbox that stopped its copies gets none",
        "rooms.notifications.copies",
        "if c.confirmed_at is not None and c.stopped_at is None",
        "if c.confirmed_at is not None",
        NOTICES,
    ),
    _mutant(
        "copies are of the account",
        "rooms.notifications.service",
        "select(InvoiceCopy).where(InvoiceCopy.account_id == account_id)",
        "select(InvoiceCopy)",
        NOTICES,
        "tests/accounts/test_scope.py",
    ),
    _mutant(
        "letters to mailboxes that never asked are limited",
        "accounts.unsolicited",
        "if full_since is not None and full_since + limit.span > now:",
        "if False:",
        UNSOLICITED,
        NOTICES,
    ),
    _mutant(
        "an invitation is counted",
        "rooms.people.service",
        "unsolicited.count(session, unsolicited.Kind.INVITATION, who.person_id, account_id, address, now)",
        "None",
        UNSOLICITED,
    ),
    _mutant(
        "an invitation sent again is counted",
        "rooms.people.service",
        "unsolicited.count(session, unsolicited.Kind.INVITATION, who.person_id, invitation.account_id, invitation.email, now)",
        "None",
        UNSOLICITED,
    ),
    _mutant(
        "another email is counted",
        "rooms.signin.email_change",
        "unsolicited.count(session, unsolicited.Kind.EMAIL, person_id, None, email, now)",
        "None",
        UNSOLICITED,
    ),
    _mutant(
        "a question about copies is counted",
        "rooms.notifications.copies",
        "unsolicited.count(session, unsolicited.Kind.COPY, who.person_id, who.account.account_id, email, now)",
        "None",
        NOTICES,
    ),
    _mutant(
        "another spelling is the same mailbox",
        "accounts.unsolicited",
        "{local.partition('+')[0].replace('.', '') or local}",
        "{local}",
        UNSOLICITED,
    ),
    _mutant(
        "a name in a letter holds no address",
        "rooms.people.mails",
        "plain_name(who.name, who.email)",
        "who.name",
        UNSOLICITED,
    ),
    _mutant(
        "only the page that stops notices takes a form from anywhere",
        "web.document_server",
        "and page is not None and page.from_anywhere",
        "and page is not None",
        STOP,
        ORIGINS,
    ),
    _mutant(
        "no other site switches notices on again",
        "rooms.notifications.routes",
        "if not off and headers.foreign(asked.request):",
        "if False:",
        STOP,
    ),
    _mutant(
        "a default address is changed with the right to choose it",
        "rooms.addresses.service",
        "raise NotAllowed(RIGHT[purpose])",
        "pass",
        "tests/rooms/addresses/test_service.py",
    ),
    _mutant(
        "the first address is no default that the person may not choose",
        "rooms.addresses.service",
        "            if may(membership.role, RIGHT[purpose]):",
        "            if True:",
        "tests/rooms/addresses/test_service.py",
    ),
    _mutant(
        "my data does not say from where somebody else did something",
        "rooms.privacy.contents",
        'return case((column.table.c.person_id == subject.person_id, column), else_="").label(column.name)',
        "return column",
        "tests/rooms/privacy/test_contents.py",
    ),
    # What ends with somebody's access.
    _mutant(
        "removal ends what the person set up",
        "rooms.people.service",
        '_end(session, who, membership.person_id, "", now, client, kept)',
        "None",
        ENDING,
    ),
    _mutant(
        "a lowered role ends what the person set up",
        "rooms.people.service",
        "_end(session, who, membership.person_id, role.value, now, client, kept)",
        "None",
        ENDING,
    ),
    _mutant(
        "disabling ends what the person set up",
        "rooms.signin.staff",
        "ending.end_everywhere(session, person.id, STAFF, now)",
        "None",
        ENDING,
    ),
    _mutant(
        "a lock-out ends what was set up since",
        "rooms.signin.lockout",
        "ending.end_everywhere(session, person.id, by, now, since)",
        "None",
        ENDING,
    ),
    _mutant(
        "an import's lower role ends what the person set up",
        "importing.people",
        'if ending.loses(existing[at].role, fresh[at]["role"]):',
        "if False:",
        ENDING,
    ),
    _mutant(
        "an invitation asks for its inviter's right when it is used",
        "rooms.people.accept_invitation",
        "if invitation.invited_by not in holders(session, invitation.account_id, Right.PEOPLE):",
        "if False:",
        ENDING,
    ),
    _mutant("accepting waits for who changes the people", "rooms.people.accept_invitation", "hold(session, account_id)", "None", ENDING),
    _mutant(
        "copies go only while who added them looks after billing",
        "rooms.notifications.copies",
        "and c.asked_by in entitled]",
        "]",
        ENDING,
    ),
    _mutant(
        "a copy's link dies with the right of who added it",
        "rooms.notifications.copies",
        "if found is None or found[0].asked_by not in holders(session, found[0].account_id, Right.BILLING):",
        "if found is None:",
        ENDING,
    ),
    _mutant(
        "whoever leaves takes nothing over",
        "rooms.people.service",
        "keeper = who.person_id if who.person_id != person_id else None",
        "keeper = who.person_id",
        ENDING,
    ),
    _mutant(
        "a card of who may not any more is not kept",
        "rooms.cards.service",
        "if result.card is not None and setup.person_id in holders(session, setup.account_id, Right.BILLING):",
        "if result.card is not None:",
        CARDS,
    ),
    # What comes down a socket.
    _mutant(
        "a connection's data are what a page says",
        "web.socket_filter",
        "taken = not self._connected and (not data or self._is_boot(_read(data)))",
        "taken = not self._connected and (not data or isinstance(_read(data), dict))",
        FRAMES,
    ),
    _mutant(
        "a socket connects once",
        "web.socket_filter",
        "taken = not self._connected and (not data",
        "taken = (not data",
        FRAMES,
    ),
    _mutant(
        "nothing is said on a socket before it is connected",
        "web.socket_filter",
        'taken = self._connected and self._is_message(_read(data or ""))',
        'taken = self._is_message(_read(data or ""))',
        FRAMES,
    ),
    _mutant("an event has nothing that no page says", "web.socket_filter", 'extra="forbid", strict=True', 'extra="ignore"', FRAMES),
    _mutant("a payload is not deep", "web.socket_filter", "and not _deeper(event.payload, _DEPTH)", "", FRAMES),
    _mutant(
        "a socket has the token that a page makes, once",
        "web.socket_filter",
        "return asked.keys() == _QUERY.keys() and all(",
        "return True or all(",
        FRAMES,
    ),
    _mutant(
        "a socket is opened at its own path only",
        "web.socket_filter",
        'if scope["path"] not in _ADDRESSES or len(spoken) > 1',
        "if len(spoken) > 1",
        FRAMES,
    ),
    _mutant(
        "messages are counted by address",
        "web.socket_filter",
        "if self._pace.over(address) and text not in {_CLOSE, _PONG}:",
        "if False:",
        FRAMES,
    ),
    _mutant("handshakes are counted by address", "web.socket_filter", "if self._pace.over(address):\n", "if False:\n", FRAMES),
    _mutant(
        "garbage is told once in a span",
        "web.socket_filter",
        'if not self._told.over(f"{what} {address}"):',
        "if True:",
        FRAMES,
    ),
    _mutant("a message has a length", "web.socket_limits", "max_size=MESSAGE_BYTES", "max_size=1 << 24", RAW),
    _mutant(
        "a connection's frames are counted",
        "web.socket_limits",
        "if self._frames > FRAMES or self._bytes > BYTES:",
        "if self._bytes > BYTES:",
        INCOMING,
    ),
    _mutant(
        "what a connection inflates is counted",
        "web.socket_limits",
        "if self._frames > FRAMES or self._bytes > BYTES:",
        "if self._frames > FRAMES:",
        INCOMING,
    ),
    _mutant(
        "a handshake that cannot be read is ended",
        "web.socket_limits",
        "if self.conn.handshake_exc and not self.handshake_initiated:",
        "if False:",
        RAW,
    ),
    _mutant(
        "text that is no UTF-8 leaves no traceback",
        "web.socket_limits",
        'if self.curr_msg_data_type == "text":',
        "if False:",
        RAW,
    ),
    _mutant(
        "the token that Reflex gave a socket is forgotten",
        "web.state_eviction",
        'tokens.add(given["token"])',
        "pass",
        "tests/faults/test_leaving.py",
    ),
    _mutant(
        "an event that was dropped has no line of the log",
        "observability.instrumentation",
        'if watched.dropped and outcome == "done":',
        "if False:",
        "tests/observability/test_instrumentation.py",
    ),
    _mutant(
        "a dropped event is noted as one",
        "web.event_gate",
        "            instrumentation.drop()\n",
        "",
        "tests/web/test_event_gate.py",
    ),
    _mutant(
        "nobody's events are counted by the site of an IPv6 address",
        "web.event_gate",
        "else address_key(state.router.session.client_ip)",
        "else state.router.session.client_ip",
        "tests/web/test_event_gate.py",
    ),
    # What is shown and logged.
    _mutant(
        "text is escaped",
        "ui.template",
        "out.append(escape(_text(node, scope), quote=False))",
        "out.append(_text(node, scope))",
        STORED,
    ),
    _mutant(
        "attributes are escaped",
        "ui.template",
        '="{escape(text)}"',
        '="{text}"',
        f"{ATTACK}/test_addresses.py",
        STORED,
    ),
    _mutant(
        "a formula is text in a CSV", "lists.download", 'return f"\'{text}" if text.startswith', "return text if text.startswith", STORED
    ),
    _mutant(
        "a line that is typed has no invisible marks",
        "forms.handling",
        'masked(re.sub(r"\\s+", " ", without_marks(value)).strip())',
        'masked(re.sub(r"\\s+", " ", value).strip())',
        "tests/forms/test_handling.py",
    ),
    _mutant(
        "a text that is typed has no invisible marks",
        "forms.handling",
        "masked(without_marks(plain).strip())",
        "masked(plain.strip())",
        "tests/forms/test_handling.py",
    ),
    _mutant(
        "a cell of an import has no invisible marks",
        "importing.cells",
        'without_marks(_BREAKS.sub(" ", cell)).strip()',
        '_BREAKS.sub(" ", cell).strip()',
        "tests/importing/test_cells.py",
    ),
    _mutant(
        "a letter has no invisible marks",
        "mail.outbox",
        "(without_marks(written) for written in (subject, text, html))",
        "(subject, text, html)",
        "tests/mail/test_outbox.py",
    ),
    _mutant(
        "a sentence is not turned around by a name",
        "core.i18n",
        "name: without_marks(value) if isinstance(value, str) else value",
        "name: value",
        "tests/core/test_i18n.py",
    ),
    _mutant(
        "a file has no invisible marks",
        "lists.download",
        "    text = without_marks(text)\n",
        "",
        "tests/lists/test_download.py",
    ),
    _mutant(
        "what a command prints does nothing to a terminal",
        "commands.common",
        "click.echo(printable(line), err=err)",
        "click.echo(line, err=err)",
        "tests/test_printing.py",
    ),
    _mutant(
        "a row of an import has an end",
        "importing.reader",
        "self._text.readline(self.left + 1)",
        "self._text.readline()",
        "tests/importing/test_cells.py",
    ),
    _mutant(
        "logs mask what is secret",
        "observability.logs",
        "record.msg, record.args = _indented(shortened(message, MESSAGE_CHARACTERS)), ()",
        "record.msg, record.args = _indented(message), ()",
        f"{ATTACK}/test_canaries.py",
    ),
    _mutant(
        "a log line cannot be forged",
        "observability.logs",
        "record.msg, record.args = _indented(shortened(message, MESSAGE_CHARACTERS)), ()",
        "record.msg, record.args = shortened(message, MESSAGE_CHARACTERS), ()",
        "tests/observability/test_logs.py",
    ),
    # How it looks.
    _mutant(
        "the years are marked on an agreement's road",
        "rooms.orders.view",
        "for year in range(1, years)]",
        "for year in range(1, 1)]",
        f"{PICTURES}/test_screens.py",
    ),
    Mutant(
        "a line that is gone is a difference of pictures",
        "tests.pictures.compare",
        "ImageChops.lighter(_outside(first, second), _outside(second, first))",
        "_outside(second, first)",
        (f"{PICTURES}/test_compare.py",),
    ),
    Mutant(
        "a ground of nearly the same colour is a difference of pictures",
        "tests.pictures.compare",
        "Rule(level=4, most=80)",
        "Rule(level=4, most=300)",
        (f"{PICTURES}/test_compare.py",),
    ),
    Mutant(
        "another size of what is shown is a difference of pictures",
        "tests.pictures.approved",
        "if known.area != taken.size:",
        "if False:",
        (f"{PICTURES}/test_approved.py",),
    ),
    # What the pages are built from.
    _mutant(
        "npm saves nothing while it installs",
        "frontend.packages",
        '{"NPM_CONFIG_SAVE": "false"}',
        "{}",
        PACKAGES,
    ),
    _mutant(
        "packages that are not the locked ones end a build",
        "frontend.builder",
        "if wrong := packages.differences(project, web):",
        "if wrong := []:",
        "tests/frontend/test_builder.py",
    ),
    _mutant(
        "a build puts the lock back",
        "frontend.packages",
        "                    file.write_bytes(content)",
        "                    pass",
        "tests/frontend/test_builder.py",
    ),
    _mutant(
        "a log record is cut before it is searched",
        "observability.logs",
        "if len(text) <= most:",
        "if True:",
        "tests/observability/test_logs.py",
    ),
    _mutant(
        "an event that a log record's cut goes through is masked",
        "observability.logs",
        'end = -1 if cut else text.rfind("}", event.end())',
        'end = text.rfind("}", event.end())',
        "tests/observability/test_logs.py",
    ),
    _mutant(
        "a card number that a log record's cut goes through is left out",
        "observability.logs",
        "text[:most].rstrip(_CUT_NUMBER)",
        "text[:most]",
        "tests/observability/test_logs.py",
    ),
    _mutant(
        "an address that a log record's cut goes through is masked",
        "observability.logs",
        "kept = _CUT_ADDRESS.sub(lambda m: f\"{m['name']}{MASK}\", text[:most]",
        "kept = str.strip(text[:most]",
        "tests/observability/test_logs.py",
    ),
)
