import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from string import Formatter

import jinja2
import jinja2.nodes
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from odoportal.core import clock, i18n
from odoportal.core.i18n import Formats, month_name, t, tn, written_day, written_moment
from odoportal.rooms.registry import ROOMS

ROOT = Path(__file__).resolve().parents[2]
NB = "\u00a0"
FR, EN = Formats("fr-CA"), Formats("en-CA")

# The arguments of t() and tn() that are not literals, by file. Their possible values must be extracted elsewhere.
NOT_LITERAL = {("odoportal/odoportal.py", "page.title")}

# The guide's words, and their French in the pictures of the portal.
GUIDE = {
    "Dashboard": "Tableau de bord", "Sales zone": "Zone de vente", "POS Assistant": "Assistant PDV", "Wizard POS": "Assistant PDV",
    "Renewal": "Renouvellement", "Profile": "Profil", "User Account": "Compte utilisateur", "Address book": "Carnet d’adresses",
    "Credit cards": "Cartes de crédit", "Point of Sale": "Point de vente", "Sales": "Ventes", "Orders": "Commandes",
    "Invoices": "Factures", "Referral": "Parrainage", "Devices": "Appareils", "Tickets": "Billets", "Help": "Aide",
    "Launch ODOTRACK": "Lancer ODOTRACK", "Sign In": "Connexion", "Email": "Courriel", "Password": "Mot de passe",
    "Login": "Se connecter", "Forgot password?": "Mot de passe oublié?", "Learn more": "En savoir plus",
    "This field is required.": "Ce champ est obligatoire.", "Welcome to our web portal!": "Bienvenue sur notre portail Web!",
    "Agreement": "Entente", "Details": "Détails", "Paid": "Payée", "Amount": "Montant", "Actions": "Actions",
    "Showing {first} to {last} of {total} entries": "Affichage de {first} à {last} sur {total} entrées",
}  # fmt: skip

FAULTS = {
    "a colon, $, % or » without a no-break space before it": rf"(?<!{NB})[$%»]|(?<!{NB}):(?!//)",
    "« without a no-break space after it": rf"«(?!{NB})",
    "a space before ? ! or ;": rf"[ {NB}\u202f][?!;]",
    "a straight apostrophe or quotation mark": r"(?<=\w)'(?=\w)|\"",
    "a dash that is no spaced en dash": r" - |—|\S–|–\S",
    "dots that are no ellipsis": r"\.\.",
    "a narrow space, which the portal's font does not have": r"\u202f",
    "two spaces, or one at an end": rf"[ {NB}]{{2}}|^[ {NB}]|[ {NB}]$",
}


def faults(text: str) -> list[str]:
    return [name for name, pattern in FAULTS.items() if re.search(pattern, text)]


@cache
def extracted() -> dict[str, tuple[str, ...]]:
    """Return all texts of every message in the sources (one, or two for a plural), by its first text."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["babel"]["mappings"]
    methods, options = [], {}
    for mapping in mappings:
        patterns = mapping.pop("pattern")
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            methods.append((pattern, mapping["method"]))
            options[pattern] = {name: value for name, value in mapping.items() if name != "method"}
    found: dict[str, tuple[str, ...]] = {}
    for _file, _line, message, _comments, _context in extract_from_dir(ROOT, methods, options, keywords={"t": None, "tn": (1, 2)}):
        texts = message if isinstance(message, tuple) else (message,)
        found[texts[0]] = max(found.get(texts[0], ()), texts, key=len)
    return found


@cache
def catalogue() -> Catalog:
    with i18n.CATALOGUE.open("rb") as file:
        return read_po(file, locale="fr", abort_invalid=True)


def texts(words: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(words) if isinstance(words, list | tuple) else (words or "",)


def messages() -> list[Message]:
    return [message for message in catalogue() if message.id]


@cache
def trees() -> dict[str, ast.Module]:
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "odoportal").rglob("*.py"))}


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, list[ast.expr]]]:
    """Yield the calls of `t` and `tn` below a node, with the arguments that must be literals."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name in {"t", "tn"}:
                yield node, node.args[: 2 if name == "tn" else 1]


def not_literal(tree: ast.AST) -> set[str]:
    arguments = [arg for _, args in calls(tree) for arg in args]
    return {ast.unparse(arg) for arg in arguments if not (isinstance(arg, ast.Constant) and isinstance(arg.value, str))}


def in_memo(tree: ast.AST) -> list[int]:
    """Return the lines that translate inside a function decorated with `rx.memo`, whose body runs once for both languages."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    memos = [f for f in functions if any(re.match(r"(rx\.|reflex\.)?memo\b", ast.unparse(d)) for d in f.decorator_list)]
    return [call.lineno for memo in memos for call, _ in calls(memo)]


def at_import(tree: ast.Module) -> list[int]:
    """Return the lines that translate when the module is imported: the text would always be in the same language."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    within = {id(inner) for function in functions for inner in ast.walk(function)}
    return [call.lineno for call, _ in calls(tree) if id(call) not in within]


def cut_short(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield message and mark of every `t(…).split(mark)[0]`, which discards the text after the mark."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(
                value=ast.Call(func=ast.Attribute(value=ast.Call() as call, attr="split"), args=[ast.Constant(value=mark)]),
                slice=ast.Constant(value=0),
            ):
                for _, args in calls(call):
                    yield ast.literal_eval(args[0]), str(mark)


def test_the_catalogue_has_every_message_of_the_sources_and_no_other() -> None:
    known = {texts(message.id)[0]: texts(message.id) for message in messages()}
    wanted = extracted()
    assert len(wanted) > 200
    missing = sorted(set(wanted.values()) - set(known.values()))
    obsolete = sorted(set(known.values()) - set(wanted.values())) + sorted(texts(m.id) for m in catalogue().obsolete.values())
    said = [*(f"no French for: {text}" for text in missing), *(f"no longer in the sources: {text}" for text in obsolete)]
    assert not said, "\n".join(said)


def test_every_message_has_its_french() -> None:
    empty = [message.id for message in messages() if not all(text.strip() for text in texts(message.string))]
    assert not empty + [message.id for message in messages() if message.fuzzy]
    assert not [m.id for m in messages() if m.pluralizable and len(texts(m.string)) != 2]
    assert (catalogue().num_plurals, catalogue().plural_expr) == (2, "(n > 1)")


def names(text: str) -> Counter[str]:
    return Counter(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_the_french_fills_in_the_same_values() -> None:
    wrong = [m.id for m in messages() if any(names(french) != names(texts(m.id)[-1]) for french in texts(m.string))]
    assert not wrong


AGREES = {"Paid", "Partially paid", "Credited", "Ended", "Showing {first} to {last} of {total} entries"}
"""Messages of which only the French differs between singular and plural."""


@pytest.mark.parametrize(("english", "french"), GUIDE.items())
def test_the_guides_words(english: str, french: str) -> None:
    with i18n.use("fr"):
        shown = (
            tn(english, english, 2 if "{" in english else 1, **{name: f"{{{name}}}" for name in names(english)})
            if english in AGREES
            else t(english)
        )
        assert shown == french


def test_french_typography() -> None:
    said = [f"{text}: {', '.join(faults(text))}" for message in messages() for text in texts(message.string) if faults(text)]
    assert not said, "\n".join(said)


BAD = [
    "Recherche :", "Recherche:", "576,07 $", "5%", "« a »", f"«a{NB}»", "Vraiment ?", f"Bravo{NB}!", "l'ordre", '"a"', "a - b", "a—b",
    "a–b", "a...", "9\u202fh", "a  b", " a",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_faults_of_typography_are_seen(text: str) -> None:
    assert faults(text)


def test_good_typography_is_let_through() -> None:
    assert not faults(f"Vraiment? Oui{NB}: «{NB}l’été{NB}», 5{NB}%, 3{NB}$; https://exemple.ca – et 9{NB}h{NB}58…")


def test_only_literals_are_translated() -> None:
    assert {(path, argument) for path, tree in trees().items() for argument in not_literal(tree)} <= NOT_LITERAL
    assert not_literal(ast.parse("t(title); i18n.tn(f'{a}', 'b', 2); t('fine')")) == {"title", "f'{a}'"}


def test_templates_translate_only_literals_that_are_extracted() -> None:
    templates = [path for path in (ROOT / "odoportal").rglob("templates/**/*") if path.is_file()]
    assert templates
    for path in templates:
        for call in jinja2.Environment(autoescape=True).parse(path.read_text("utf-8")).find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name in {"t", "tn"}:
                assert isinstance(call.args[0], jinja2.nodes.Const), path
                assert call.args[0].value in extracted(), path


def test_no_message_hides_from_the_extraction() -> None:
    """Every literal message is extracted. Babel does not parse f-strings before Python 3.12: a message must be outside of them."""
    said = [
        (path, arg.value) for path, tree in trees().items() for _, args in calls(tree) for arg in args[:1] if isinstance(arg, ast.Constant)
    ]
    assert not [(path, text) for path, text in said if text not in extracted()]


def test_the_titles_of_pages_are_extracted() -> None:
    titles = {page.title for room in ROOMS for page in room.web().pages}
    assert len(titles) > 10
    assert not titles - set(extracted())


def test_nothing_is_translated_where_it_runs_once_for_both_languages() -> None:
    assert not [(path, line) for path, tree in trees().items() for line in (*in_memo(tree), *at_import(tree))]
    assert in_memo(ast.parse("@rx.memo\ndef a():\n    return rx.text(t('x'))")) == [3]
    assert in_memo(ast.parse("@memo()\ndef a():\n    return i18n.tn('x', 'y', 2)")) == [3]
    assert at_import(ast.parse("A = t('x')\nB = lambda: t('x')\ndef c():\n    return t('x')")) == [1]


def test_nothing_stands_after_the_value_where_the_rest_is_cut_off() -> None:
    assert list(cut_short(ast.parse("t('as of {time}', time='{time}').split('{time}')[0]"))) == [("as of {time}", "{time}")]
    for text, mark in {pair for tree in trees().values() for pair in cut_short(tree)}:
        with i18n.use("fr"):
            assert t(text).endswith(mark)


def test_the_language_in_use_is_put_back() -> None:
    with i18n.use("en"):
        with i18n.use("fr"):
            assert (t("Orders"), i18n.current_language()) == ("Commandes", "fr")
        assert (t("Orders"), i18n.current_language(), i18n.other_language("en"), i18n.region_of("en")) == ("Orders", "en", "fr", "en-CA")


COUNTS = {
    "fr": {0: "0 forfait", 1: "1 forfait", 2: "2 forfaits", 1234: f"1{NB}234 forfaits"},
    "en": {0: "0 plans", 1: "1 plan", 1234: "1,234 plans"},
}


@pytest.mark.parametrize("language", COUNTS)
def test_counts(language: str) -> None:
    with i18n.use(language):
        assert {count: tn("{n} plan", "{n} plans", count) for count in COUNTS[language]} == COUNTS[language]


@pytest.mark.parametrize(
    ("amount", "french", "english"),
    [
        ("0", f"0,00{NB}$", "$0.00"),
        ("576.07", f"576,07{NB}$", "$576.07"),
        ("12345.60", f"12{NB}345,60{NB}$", "$12,345.60"),
        ("1234567.89", f"1{NB}234{NB}567,89{NB}$", "$1,234,567.89"),
        ("-29.90", f"−29,90{NB}$", "−$29.90"),
    ],
)
def test_amounts(amount: str, french: str, english: str) -> None:
    assert (FR.amount(Decimal(amount)), EN.amount(Decimal(amount))) == (french, english)


def test_percentages_and_rates() -> None:
    assert [FR.percent(0), FR.percent(54), FR.percent(100)] == [f"0{NB}%", f"54{NB}%", f"100{NB}%"]
    assert [EN.percent(0), EN.percent(54), EN.percent(100)] == ["0%", "54%", "100%"]
    assert [FR.rate(Decimal(r)) for r in ("5", "9.975", "13.000")] == [f"5{NB}%", f"9,975{NB}%", f"13{NB}%"]
    assert [EN.rate(Decimal(r)) for r in ("5", "9.975", "13.000")] == ["5%", "9.975%", "13%"]


@pytest.mark.parametrize(
    ("instant", "french", "english"),
    [
        (datetime(2020, 9, 24, 13, 58, tzinfo=UTC), f"2020-09-24 9{NB}h{NB}58", f"2020-09-24 9:58{NB}a.m."),
        (datetime(2020, 9, 24, 14, 4, tzinfo=UTC), f"2020-09-24 10{NB}h{NB}04", f"2020-09-24 10:04{NB}a.m."),
        (datetime(2020, 9, 25, 3, 59, tzinfo=UTC), f"2020-09-24 23{NB}h{NB}59", f"2020-09-24 11:59{NB}p.m."),
        (datetime(2020, 12, 24, 17, 0, tzinfo=UTC), f"2020-12-24 12{NB}h{NB}00", f"2020-12-24 12:00{NB}p.m."),
    ],
)
def test_moments_are_quebecs(instant: datetime, french: str, english: str) -> None:
    assert (FR.moment(instant), EN.moment(instant)) == (french, english)
    assert (FR.time(instant), EN.time(instant)) == (french[11:], english[11:])
    assert FR.day(instant.date()) == EN.day(instant.date()) == instant.date().isoformat()


def test_a_moment_in_a_sentence() -> None:
    instant = datetime(2020, 9, 24, 13, 58, tzinfo=UTC)
    with i18n.use("fr"):
        assert FR.moment_in_text(instant) == f"2020-09-24 à 9{NB}h{NB}58"
    with i18n.use("en"):
        assert EN.moment_in_text(instant) == f"2020-09-24 at 9:58{NB}a.m."


def test_months() -> None:
    day = date(2020, 9, 1)
    with i18n.use("fr"):
        assert [month_name(day), month_name(day, "long"), month_name(day, "year")] == ["sept.", "septembre", "septembre 2020"]
    with i18n.use("en"):
        assert [month_name(day), month_name(day, "long"), month_name(day, "year")] == ["Sep", "September", "September 2020"]


def test_a_name_does_not_turn_a_sentence_around() -> None:
    with i18n.use("en"):
        assert t("Hello {name},", name="\u202eairaM") == "Hello airaM,"
        assert "\u202e" not in tn("{n} row of {name}", "{n} rows of {name}", 2, name="\u202eairaM")


@pytest.mark.parametrize(
    ("instant", "french", "english"),
    [
        ("2026-11-29T18:05+00:00", "29 novembre 2026 à 13 h 5", "November 29, 2026 at 1:05 p.m."),
        ("2026-08-01T16:00+00:00", "1er août 2026 à 12 h", "August 1, 2026 at 12:00 p.m."),
        ("2026-11-02T04:59+00:00", "1er novembre 2026 à 23 h 59", "November 1, 2026 at 11:59 p.m."),
        ("2024-02-29T05:30+00:00", "29 février 2024 à 0 h 30", "February 29, 2024 at 12:30 a.m."),
    ],
)
def test_dates_of_letters_are_written_out(instant: str, french: str, english: str) -> None:
    at = datetime.fromisoformat(instant)
    for language, expected in (("fr", french), ("en", english)):
        with i18n.use(language):
            assert written_moment(at).replace(NB, " ") == expected
            assert expected.startswith(written_day(clock.to_local(at).date()).replace(NB, " "))
            assert not re.search(r"\d |\d h| h \d", written_moment(at).partition(" at ")[0].replace(", ", "").replace(" à ", ""))
