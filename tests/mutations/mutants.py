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
ROUTES = "tests/signin/test_routes.py"
LINKS = "tests/signin/test_links.py"
NOTICES = "tests/notices"
STOP = f"{ATTACK}/test_unsubscribe.py"
PASSWORD = "tests/security/test_password.py"
PASSKEYS = "tests/security/test_passkeys.py"
SECOND = "tests/security/test_second_step.py"
CARDS = "tests/cards/test_service.py"
HOOKS = "tests/cards/test_provider.py"
CONNECTIONS = "tests/test_connections.py"
SERVING = "tests/test_serving.py"

MUTANTS = (
    # Whose it is.
    _mutant(
        "one order is of the account",
        "orders.service",
        "select(Order).where(Order.account_id == account_id, Order.number == number)",
        "select(Order).where(Order.number == number)",
        FOREIGN,
        REGISTRY,
    ),
    _mutant(
        "one invoice is of the account",
        "invoices.service",
        "select(Invoice).where(Invoice.account_id == account_id, Invoice.number == number)",
        "select(Invoice).where(Invoice.number == number)",
        FOREIGN,
        REGISTRY,
    ),
    _mutant(
        "one credit note is of the account",
        "invoices.credit_notes",
        "CreditNote.account_id == account_id, CreditNote.number == number",
        "CreditNote.number == number",
        REGISTRY,
    ),
    _mutant(
        "the invoices of a ZIP are of the account",
        "invoices.archive",
        ".where(Invoice.account_id == account_id, col(Invoice.number).in_(numbers))",
        ".where(col(Invoice.number).in_(numbers))",
        REGISTRY,
    ),
    _mutant(
        "a list is of the account",
        "orders.service",
        "where = _where(finding.of_account(Order, account_id), query, today)",
        "where = _where(true(), query, today)",
        "tests/orders/test_exports.py",
    ),
    _mutant(
        "the invoices of a statement are of the account",
        "statements.service",
        "return and_(col(Invoice.account_id) == account_id, col(Invoice.issued_on) >= days[0]",
        "return and_(col(Invoice.issued_on) >= days[0]",
        "tests/statements",
    ),
    _mutant(
        "the account of the address is the person's",
        "signin.sessions",
        "next((m for m in memberships if account_number in {None, m.number}), None)",
        "next((m for m in memberships if account_number in {None, m.number}), memberships[0])",
        FOREIGN,
    ),
    # The gate.
    _mutant(
        "an event of nobody's is refused",
        "foundation.gate",
        "if who is None and event.name not in INTERNAL:",
        "if False and event.name not in INTERNAL:",
        HANDLERS,
        REGISTRY,
    ),
    _mutant("a handler asks for its right", "foundation.gate", "if not self.allowed(who, event.name):", "if False:", RIGHTS),
    _mutant("a payload fits its model", "foundation.gate", "if not self._payload_fits(event):", "if False:", RIGHTS),
    _mutant("what sets variables is closed", "foundation.gate", "if event.name.endswith(_CLOSED):", "if False:", HANDLERS),
    _mutant(
        "a state belongs to one identity",
        "foundation.gate",
        "if before != key:",
        "if False:",
        f"{ATTACK}/test_controls.py",
        FOREIGN,
    ),
    _mutant(
        "a click meant for another account is not done",
        "foundation.gate",
        "if changed and not event.name.endswith(_BY_ITSELF):",
        "if False:",
        RIGHTS,
    ),
    _mutant(
        "events have a limit",
        "foundation.gate",
        "if over := await self._pace.over(subject):",
        "if over := 0:",
        f"{ATTACK}/test_forged_events.py",
        "tests/foundation/test_gate.py",
    ),
    # Documents, files, forms.
    _mutant(
        "a page is for who is signed in",
        "foundation.documents",
        "if page.private and (turned := await self._turned_away(request, language, page, who)):",
        "if who and page.private and (turned := await self._turned_away(request, language, page, who)):",
        REGISTRY,
    ),
    _mutant(
        "a file is for who is signed in",
        "foundation.documents",
        "        asker.set(who)\n        if who is None:\n",
        "        asker.set(who)\n        if False:\n",
        REGISTRY,
    ),
    _mutant(
        "a route asks for its right",
        "accounts.rights",
        "return await endpoint(request) if may(require().account.role, right) else",
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
        "signin.sessions",
        "HELD_BACK if two_step and held_back else role",
        "role",
        "tests/people/test_two_step.py",
        f"{ATTACK}/test_held_back.py",
    ),
    _mutant(
        "the second factor stays on while an account requires it",
        "security.forms",
        "if name := second.kept_for(session, sent.who.person_id):",
        "if (name := second.kept_for(session, sent.who.person_id)) is None:",
        "tests/security/test_second_step.py",
    ),
    _mutant(
        "changes are of the account",
        "changes.service",
        "[finding.of_account(Change, account_id), finding.matching(",
        "[finding.matching(",
        "tests/changes/test_changes.py",
        "tests/accounts/test_scope.py",
    ),
    _mutant(
        "of a person's own sign-in owners are told only that it changed",
        "accounts.audit",
        "if account_id is None and subject_id is not None and what in TOLD:",
        "if account_id is None and subject_id is not None:",
        "tests/changes/test_changes.py",
    ),
    _mutant(
        "a form asks for its right",
        "foundation.forms",
        "if may(who.account.role, rule.right):",
        "if True:",
        "tests/foundation/test_forms.py",
        f"{ATTACK}/test_forms.py",
    ),
    _mutant(
        "a form takes no other field",
        "foundation.forms",
        'extra="forbid", hide_input_in_errors',
        'extra="ignore", hide_input_in_errors',
        "tests/foundation/test_forms.py",
        f"{ATTACK}/test_forms.py",
    ),
    _mutant(
        "who changes people still may",
        "accounts.rights",
        "if mine is None or not may(mine.role, right):",
        "if mine is None:",
        "tests/people/test_service.py",
    ),
    _mutant(
        "a state's browser never gets the cookie",
        "foundation.documents",
        'await self.app({**scope, "headers": _hashed_cookie(scope)}, receive, send)',
        "await self.app(scope, receive, send)",
        f"{ATTACK}/test_canaries.py",
        HANDLERS,
        FOREIGN,
    ),
    _mutant(
        "files have a limit",
        "foundation.documents",
        "if not await allowance.within(limit, who, str(who.person_id)):",
        "if False:",
        "tests/foundation/test_documents.py",
    ),
    _mutant(
        "forms have a limit",
        "foundation.forms",
        "if not await throttle.hit(FORMS_PER_PERSON, str(who.person_id), alone=True):",
        "if False:",
        "tests/foundation/test_forms.py",
    ),
    # Other sites.
    _mutant(
        "a request of two lengths ends its connection",
        "foundation.documents",
        "if headers.ambiguous(request):",
        "if False:",
        f"{ATTACK}/test_requests.py",
    ),
    _mutant(
        "a form that another site sent is refused",
        "foundation.headers",
        'if site is not None and site not in {"same-origin", "none"}:',
        "if False:",
        ORIGINS,
    ),
    _mutant(
        "a form of another origin is refused",
        "foundation.headers",
        "return origin is not None and origin.lower() != get_settings().origin",
        "return False",
        ORIGINS,
    ),
    _mutant(
        "the way on after signing in stays here",
        "signin.landing",
        "or not _stays(wanted):",
        "or False:",
        f"{ATTACK}/test_addresses.py",
    ),
    _mutant(
        "no page is shown in a frame",
        "foundation.headers",
        "frame-ancestors 'none'; {forms}",
        "{forms}",
        f"{ATTACK}/test_answers.py",
    ),
    # Sessions.
    _mutant("a session has an idle end", "signin.sessions", "or (idle is not None and now >= idle)", "or False", ENDS),
    _mutant("a session has an absolute end", "signin.sessions", "return now >= absolute or", "return False or", ENDS),
    _mutant(
        "a disabled person has no session",
        "signin.sessions",
        'col(BrowserSession.hash) == bindparam("hash"), col(Person.disabled_at).is_(None))',
        'col(BrowserSession.hash) == bindparam("hash"))',
        ENDS,
    ),
    _mutant(
        "signing out ends the session",
        "signin.sessions",
        "return session.exec(sql_delete(BrowserSession).where(col(BrowserSession.hash) == session_hash)).rowcount == 1",
        "return True",
        ENDS,
    ),
    _mutant(
        "a reset ends every session",
        "signin.service",
        "    sessions.end_all(session, person.id)\n    second.trust",
        "    second.trust",
        LINKS,
    ),
    _mutant(
        "a sign-in ends the session before it", "signin.service", "        sessions.sign_out(session, before)\n", "        pass\n", ENDS
    ),
    _mutant(
        "scripts cannot read the cookie",
        "signin.forms",
        'cookie_name(secure), token, max_age=age, path="/", secure=secure, httponly=True',
        'cookie_name(secure), token, max_age=age, path="/", secure=secure, httponly=False',
        ENDS,
    ),
    _mutant(
        "a document counts as being there",
        "foundation.documents",
        "            await self.touch(who)\n        asked =",
        "            pass\n        asked =",
        ENDS,
    ),
    # Cards.
    _mutant(
        "a card is of the account",
        "cards.service",
        "select(Card).where(Card.account_id == account_id, Card.provider",
        "select(Card).where(Card.provider",
        CARDS,
    ),
    _mutant(
        "a card's way back is of the account",
        "cards.service",
        "where(CardSetup.account_id == account_id, CardSetup.key == key)",
        "where(CardSetup.key == key)",
        "tests/cards/test_flow.py",
    ),
    _mutant(
        "who sets out to add a card may",
        "cards.service",
        "    claim(session, who, Right.BILLING)\n    account_id",
        "    account_id",
        CARDS,
    ),
    _mutant(
        "who changes a card may",
        "cards.service",
        "    claim(session, who, Right.BILLING)\n    all_",
        "    all_",
        CARDS,
    ),
    _mutant(
        "the sandbox's webhook is signed",
        "cards.sandbox",
        'if said is None or not hmac.compare_digest(said["by"].encode(), self._sign(said["at"], body).encode()):',
        "if said is None:",
        HOOKS,
    ),
    _mutant(
        "the sandbox's webhook is of the last minutes",
        "cards.sandbox",
        'if abs(clock.now().timestamp() - int(said["at"])) > BELIEVED.total_seconds():',
        "if False:",
        "tests/cards/test_flow.py",
    ),
    _mutant(
        "Stripe's webhook is of the last minutes",
        "cards.stripe_provider",
        'headers.get("stripe-signature", ""), self._webhook_secret)',
        'headers.get("stripe-signature", ""), self._webhook_secret, 10**9)',
        HOOKS,
    ),
    # What is held open, and who asks.
    *(
        _mutant(guard, "connections", old, new, CONNECTIONS)
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
    _mutant(
        "there is an end to websockets", "foundation.open_sockets", "elif self._all >= self.limits.sockets:", "elif False:", CONNECTIONS
    ),
    _mutant(
        "there is an end to the websockets of an address",
        "foundation.open_sockets",
        "if self._open[key] >= self.limits.sockets_per_address:",
        "if False:",
        CONNECTIONS,
    ),
    _mutant(
        "connections are counted by /64",
        "foundation.open_sockets",
        'key = throttle.address_key(scope["client"][0] if scope.get("client") else "")',
        'key = scope["client"][0]',
        CONNECTIONS,
    ),
    _mutant(
        "what strangers cause is logged once in a while",
        "foundation.seldom",
        "if (now := self._clock()) < self._next:",
        "if (now := self._clock()) < 0:",
        CONNECTIONS,
    ),
    _mutant("a failed accept is no flood in the log", "serving", "elif count := self._seldom.due():", "elif count := 1:", CONNECTIONS),
    _mutant(
        "the limit on open files is raised",
        "foundation.open_files",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (attainable(), hard))",
        "pass",
        CONNECTIONS,
    ),
    _mutant("an address has no port", "foundation.proxies", "        bare = found[1]\n", "        return bare\n", SERVING),
    _mutant(
        "what is no address is nobody's",
        "foundation.proxies",
        "    except ValueError:\n        return None",
        "    except ValueError:\n        return bare",
        SERVING,
    ),
    *(
        _mutant(guard, module, old, new, "tests/test_private.py")
        for guard, module, old, new in (
            ("a database is its owner's only", "foundation.database", "private.file(self._path)", "self._path.touch(0o666)"),
            (
                "what lies beside a database is its owner's only",
                "foundation.database",
                "private.narrow(self._path",
                "private.is_wide(self._path",
            ),
            (
                "a file is its owner's only",
                "foundation.private",
                "os.O_WRONLY | os.O_CREAT, FILE))\n    narrow(path)",
                "os.O_WRONLY | os.O_CREAT, 0o666))",
            ),
            ("a folder is its owner's only", "foundation.private", "path.mkdir(FOLDER, exist_ok=True)", "path.mkdir(exist_ok=True)"),
        )
    ),
    _mutant(
        "the public address is as browsers write it",
        "settings",
        'return origin_of(value) if value else ""',
        "return value",
        "tests/foundation/test_origin.py",
    ),
    _mutant(
        "an app of another secret is told",
        "signin.second",
        "return not named or hmac.compare_digest(name, _key_name())",
        "return True",
        SECOND,
    ),
    _mutant(
        "what is no path is refused with the headers",
        "foundation.targets",
        'or scope["path"].startswith("/"):',
        "or True:",
        "tests/foundation/test_headers.py",
    ),
    _mutant(
        "there is an end to what somebody has under way",
        "foundation.crowd",
        "if self._held[key] >= self._each or",
        "if",
        "tests/foundation/test_crowd.py",
    ),
    _mutant(
        "there is an end to what all have under way",
        "foundation.crowd",
        " or self._taken >= self._all:",
        ":",
        "tests/foundation/test_crowd.py",
    ),
    *(
        _mutant(guard, module, old, "if True:", test)
        for guard, module, old, test in (
            ("lists hold a place", "foundation.spool", "with crowd.FILES.held(self._key):", "tests/foundation/test_crowd.py"),
            ("documents hold a place", "foundation.papers", "with crowd.DOCUMENTS.held(who.person_id):", "tests/invoices/test_archive.py"),
            ("archives hold a place", "invoices.archive", 'with crowd.FILES.held(f"{person_id}"):', "tests/invoices/test_archive.py"),
            ("statements hold a place", "statements.pdf", 'with crowd.FILES.held(f"{who.person_id}"):', "tests/statements/test_pdf.py"),
        )
    ),
    # Guessing.
    _mutant(
        "an account's failures make it wait",
        "signin.attempts",
        "waiting = not await throttle.begin(key, now)",
        "waiting = False",
        ROUTES,
    ),
    _mutant(
        "an address's failures are limited",
        "signin.attempts",
        "if not await throttle.hit(throttle.SIGN_IN_PER_ADDRESS, place):",
        "if False:",
        ROUTES,
    ),
    _mutant(
        "mails are limited",
        "signin.routes",
        "if within:",
        "if True:",
        ROUTES,
    ),
    _mutant(
        "an unknown account costs a hash, too",
        "signin.attempts",
        "right = await passwords.verify(known[1] if known and not waiting else None, password)",
        "right = await passwords.verify(known[1], password) if known and not waiting else False",
        ROUTES,
    ),
    _mutant(
        "another password gives the session another token",
        "security.forms",
        "renewed = sessions.renew(session, sent.who.session)",
        "renewed = None",
        PASSWORD,
        SECOND,
    ),
    *(
        _mutant(guard, "signin.passkeys", old, new, PASSKEYS)
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
        "signin.service",
        "or person.id is None or not person.password:",
        "or person.id is None:",
        PASSKEYS,
    ),
    _mutant(
        "passkeys added by somebody else go",
        "signin.locking",
        "passkeys.remove_all(session, person.id, since)",
        "list[str]()",
        PASSKEYS,
    ),
    _mutant(
        "sign-ins with passkeys are limited", "signin.attempts", "    if not within:\n", "    within = True\n    if not within:\n", PASSKEYS
    ),
    _mutant(
        "a passkey is a second factor",
        "signin.second",
        "return {*session.exec(apps).all(), *session.exec(keys).all()}",
        "return set(session.exec(apps).all())",
        PASSKEYS,
    ),
    _mutant("a link works once", "signin.links", "return person if taken.rowcount == 1 else None", "return person", LINKS),
    _mutant(
        "a link ends",
        "signin.links",
        "            col(OneUseLink.expires_at) > now,\n            col(Person.disabled_at)",
        "            col(Person.disabled_at)",
        LINKS,
    ),
    _mutant(
        "a newer link kills the older",
        "signin.links",
        "    kill(session, person.id, now)\n    return _add",
        "    return _add",
        LINKS,
    ),
    # Notices.
    _mutant(
        "a notice is told once",
        "notices.sending",
        "return [event for event in found if (event.kind.value, event.about) not in known]",
        "return found",
        NOTICES,
    ),
    _mutant(
        "a run waits for another one",
        "notices.sending",
        "account = session.get_one(Account, account_id, with_for_update=True)",
        "account = session.get_one(Account, account_id)",
        NOTICES,
    ),
    _mutant(
        "a history that was imported is not told",
        "notices.due",
        "return [event for event in found if event.day >= first]",
        "return list(found)",
        NOTICES,
    ),
    _mutant(
        "who gets a notice belongs to the account",
        "notices.sending",
        '.where(Membership.account_id == account_id, Person.password != ""',
        '.where(Person.password != ""',
        NOTICES,
    ),
    _mutant(
        "what is switched off is not told",
        "notices.service",
        "return role in DEFAULTS[kind] if chosen is None else chosen",
        "return True",
        NOTICES,
    ),
    _mutant(
        "the portal signed the link that stops notices",
        "foundation.signed",
        'return plain if hmac.compare_digest(sign(purpose, plain).encode(), token.encode(errors="replace")) else None',
        "return plain",
        STOP,
        "tests/foundation/test_signed.py",
    ),
    _mutant(
        "no copy before the mailbox said yes",
        "notices.sending",
        "if copy.confirmed_at is not None and copy.stopped_at is None",
        "if copy.stopped_at is None",
        NOTICES,
    ),
    _mutant(
        "a mailbox that stopped its copies gets none",
        "notices.sending",
        "if copy.confirmed_at is not None and copy.stopped_at is None",
        "if copy.confirmed_at is not None",
        NOTICES,
    ),
    _mutant(
        "copies are of the account",
        "notices.service",
        "select(InvoiceCopy).where(InvoiceCopy.account_id == account_id)",
        "select(InvoiceCopy)",
        NOTICES,
        "tests/accounts/test_scope.py",
    ),
    _mutant(
        "questions to mailboxes are limited",
        "notices.forms",
        "if not (await throttle.hit(ASKED_PER_ACCOUNT, account) and await throttle.hit(ASKED_PER_ADDRESS, mailbox)):",
        "if False:",
        NOTICES,
    ),
    _mutant(
        "only the page that stops notices takes a form from anywhere",
        "foundation.documents",
        "and page is not None and page.from_anywhere",
        "and page is not None",
        STOP,
        ORIGINS,
    ),
    _mutant(
        "no other site switches notices on again",
        "notices.routes",
        "if not off and headers.foreign(asked.request):",
        "if False:",
        STOP,
    ),
    # What is shown and logged.
    _mutant(
        "text is escaped",
        "ui.markup",
        "out.append(escape(_text(node, scope), quote=False))",
        "out.append(_text(node, scope))",
        STORED,
    ),
    _mutant(
        "attributes are escaped",
        "ui.markup",
        '="{escape(text)}"',
        '="{text}"',
        f"{ATTACK}/test_addresses.py",
        STORED,
    ),
    _mutant(
        "a formula is text in a CSV", "foundation.export", 'return f"\'{text}" if text.startswith', "return text if text.startswith", STORED
    ),
    _mutant(
        "logs mask what is secret",
        "foundation.logs",
        "record.msg, record.args = _indented(redact(message)), ()",
        "record.msg, record.args = _indented(message), ()",
        f"{ATTACK}/test_canaries.py",
    ),
    _mutant(
        "a log line cannot be forged",
        "foundation.logs",
        "record.msg, record.args = _indented(redact(message)), ()",
        "record.msg, record.args = redact(message), ()",
        "tests/test_logs.py",
    ),
)
