"""The guards, each with the change that removes it and the tests that must then fail.

The text to replace occurs exactly once in its module; `test_mutants`, part of the ordinary run, fails as soon as the code has changed.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

ATTACK = "tests/attack"


@dataclass(frozen=True)
class Mutant:
    """One removed guard: `old` becomes `new` in a module, and one of the tests must fail on the kind of database that is named."""

    guard: str
    module: str
    old: str
    new: str
    tests: tuple[str, ...]
    database: str = "sqlite"

    @property
    def source(self) -> str:
        """The module's current source."""
        spec = importlib.util.find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).read_text("utf-8")


def _mutant(guard: str, module: str, old: str, new: str, *tests: str, database: str = "sqlite") -> Mutant:
    return Mutant(guard, f"odoportal.{module}", old, new, tests, database)


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
DEVICES = "tests/rooms/devices"
HOOKS = "tests/rooms/cards/test_provider.py"
FRAMES = "tests/web/test_socket_filter.py"
INCOMING = "tests/web/test_socket_limits.py"
RAW = f"{ATTACK}/test_raw_sockets.py"
REVOKE = "tests/rooms/people/test_revoke.py"
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
    # Ownership of records.
    _mutant(
        "an order belongs to the account",
        "rooms.orders.service",
        "select(Order).where(Order.account_id == account_id, Order.number == number)",
        "select(Order).where(Order.number == number)",
        FOREIGN,
        REGISTRY,
    ),
    _mutant(
        "an invoice belongs to the account",
        "rooms.invoices.service",
        "select(Invoice).where(Invoice.account_id == account_id, Invoice.number == number)",
        "select(Invoice).where(Invoice.number == number)",
        FOREIGN,
        REGISTRY,
    ),
    _mutant(
        "a credit note belongs to the account",
        "rooms.invoices.credit_notes",
        "CreditNote.account_id == account_id, CreditNote.number == number",
        "CreditNote.number == number",
        REGISTRY,
    ),
    _mutant(
        "the invoices of a ZIP belong to the account",
        "rooms.invoices.archive",
        ".where(Invoice.account_id == account_id, col(Invoice.number).in_(numbers))",
        ".where(col(Invoice.number).in_(numbers))",
        REGISTRY,
    ),
    _mutant(
        "the rows of a list belong to the account",
        "lists.source",
        "where = self._where(search.of_account(self.model, request.account_id), request)",
        "where = self._where(search.ALWAYS, request)",
        "tests/rooms/orders/test_exports.py",
    ),
    _mutant(
        "the invoices of a statement belong to the account",
        "rooms.statements.service",
        "return and_(col(Invoice.account_id) == account_id, col(Invoice.issued_on) >= days[0]",
        "return and_(col(Invoice.issued_on) >= days[0]",
        "tests/rooms/statements",
    ),
    _mutant(
        "the account in the address is one of the person's",
        "rooms.signin.sessions",
        "next((m for m in memberships if account_number in {None, m.number}), None)",
        "next((m for m in memberships if account_number in {None, m.number}), memberships[0])",
        FOREIGN,
    ),
    # Event gate.
    _mutant(
        "an anonymous event is refused",
        "web.event_gate",
        "if who is None and event.name not in INTERNAL:",
        "if False and event.name not in INTERNAL:",
        HANDLERS,
        REGISTRY,
    ),
    _mutant("a handler requires its right", "web.event_gate", "if not self.allowed(who, event.name):", "if False:", RIGHTS),
    _mutant("a payload is checked against its model", "web.event_gate", "if not self._payload_fits(event):", "if False:", RIGHTS),
    _mutant("handlers that set variables are closed", "web.event_gate", "if event.name.endswith(_FORBIDDEN):", "if False:", HANDLERS),
    _mutant(
        "a state belongs to one identity",
        "web.event_gate",
        "if bound_key != key:",
        "if False:",
        f"{ATTACK}/test_controls.py",
        FOREIGN,
    ),
    _mutant(
        "an event meant for another account is refused",
        "web.event_gate",
        "if changed and not event.name.endswith(_AUTOMATIC):",
        "if False:",
        RIGHTS,
    ),
    _mutant(
        "events are rate limited",
        "web.event_gate",
        "if excess := await self._rate_limit.over(subject):",
        "if excess := 0:",
        f"{ATTACK}/test_forged_events.py",
        "tests/web/test_event_gate.py",
    ),
    # Documents, files, forms.
    _mutant(
        "a private page requires a session",
        "web.document_server",
        "if page.private and (refusal := await self._refusal(request, language, page, who)):",
        "if who and page.private and (refusal := await self._refusal(request, language, page, who)):",
        REGISTRY,
    ),
    _mutant(
        "a file requires a session",
        "web.document_server",
        "        current_identity.set(who)\n        if who is None:\n",
        "        current_identity.set(who)\n        if False:\n",
        REGISTRY,
    ),
    _mutant(
        "a route requires its right",
        "accounts.rights",
        "return await endpoint(request) if may(require_identity().account.role, right) else",
        "return await endpoint(request) if True else",
        "tests/accounts",
        RIGHTS,
    ),
    _mutant(
        "a handler without its own right needs the right of its state",
        "accounts.rights",
        'next((state.needs for state in registered.states if hasattr(state, "needs")), Right.SEE)',
        "Right.SEE",
        RIGHTS,
    ),
    _mutant(
        "an account that requires a second factor holds back people without one",
        "rooms.signin.sessions",
        "HELD_BACK if two_step and held_back else role",
        "role",
        "tests/rooms/people/test_two_step.py",
        f"{ATTACK}/test_held_back.py",
    ),
    _mutant(
        "the second factor stays on while an account requires it",
        "rooms.security.forms",
        "if name := two_factor.required_by(session, sent.who.person_id):",
        "if (name := two_factor.required_by(session, sent.who.person_id)) is None:",
        "tests/rooms/security/test_second_step.py",
    ),
    _mutant(
        "activity belongs to the account",
        "lists.source",
        "            return search.of_account(self.model, request.account_id)\n",
        "            return search.ALWAYS\n",
        "tests/rooms/activity/test_changes.py",
        "tests/accounts/test_scope.py",
    ),
    _mutant(
        "only selected sign-in changes of a person appear in the account's activity",
        "accounts.activity_log",
        "if account_id is None and subject_id is not None and what.for_owners:",
        "if account_id is None and subject_id is not None:",
        "tests/rooms/activity/test_changes.py",
    ),
    _mutant(
        "a form requires its right",
        "forms.handling",
        "if may(who.account.role, handler.right):",
        "if True:",
        "tests/forms/test_handling.py",
        f"{ATTACK}/test_forms.py",
    ),
    _mutant(
        "a form refuses unknown fields",
        "forms.fields",
        'extra="forbid", hide_input_in_errors',
        'extra="ignore", hide_input_in_errors',
        "tests/forms/test_handling.py",
        f"{ATTACK}/test_forms.py",
    ),
    _mutant(
        "the right to manage people is checked again in the transaction",
        "accounts.rights",
        "if membership is None or not may(membership.role, right):",
        "if membership is None:",
        "tests/rooms/people/test_service.py",
    ),
    _mutant(
        "a state never sees the session cookie",
        "web.document_server",
        'await self.app({**scope, "headers": _hashed_cookie(scope)}, receive, send)',
        "await self.app(scope, receive, send)",
        f"{ATTACK}/test_canaries.py",
        HANDLERS,
        FOREIGN,
    ),
    _mutant(
        "downloads are rate limited",
        "web.document_server",
        "if not await quotas.within_quota(limit, who, str(who.person_id)):",
        "if False:",
        "tests/web/test_document_server.py",
    ),
    _mutant(
        "forms are rate limited",
        "forms.handling",
        "if not await rate_limits.hit(FORMS_PER_PERSON, str(who.person_id), alone=True):",
        "if False:",
        "tests/forms/test_handling.py",
    ),
    # Requests from other sites.
    _mutant(
        "a request with conflicting lengths ends its connection",
        "web.document_server",
        "if headers.has_two_lengths(request):",
        "if False:",
        f"{ATTACK}/test_requests.py",
    ),
    _mutant(
        "a form from another site is refused (Sec-Fetch-Site)",
        "web.headers",
        'if site is not None and site not in {"same-origin", "none"}:',
        "if False:",
        ORIGINS,
    ),
    _mutant(
        "a form from another origin is refused (Origin)",
        "web.headers",
        "return origin is not None and origin.lower() != get_settings().origin",
        "return False",
        ORIGINS,
    ),
    _mutant(
        "the return address after signing in stays on this site",
        "rooms.signin.return_url",
        "or not _is_local(wanted):",
        "or False:",
        f"{ATTACK}/test_addresses.py",
    ),
    _mutant(
        "no page may be framed",
        "web.headers",
        "frame-ancestors 'none'; {forms}",
        "{forms}",
        f"{ATTACK}/test_answers.py",
    ),
    # Sessions.
    _mutant("a session expires when idle", "rooms.signin.sessions", "or (idle is not None and now >= idle)", "or False", ENDS),
    _mutant("a session has a maximum lifetime", "rooms.signin.sessions", "return now >= absolute or", "return False or", ENDS),
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
        "    sessions.end_all(session, person.id)\n    two_factor.stop_trusting",
        "    two_factor.stop_trusting",
        LINKS,
    ),
    _mutant(
        "a sign-in ends the browser's previous session",
        "rooms.signin.service",
        "        sessions.sign_out(session, previous)\n",
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
        "loading a document counts as activity",
        "web.document_server",
        "            await self.touch(who)\n        page_request =",
        "            pass\n        page_request =",
        ENDS,
    ),
    # Devices.
    _mutant(
        "a vehicle is named on the account's own devices",
        "rooms.devices.vehicles",
        ".where(Device.account_id == account_id, col(Device.serial).in_(serials), Device.held_until >= today)",
        ".where(col(Device.serial).in_(serials), Device.held_until >= today)",
        DEVICES,
    ),
    _mutant(
        "a device that left cannot be named",
        "rooms.devices.vehicles",
        "col(Device.serial).in_(serials), Device.held_until >= today)",
        "col(Device.serial).in_(serials))",
        DEVICES,
    ),
    _mutant(
        "only the account's own serials are close to an unknown one",
        "rooms.devices.closest",
        ".where(Device.account_id == account_id, col(Device.serial).in_(candidates))",
        ".where(col(Device.serial).in_(candidates))",
        DEVICES,
    ),
    _mutant(
        "only the account's own devices are selected for a file",
        "rooms.devices.selected",
        "mine = (Device.account_id == who.account.account_id, col(Device.serial).in_(serials))",
        "mine = (col(Device.serial).in_(serials),)",
        DEVICES,
    ),
    _mutant(
        "naming a vehicle asks for the right again",
        "rooms.devices.vehicles",
        "    require_right(session, who, Right.VEHICLES)\n",
        "    pass\n",
        DEVICES,
    ),
    *(
        _mutant(guard, "rooms.devices.service", old, new, f"{DEVICES}/test_service.py")
        for guard, old, new in (
            (
                "a device is read in its account only",
                ".where(Device.account_id == account_id, Device.serial == serial)",
                ".where(Device.serial == serial)",
            ),
            (
                "assignments of devices are read in their account only",
                ".where(search.unindexed(col(DeviceAssignment.account_id)) == account_id, col(DeviceAssignment.device_id).in_(ids))",
                ".where(col(DeviceAssignment.device_id).in_(ids))",
            ),
            (
                "the devices of an order are read in its account only",
                ".where(Device.account_id == account_id, DeviceAssignment.account_id == account_id, DeviceAssignment.order_id == order_id)",
                ".where(DeviceAssignment.order_id == order_id)",
            ),
        )
    ),
    _mutant(
        "a vehicle's name is not replaced unseen",
        "rooms.devices.forms",
        '    if clash := conflict(sent, {"vehicle": held.vehicle}):\n        return clash\n',
        "",
        f"{DEVICES}/test_page.py",
    ),
    *(
        _mutant(guard, "rooms.devices.assign", old, new, f"{DEVICES}/test_assign.py")
        for guard, old, new in (
            (
                "pasting a list of vehicles asks for the right again",
                "    require_right(session, who, Right.VEHICLES)\n    parse(content)",
                "    parse(content)",
            ),
            (
                "applying a list of vehicles asks for the right again",
                "    require_right(session, who, Right.VEHICLES)\n    kept = get(session, who, key, now)\n    if kept.applied_at is not",
                "    kept = get(session, who, key, now)\n    if kept.applied_at is not",
            ),
            (
                "undoing a list of vehicles asks for the right again",
                "    require_right(session, who, Right.VEHICLES)\n    kept = get(session, who, key, now)\n    if kept.applied_at is None",
                "    kept = get(session, who, key, now)\n    if kept.applied_at is None",
            ),
            ("a list of vehicles stays in its account", "VehicleList.account_id == who.account.account_id, ", ""),
            ("a list of vehicles is kept for a day", " or (found.applied_at or found.created_at) <= now - KEPT_FOR:", ":"),
            (
                "a list of vehicles is applied once",
                "    if kept.applied_at is not None:\n        return applied_count(session, kept)\n",
                "",
            ),
            ("a list of vehicles is undone once", " or kept.undone_at is not None:", ":"),
            ("undoing a list leaves what was named since", " if device.vehicle == names[serial][1]]", "]"),
            ("a list of vehicles has a limit", "    if len(lines) > MAX_LINES:", "    if False:"),
            ("a serial that a spreadsheet shortened is refused", "if _SHORTENED.fullmatch(line.serial)", "if False"),
        )
    ),
    _mutant(
        "a list is applied as it was shown",
        "rooms.devices.assign",
        "    if checked.version != version:\n        raise StalePreview\n",
        "",
        DEVICES,
    ),
    _mutant(
        "a pasted list is its person's own",
        "rooms.devices.assign",
        "VehicleList.person_id == who.person_id, VehicleList.key == key",
        "VehicleList.key == key",
        DEVICES,
    ),
    _mutant(
        "a device's history begins with the account's own time",
        "rooms.devices.history",
        "if assignment.since <= day <= (assignment.until or date.max):",
        "if True:",
        DEVICES,
    ),
    _mutant(
        "a device's history has the account's own changes only",
        "rooms.devices.history",
        ".where(Change.account_id == device.account_id, Change.about == device.serial)",
        ".where(Change.about == device.serial)",
        DEVICES,
    ),
    _mutant(
        "assignments of a device do not overlap",
        "importing.devices",
        "elif line and (before.until is None or before.until >= after.since):",
        "elif False:",
        "tests/importing/test_devices.py",
    ),
    _mutant(
        "a name of the portal outlasts an unchanged file",
        "importing.devices",
        "if row.vehicle != span.file_vehicle and not named_here:",
        "if not named_here:",
        "tests/importing/test_devices.py",
    ),
    _mutant(
        "a former holder's vehicle is not handed on",
        "importing.devices",
        "if present is not None and present.account_id == account.id:\n                span.vehicle",
        "if present is not None:\n                span.vehicle",
        "tests/importing/test_devices.py",
    ),
    # Cards.
    _mutant(
        "a card belongs to the account",
        "rooms.cards.service",
        "select(Card).where(Card.account_id == account_id, Card.provider",
        "select(Card).where(Card.provider",
        CARDS,
    ),
    _mutant(
        "the return from adding a card belongs to the account",
        "rooms.cards.service",
        "where(CardSetup.account_id == account_id, CardSetup.key == key)",
        "where(CardSetup.key == key)",
        "tests/rooms/cards/test_flow.py",
    ),
    _mutant(
        "starting to add a card requires the right",
        "rooms.cards.service",
        "    require_right(session, who, Right.BILLING)\n    account_id",
        "    account_id",
        CARDS,
    ),
    _mutant(
        "changing a card requires the right",
        "rooms.cards.service",
        "    require_right(session, who, Right.BILLING)\n    account_cards",
        "    account_cards",
        CARDS,
    ),
    _mutant(
        "the sandbox's webhook must be signed",
        "rooms.cards.sandbox",
        'if signature is None or not hmac.compare_digest(signature["by"].encode(), self._sign(signature["at"], body).encode()):',
        "if signature is None:",
        HOOKS,
    ),
    _mutant(
        "an old webhook of the sandbox is refused",
        "rooms.cards.sandbox",
        'if abs(clock.now().timestamp() - int(signature["at"])) > LONGEST_AGE.total_seconds():',
        "if False:",
        "tests/rooms/cards/test_flow.py",
    ),
    _mutant(
        "an old webhook of Stripe is refused",
        "rooms.cards.stripe_provider",
        'headers.get("stripe-signature", ""), self._webhook_secret)',
        'headers.get("stripe-signature", ""), self._webhook_secret, 10**9)',
        HOOKS,
    ),
    # Held connections, and the identity of a request.
    *(
        _mutant(guard, "web.connections", old, new, CONNECTIONS)
        for guard, old, new in (
            ("a request's head and body must arrive in time", "if now - since >= connection.time_limit:", "if False:"),
            ("each byte does not extend the time of a head or body", "if awaited is not self._awaited:", "if True:"),
            ("an answer must be read in time", "return now - self._since >= limits.unread_seconds", "return False"),
            ("connections are limited", "if peer_is_full or self._total >= self.limits.connections:", "if peer_is_full:"),
            (
                "connections per address are limited",
                "self._open_by_address[connection.address] >= self.limits.connections_per_address if self.by_address else False",
                "False",
            ),
            ("answers that are not pages have the headers, too", ", *headers.common_headers()]", "]"),
        )
    ),
    _mutant("WebSockets are limited", "web.open_sockets", "elif self._total >= self.limits.sockets:", "elif False:", CONNECTIONS),
    _mutant(
        "WebSockets per address are limited",
        "web.open_sockets",
        "if self._open_by_address[key] >= self.limits.sockets_per_address:",
        "if False:",
        CONNECTIONS,
    ),
    _mutant(
        "WebSockets are counted by /64 network",
        "web.open_sockets",
        'key = rate_limits.address_key(scope["client"][0] if scope.get("client") else "")',
        'key = scope["client"][0]',
        CONNECTIONS,
    ),
    _mutant(
        "log lines that anonymous visitors cause are throttled",
        "observability.log_pacing",
        "if (now := self._clock()) < self._next:",
        "if (now := self._clock()) < 0:",
        CONNECTIONS,
    ),
    _mutant("failed accepts do not flood the log", "serving", "elif count := self._seldom.due():", "elif count := 1:", CONNECTIONS),
    _mutant(
        "the limit on open files is raised",
        "limits.open_files",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (reachable_file_limit(), hard))",
        "pass",
        CONNECTIONS,
    ),
    _mutant("a client address has no port", "web.client_address", "        bare = found[1]\n", "        return bare\n", SERVING),
    _mutant(
        "an invalid client address counts as none",
        "web.client_address",
        "    except ValueError:\n        return None",
        "    except ValueError:\n        return bare",
        SERVING,
    ),
    *(
        _mutant(guard, module, old, new, "tests/core/test_private_files.py")
        for guard, module, old, new in (
            ("only its owner can read a database", "core.database", "private_files.make_file(self._path)", "self._path.touch(0o666)"),
            (
                "only its owner can read the files beside a database",
                "core.database",
                "private_files.restrict(self._path",
                "private_files.is_wide(self._path",
            ),
            (
                "only its owner can read a private file",
                "core.private_files",
                "os.O_WRONLY | os.O_CREAT, FILE))\n    restrict(path)",
                "os.O_WRONLY | os.O_CREAT, 0o666))",
            ),
            (
                "only its owner can read a private folder",
                "core.private_files",
                "path.mkdir(FOLDER, exist_ok=True)",
                "path.mkdir(exist_ok=True)",
            ),
        )
    ),
    _mutant(
        "the public address is normalized as browsers do",
        "settings",
        'return origin_of(value) if value else ""',
        "return value",
        "tests/test_public_origin.py",
    ),
    _mutant(
        "an authenticator set up under another portal secret is recognized",
        "rooms.signin.two_factor",
        "return not named or hmac.compare_digest(name, _secret_id())",
        "return True",
        SECOND,
    ),
    _mutant(
        "an invalid request target is refused with the headers",
        "web.request_targets",
        'or _is_usable(scope["path"], scope["query_string"]):',
        "or True:",
        "tests/web/test_headers.py",
    ),
    _mutant(
        "files in progress per person are limited",
        "limits.concurrent_files",
        "if self._taken_by_key[key] >= self._per_key or",
        "if",
        "tests/limits/test_concurrent_files.py",
    ),
    _mutant(
        "files in progress are limited in all",
        "limits.concurrent_files",
        " or self._taken >= self._total:",
        ":",
        "tests/limits/test_concurrent_files.py",
    ),
    *(
        _mutant(guard, module, old, "if True:", test)
        for guard, module, old, test in (
            (
                "list exports count as files in progress",
                "lists.spooled_file",
                "with concurrent_files.FILES.held(self._key):",
                "tests/limits/test_concurrent_files.py",
            ),
            (
                "printed documents count as in progress",
                "documents.routes",
                "with concurrent_files.DOCUMENTS.held(who.person_id):",
                "tests/rooms/invoices/test_archive.py",
            ),
            (
                "archives count as files in progress",
                "rooms.invoices.archive",
                'with concurrent_files.FILES.held(f"{person_id}"):',
                "tests/rooms/invoices/test_archive.py",
            ),
            (
                "statements count as files in progress",
                "rooms.statements.pdf",
                'with concurrent_files.FILES.held(f"{who.person_id}"):',
                "tests/rooms/statements/test_pdf.py",
            ),
        )
    ),
    # Guessing.
    _mutant(
        "failed sign-ins make a person wait",
        "rooms.signin.attempts",
        "waiting = waiting or not await rate_limits.begin_attempt(key, now)",
        "waiting = waiting or False",
        ROUTES,
    ),
    _mutant(
        "sign-ins per address are limited",
        "rooms.signin.attempts",
        "if not await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, browser.address):",
        "if False:",
        ROUTES,
    ),
    _mutant(
        "the IPv6 networks of one subscriber share a limit",
        "limits.rate_limits",
        "return [limit, *networks_around]",
        "return [limit]",
        THROTTLE,
    ),
    *(
        _mutant(guard, "limits.counters", old, new, THROTTLE)
        for guard, old, new in (
            ("each kind of limit has a separate store", 'return self._hits[key.partition("/")[0]]', 'return self._hits[""]'),
            ("each kind of wait has a separate store", 'return self._failures[key.rpartition(":")[0]]', 'return self._failures[""]'),
            ("a full store drops the least important entries", ", key=lambda key: weight(entries[key]))", ", key=lambda _: 0)"),
            ("the entry just counted is never dropped", "if key != current)", "if key)"),
        )
    ),
    *(
        _mutant(guard, "rooms.signin.attempts", old, new, *tests)
        for guard, old, new, tests in (
            ("failures from other browsers do not lock out a known browser", "if known and known.browser:", "if False:", (KNOWN,)),
            (
                "a known browser waits for its own failures",
                "if allowed and await rate_limits.begin_attempt(key, now):",
                "if allowed:",
                (KNOWN,),
            ),
            ("a known browser's sign-ins are limited", "if allowed and await", "if await", (ROUTES,)),
            (
                "successful sign-ins are limited",
                "if count.by_address and await rate_limits.hit(rate_limits.SIGN_IN_PER_PERSON, str(known.person_id), alone=True):",
                "if count.by_address:",
                (ROUTES,),
            ),
            ("a known browser has a separate limit for the second step", "if known else f", "if False else f", (KNOWN,)),
            (
                "confirmations per person are limited",
                "if not await rate_limits.hit(rate_limits.CONFIRMS_PER_PERSON",
                "if not (rate_limits.CONFIRMS_PER_PERSON",
                (CONFIRM,),
            ),
            (
                "wrong passwords at a confirmation make the session wait",
                "    if not await rate_limits.begin_attempt(key, now):\n"
                '        security_log.log_event("authn_login_lock", logging.WARNING, **facts)\n',
                "    if False:\n        pass\n    if False:\n",
                (CONFIRM,),
            ),
            (
                "new passwords per address are limited",
                "allowed = await rate_limits.hit_address(rate_limits.CHOICES_PER_ADDRESS, address)",
                "allowed = True",
                (QUEUE,),
            ),
            (
                "new passwords per link are limited",
                "allowed = allowed and await rate_limits.hit(rate_limits.CHOICES_PER_LINK, token_hash(token))",
                "pass",
                (QUEUE,),
            ),
            (
                "a sign-in refused by the full queue is no failure",
                "        # Keep the count by address: attempts refused by a full queue can be a flood too.\n        await _uncount(count)",
                "",
                (QUEUE,),
            ),
        )
    ),
    *(
        _mutant(guard, "limits.work_queue", old, new, WORKQUEUE)
        for guard, old, new in (
            ("the work queue is bounded", "if self.count >= self.max_jobs:", "if False:"),
            (
                "the client with the most queued work gives way",
                "if len(longest) <= len(self._clients.get(job.client, ())) + 1:",
                "if True:",
            ),
            (
                "clients take turns",
                "self._clients[client] = jobs",
                "self._clients[client] = jobs\n            self._clients.move_to_end(client, last=False)",
            ),
            ("known clients go first", "(self._known if asker.first else self._others).add(job)", "self._others.add(job)"),
            ("known clients do not starve the others", "self._in_a_row < KNOWN_IN_A_ROW or", "True or"),
            ("queued work expires", "if self._now() - job.queued_at > self._patience:", "if False:"),
        )
    ),
    _mutant(
        "the estimate of a password's strength is cheap",
        "rooms.signin.passwords",
        "if readings > MOST_READINGS else text",
        "if False else text",
        QUEUE,
    ),
    _mutant(
        "a known browser's token must be the portal's",
        "rooms.signin.known_browsers",
        "if not browser.successor or (not renew and is_known(session, person_id, browser.device, now)):",
        "if not browser.successor or (browser.device and not renew):",
        KNOWN,
    ),
    _mutant(
        "a newly trusted browser gets a new token",
        "rooms.signin.service",
        "browsers.choose_token(session, person_id, browser, now, renew=remember)",
        "browsers.choose_token(session, person_id, browser, now)",
        KNOWN,
    ),
    _mutant(
        "forged unsubscribe tokens are not counted",
        "rooms.notifications.routes",
        "if found is not None and not off and not await rate_limits.hit(",
        "if not off and not await rate_limits.hit(",
        STOP,
    ),
    _mutant(
        "forged link tokens cause no write",
        "rooms.signin.link_pages",
        "return PostedLink(form, token, found, client) if found is not None else used_link(kind, client)",
        "return PostedLink(form, token, found, client)",
        SECOND,
    ),
    _mutant(
        "a forgotten password runs the same statements for an unknown email",
        "rooms.signin.service",
        "else links.create_decoy(session, LinkKind.RESET, now)",
        "else mail.new_seed()",
        LINKS,
    ),
    _mutant(
        "password-reset mails are limited",
        "rooms.signin.routes",
        "if allowed:",
        "if True:",
        ROUTES,
    ),
    _mutant(
        "an unknown email costs a password hash, too",
        "rooms.signin.attempts",
        "correct = await passwords.matches_in_queue(known.stored if known and not count.must_wait else None, form.password, count.asker)",
        "correct = await passwords.matches_in_queue(known.stored, form.password, count.asker) if known and not count.must_wait else False",
        ROUTES,
    ),
    _mutant(
        "a sensitive change asks for the password again unless the sign-in is recent",
        "rooms.signin.confirmation",
        "if not await read(sessions.is_fresh, sent.who.session, clock.now()):",
        "if False:",
        "tests/rooms/people/test_two_step.py",
    ),
    _mutant(
        "a sign-in with a new browser is told by mail, after any absence",
        "rooms.signin.known_browsers",
        "first = person.signed_in_at is None",
        "first = session.exec(select(SignIn).where(SignIn.person_id == person.id)).first() is None",
        "tests/rooms/security/test_browsers.py",
    ),
    _mutant(
        "a confirmation compares the password",
        "rooms.signin.confirmation",
        "if not stored or not await attempts.confirm(sent.who, typed, sent.client, clock.now()):",
        "if not stored:",
        "tests/rooms/people/test_two_step.py",
        PASSWORD,
    ),
    _mutant(
        "a new password gives the session a new token",
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
                "a passkey's challenge works once",
                "return ceremony if deleted == 1 and",
                "session.add(PasskeyCeremony(**ceremony.model_dump()))\n    return ceremony if",
            ),
            ("a passkey's challenge expires", "deleted == 1 and now < ceremony.expires_at", "deleted == 1"),
            ("a challenge is for one purpose", 'token_hash(f"passkey {purpose} {token}")', 'token_hash(f"passkey {token}")'),
            (
                "a passkey as the second step belongs to the person",
                "found is None or ceremony.person_id not in {None, found.person_id}",
                "found is None",
            ),
            ("a passkey's user handle is checked", 'bytes_to_base64url(handle or b"") != found.handle', "False"),
            ("a passkey's counter must increase", "credential_current_sign_count=found.sign_count", "credential_current_sign_count=0"),
            (
                "a passkey requires user verification",
                "credential_current_sign_count=found.sign_count,\n            require_user_verification=True",
                "credential_current_sign_count=found.sign_count,\n            require_user_verification=False",
            ),
            ("a passkey's counter is accepted once", "return found if updated.rowcount == 1 else None", "return found"),
            ("a passkey belongs to the person", "Passkey.person_id == person_id, Passkey.id == passkey_id", "Passkey.id == passkey_id"),
            (
                "a passkey is added by the person who began it",
                "ceremony is None or ceremony.person_id != person_id or len",
                "ceremony is None or len",
            ),
        )
    ),
    _mutant(
        "a locked-out person must set a new password first",
        "rooms.signin.service",
        "or person.id is None or not person.password:",
        "or person.id is None:",
        PASSKEYS,
    ),
    _mutant(
        "a lock-out removes the passkeys added since",
        "rooms.signin.lockout",
        "passkeys.remove_all(session, person.id, since)",
        "list[str]()",
        PASSKEYS,
    ),
    _mutant(
        "sign-ins with passkeys are limited",
        "rooms.signin.attempts",
        "allowed = await rate_limits.hit_address(rate_limits.SIGN_IN_PER_ADDRESS, address)",
        "allowed = True",
        PASSKEYS,
    ),
    _mutant(
        "a passkey counts as a second factor",
        "rooms.signin.two_factor",
        "return {*session.exec(apps).all(), *session.exec(keys).all()}",
        "return set(session.exec(apps).all())",
        PASSKEYS,
    ),
    _mutant("a link works once", "rooms.signin.links", "return person if updated.rowcount == 1 else None", "return person", LINKS),
    _mutant(
        "a link expires",
        "rooms.signin.links",
        "            col(OneUseLink.expires_at) > now,\n            col(Person.disabled_at)",
        "            col(Person.disabled_at)",
        LINKS,
    ),
    _mutant(
        "a newer link invalidates the older one",
        "rooms.signin.links",
        "    invalidate_all(session, person.id, now)\n    return _add",
        "    return _add",
        LINKS,
    ),
    # Customers' changes, and the next import.
    *(
        _mutant(guard, "accounts.service", old, new, EMAIL_STAYS)
        for guard, old, new in (
            ("a former email is reserved", "col(EarlierEmail.reserved_until) > now)", "col(EarlierEmail.reserved_until) < now)"),
            (
                "no person is created with a former email",
                "known = person_holding_email(session, address, now)",
                "known = find_person(session, address)",
            ),
        )
    ),
    *(
        _mutant(guard, "rooms.signin.email_change", old, new, EMAIL_STAYS)
        for guard, old, new in (
            (
                "a former email cannot be requested",
                "if (holder := person_holding_email(session, email, now)) is not None",
                "if (holder := find_person(session, email)) is not None",
            ),
            (
                "a former email cannot be confirmed",
                "holder = person_holding_email(session, change.new_email, now)",
                "holder = find_person(session, change.new_email)",
            ),
            ("an undo also reverts later email changes", "col(EmailChange.id) >= change.id", "col(EmailChange.id) == change.id"),
        )
    ),
    _mutant(
        "an invitation to a former email creates no person",
        "rooms.people.accept_invitation",
        "person = person_holding_email(session, invitation.email, now)",
        "person = person_holding_email(session, invitation.email, now.replace(year=9999))",
        EMAIL_STAYS,
    ),
    _mutant(
        "an import changes only values that changed in its files",
        "importing.bulk",
        "if previous.get(name) is not None and previous[name] != value}",
        "}",
        IMPORTED,
    ),
    *(
        _mutant(guard, "importing.people", old, new, IMPORTED)
        for guard, old, new in (
            ("an import finds people by their former emails", "if not earlier:\n        if left", "if True:\n        if left"),
            ("an import matches an email only under the same name", "if name in {row.name, None}]", "]"),
            ("the row with the current email wins", "if found is None or first.get(found, key) == key:", "if True:"),
            ("the role with the current email wins", "if found is None or here.get((found, line.row.account), key) == key:", "if True:"),
        )
    ),
    # Notifications.
    _mutant(
        "a notification is sent once",
        "rooms.notifications.send",
        "return [event for event in found if (event.kind.value, event.about) not in known]",
        "return found",
        NOTICES,
    ),
    _mutant(
        "runs for one account wait for each other",
        "rooms.notifications.send",
        "account = session.get_one(Account, account_id, with_for_update=True)",
        "account = session.get_one(Account, account_id)",
        NOTICES,
    ),
    _mutant(
        "imported history causes no notifications",
        "rooms.notifications.events",
        "return [event for event in found if event.day >= first]",
        "return list(found)",
        NOTICES,
    ),
    _mutant(
        "a recipient of notifications belongs to the account",
        "rooms.notifications.send",
        '.where(Membership.account_id == account_id, Person.password != ""',
        '.where(Person.password != ""',
        NOTICES,
    ),
    _mutant(
        "a notification that is switched off is not sent",
        "rooms.notifications.service",
        "return role in DEFAULTS[kind] if chosen is None else chosen",
        "return True",
        NOTICES,
    ),
    _mutant(
        "the signature of an unsubscribe link is checked",
        "core.signing",
        'return plain if hmac.compare_digest(sign(purpose, plain).encode(), token.encode(errors="replace")) else None',
        "return plain",
        STOP,
        "tests/core/test_signing.py",
    ),
    _mutant(
        "no copy is sent before the mailbox confirms",
        "rooms.notifications.copies",
        "if c.confirmed_at is not None and c.stopped_at is None",
        "if c.stopped_at is None",
        NOTICES,
    ),
    _mutant(
        "no copy is sent to a mailbox that unsubscribed",
        "rooms.notifications.copies",
        "if c.confirmed_at is not None and c.stopped_at is None",
        "if c.confirmed_at is not None",
        NOTICES,
    ),
    _mutant(
        "addresses for copies belong to the account",
        "rooms.notifications.service",
        "select(InvoiceCopy).where(InvoiceCopy.account_id == account_id)",
        "select(InvoiceCopy)",
        NOTICES,
        "tests/accounts/test_scope.py",
    ),
    _mutant(
        "unsolicited mails are limited",
        "accounts.unsolicited",
        "if full_since is not None and full_since + limit.span > now:",
        "if False:",
        UNSOLICITED,
        NOTICES,
    ),
    _mutant(
        "an invitation counts as unsolicited mail",
        "rooms.people.service",
        "unsolicited.count_mail(session, unsolicited.MailKind.INVITATION, who.person_id, account_id, address, now)",
        "None",
        UNSOLICITED,
    ),
    _mutant(
        "an invitation sent again counts as unsolicited mail",
        "rooms.people.service",
        "unsolicited.count_mail(session, unsolicited.MailKind.INVITATION, who.person_id, invitation.account_id, invitation.email, now)",
        "None",
        UNSOLICITED,
    ),
    _mutant(
        "an email change counts as unsolicited mail",
        "rooms.signin.email_change",
        "unsolicited.count_mail(session, unsolicited.MailKind.EMAIL, person_id, None, email, now)",
        "None",
        UNSOLICITED,
    ),
    _mutant(
        "a request to confirm copies counts as unsolicited mail",
        "rooms.notifications.copies",
        "unsolicited.count_mail(session, unsolicited.MailKind.COPY, who.person_id, who.account.account_id, email, now)",
        "None",
        NOTICES,
    ),
    _mutant(
        "spellings of one mailbox share a limit",
        "accounts.unsolicited",
        "{local.partition('+')[0].replace('.', '') or local}",
        "{local}",
        UNSOLICITED,
    ),
    _mutant(
        "a name in a mail holds no web address",
        "rooms.people.mails",
        "plain_name(who.name, who.email)",
        "who.name",
        UNSOLICITED,
    ),
    _mutant(
        "only the unsubscribe page takes a form from any site",
        "web.document_server",
        "and page is not None and page.from_anywhere",
        "and page is not None",
        STOP,
        ORIGINS,
    ),
    _mutant(
        "no other site can resubscribe a person",
        "rooms.notifications.routes",
        "if not off and headers.is_cross_site(page_request.request):",
        "if False:",
        STOP,
    ),
    _mutant(
        "changing a default address requires the right for its purpose",
        "rooms.addresses.service",
        "raise NotAllowed(RIGHT[purpose])",
        "pass",
        "tests/rooms/addresses/test_service.py",
    ),
    _mutant(
        "the first address becomes a default only with the right for the purpose",
        "rooms.addresses.service",
        "            if may(membership.role, RIGHT[purpose]):",
        "            if True:",
        "tests/rooms/addresses/test_service.py",
    ),
    _mutant(
        "a data export hides the client addresses of other people",
        "rooms.privacy.contents",
        'return case((column.table.c.person_id == subject.person_id, column), else_="").label(column.name)',
        "return column",
        "tests/rooms/privacy/test_contents.py",
    ),
    # End of a person's access.
    _mutant(
        "removing a person ends what they set up",
        "rooms.people.service",
        '_end(session, who, membership.person_id, "", now, client, kept)',
        "None",
        REVOKE,
    ),
    _mutant(
        "lowering a role ends what the person set up",
        "rooms.people.service",
        "_end(session, who, membership.person_id, role.value, now, client, kept)",
        "None",
        REVOKE,
    ),
    _mutant(
        "disabling a person ends what they set up",
        "rooms.signin.staff",
        "room.revoke_everywhere(session, person.id, STAFF, now)",
        "None",
        REVOKE,
    ),
    _mutant(
        "a lock-out ends what was set up since then",
        "rooms.signin.lockout",
        "room.revoke_everywhere(session, person.id, by, now, since)",
        "None",
        REVOKE,
    ),
    _mutant(
        "a role lowered by an import ends what the person set up",
        "importing.people",
        'if access_loss.loses(existing[at].role, fresh[at]["role"]):',
        "if False:",
        REVOKE,
    ),
    _mutant(
        "accepting an invitation requires that its inviter still has the right",
        "rooms.people.accept_invitation",
        "if invitation.invited_by not in people_with_right(session, invitation.account_id, Right.PEOPLE):",
        "if False:",
        REVOKE,
    ),
    _mutant(
        "accepting an invitation waits for changes of the people",
        "rooms.people.accept_invitation",
        "lock_account(session, account_id)",
        "None",
        REVOKE,
        # SQLite has one writer at a time, with or without the lock.
        database="postgresql",
    ),
    _mutant(
        "copies are sent only while the person who added them has the billing right",
        "rooms.notifications.copies",
        "and c.asked_by in entitled]",
        "]",
        REVOKE,
    ),
    _mutant(
        "a copy's link is invalid once the person who added it lost the right",
        "rooms.notifications.copies",
        "if found is None or found[0].asked_by not in people_with_right(session, found[0].account_id, Right.BILLING):",
        "if found is None:",
        REVOKE,
    ),
    _mutant(
        "a person who leaves does not keep what they set up",
        "rooms.people.service",
        "keeper = who.person_id if who.person_id != person_id else None",
        "keeper = who.person_id",
        REVOKE,
    ),
    _mutant(
        "a card added by a person who lost the right is not kept",
        "rooms.cards.service",
        "if result.card is not None and setup.person_id in people_with_right(session, setup.account_id, Right.BILLING):",
        "if result.card is not None:",
        CARDS,
    ),
    # Messages on the socket.
    _mutant(
        "the data of a socket's connect packet is checked",
        "web.socket_filter",
        "accepted = not self._connected and (not data or self._is_boot(_parse_json(data)))",
        "accepted = not self._connected and (not data or isinstance(_parse_json(data), dict))",
        FRAMES,
    ),
    _mutant(
        "a socket connects to the namespace once",
        "web.socket_filter",
        "accepted = not self._connected and (not data",
        "accepted = (not data",
        FRAMES,
    ),
    _mutant(
        "no message is accepted before a socket is connected",
        "web.socket_filter",
        'accepted = self._connected and self._is_message(_parse_json(data or ""))',
        'accepted = self._is_message(_parse_json(data or ""))',
        FRAMES,
    ),
    _mutant("an event with unknown fields is refused", "web.socket_filter", 'extra="forbid", strict=True', 'extra="ignore"', FRAMES),
    _mutant("a deeply nested payload is refused", "web.socket_filter", "and not _is_deeper(event.payload, _DEPTH)", "", FRAMES),
    _mutant(
        "a socket's query is checked, with one token",
        "web.socket_filter",
        "return query.keys() == _QUERY.keys() and all(",
        "return True or all(",
        FRAMES,
    ),
    _mutant(
        "a socket opens at its own path only",
        "web.socket_filter",
        'if scope["path"] not in _ADDRESSES or len(subprotocols) > 1',
        "if len(subprotocols) > 1",
        FRAMES,
    ),
    _mutant(
        "messages per address are limited",
        "web.socket_filter",
        "if self._rate_limit.over(address) and text not in {_CLOSE, _PONG}:",
        "if False:",
        FRAMES,
    ),
    _mutant("handshakes per address are limited", "web.socket_filter", "if self._rate_limit.over(address):\n", "if False:\n", FRAMES),
    _mutant(
        "garbage is logged once per time span",
        "web.socket_filter",
        'if not self._log_limit.over(f"{what} {address}"):',
        "if True:",
        FRAMES,
    ),
    _mutant("the size of a message is limited", "web.socket_limits", "max_size=MESSAGE_BYTES", "max_size=1 << 24", RAW),
    _mutant(
        "a connection's frames are limited",
        "web.socket_limits",
        "if self._frames > FRAMES or self._bytes > BYTES:",
        "if self._bytes > BYTES:",
        INCOMING,
    ),
    _mutant(
        "a connection's inflated bytes are limited",
        "web.socket_limits",
        "if self._frames > FRAMES or self._bytes > BYTES:",
        "if self._frames > FRAMES:",
        INCOMING,
    ),
    _mutant(
        "an unreadable handshake ends the connection",
        "web.socket_limits",
        "if self.conn.handshake_exc and not self.handshake_initiated:",
        "if False:",
        RAW,
    ),
    _mutant(
        "invalid UTF-8 leaves no traceback",
        "web.socket_limits",
        'if self.curr_msg_data_type == "text":',
        "if False:",
        RAW,
    ),
    _mutant(
        "the token that Reflex gave a duplicated tab is deleted",
        "web.state_eviction",
        'tokens.add(replaced["token"])',
        "pass",
        "tests/faults/test_leaving.py",
    ),
    _mutant(
        "a dropped event has no line in the log",
        "observability.instrumentation",
        'if running.dropped and outcome == "done":',
        "if False:",
        "tests/observability/test_instrumentation.py",
    ),
    _mutant(
        "a dropped event is marked as dropped",
        "web.event_gate",
        "            instrumentation.mark_dropped()\n",
        "",
        "tests/web/test_event_gate.py",
    ),
    _mutant(
        "anonymous events are counted by IPv6 network",
        "web.event_gate",
        "else address_key(state.router.session.client_ip)",
        "else state.router.session.client_ip",
        "tests/web/test_event_gate.py",
    ),
    # Display and logs.
    _mutant(
        "text is escaped",
        "ui.template",
        "text = escape(_resolved_text(node, scope), quote=False)",
        "text = _resolved_text(node, scope)",
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
        "a formula in a CSV is text", "lists.download", 'return f"\'{text}" if text.startswith', "return text if text.startswith", STORED
    ),
    _mutant(
        "a line of input has no invisible marks",
        "forms.fields",
        'mask_card_numbers(re.sub(r"\\s+", " ", strip_invisible(value)).strip())',
        'mask_card_numbers(re.sub(r"\\s+", " ", value).strip())',
        "tests/forms/test_handling.py",
    ),
    _mutant(
        "a text of input has no invisible marks",
        "forms.fields",
        "mask_card_numbers(strip_invisible(plain).strip())",
        "mask_card_numbers(plain.strip())",
        "tests/forms/test_handling.py",
    ),
    _mutant(
        "an imported cell has no invisible marks",
        "importing.cells",
        'strip_invisible(_LINE_BREAKS.sub(" ", cell)).strip()',
        '_LINE_BREAKS.sub(" ", cell).strip()',
        "tests/importing/test_cells.py",
    ),
    _mutant(
        "a mail has no invisible marks",
        "mail.outbox",
        "(strip_invisible(written) for written in (subject, text, html))",
        "(subject, text, html)",
        "tests/mail/test_outbox.py",
    ),
    _mutant(
        "a name cannot reverse the direction of a sentence",
        "core.i18n",
        "name: strip_invisible(value) if isinstance(value, str) else value",
        "name: value",
        "tests/core/test_i18n.py",
    ),
    _mutant(
        "a cell of an export has no invisible marks",
        "lists.download",
        """_FORMULA_START.sub(r"'\\1", strip_invisible(text))""",
        """_FORMULA_START.sub(r"'\\1", text)""",
        "tests/lists/test_download.py",
    ),
    _mutant(
        "output of a command cannot control a terminal",
        "commands.common",
        "click.echo(printable(line), err=err)",
        "click.echo(line, err=err)",
        "tests/test_printing.py",
    ),
    _mutant(
        "the length of an imported row is limited",
        "importing.reader",
        "self._text.readline(self.remaining + 1)",
        "self._text.readline()",
        "tests/importing/test_cells.py",
    ),
    _mutant(
        "log records are masked",
        "observability.logs",
        "record.msg, record.args = _indented(truncated(message, MESSAGE_CHARACTERS)), ()",
        "record.msg, record.args = _indented(message), ()",
        "tests/observability/test_logs.py",
        f"{ATTACK}/test_canaries.py",
    ),
    _mutant(
        "a log line cannot be forged",
        "observability.logs",
        "record.msg, record.args = _indented(truncated(message, MESSAGE_CHARACTERS)), ()",
        "record.msg, record.args = truncated(message, MESSAGE_CHARACTERS), ()",
        "tests/observability/test_logs.py",
    ),
    # Layout.
    _mutant(
        "an agreement's progress bar marks the years",
        "rooms.orders.view",
        "for year in range(1, years)]",
        "for year in range(1, 1)]",
        f"{PICTURES}/test_screens.py",
    ),
    Mutant(
        "a missing line is a difference of pictures",
        "tests.pictures.compare",
        "ImageChops.lighter(_outside(first, second), _outside(second, first))",
        "_outside(second, first)",
        (f"{PICTURES}/test_compare.py",),
    ),
    Mutant(
        "a slightly different background is a difference of pictures",
        "tests.pictures.compare",
        "Rule(level=4, most=80)",
        "Rule(level=4, most=300)",
        (f"{PICTURES}/test_compare.py",),
    ),
    Mutant(
        "a picture of another size is a difference",
        "tests.pictures.approved",
        "if stored.area != taken.size:",
        "if False:",
        (f"{PICTURES}/test_approved.py",),
    ),
    # Build of the pages.
    _mutant(
        "npm saves nothing while installing",
        "frontend.packages",
        '{"NPM_CONFIG_SAVE": "false"}',
        "{}",
        PACKAGES,
    ),
    _mutant(
        "packages that differ from the lock fail a build",
        "frontend.builder",
        "if differing := packages.differences(project, web):",
        "if differing := []:",
        "tests/frontend/test_builder.py",
    ),
    _mutant(
        "a build restores the lock file",
        "frontend.packages",
        "                    file.write_bytes(content)",
        "                    pass",
        "tests/frontend/test_builder.py",
    ),
    _mutant(
        "a long log record is cut before it is masked",
        "observability.logs",
        "if len(text) <= limit:",
        "if True:",
        "tests/observability/test_logs.py",
    ),
    _mutant(
        "an event cut off in a log record is masked",
        "observability.logs",
        'end = -1 if cut else text.rfind("}", event.end())',
        'end = text.rfind("}", event.end())',
        "tests/observability/test_logs.py",
    ),
    _mutant(
        "a card number cut off in a log record is left out",
        "observability.logs",
        "text[:limit].rstrip(_NUMBER_CHARACTERS)",
        "text[:limit]",
        "tests/observability/test_logs.py",
    ),
    _mutant(
        "the password of a URL cut off in a log record is masked",
        "observability.logs",
        "kept = _CUT_URL.sub(lambda m: f\"{m['name']}{MASK}\", text[:limit]",
        "kept = str.strip(text[:limit]",
        "tests/observability/test_logs.py",
    ),
)
