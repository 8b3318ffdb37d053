"""Translation (French and English) and regional formats; one catalogue serves pages, mails and messages."""

import gettext
import io
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

from odoportal.core import clock
from odoportal.core.folding import strip_invisible

LANGUAGES = ("fr", "en")
REGIONS = ("fr-CA", "en-CA")
CATALOGUE = Path(__file__).parent / "locale" / "fr" / "LC_MESSAGES" / "odoportal.po"
_language: ContextVar[str] = ContextVar("language", default="fr")


@lru_cache
def _translations(language: str) -> gettext.NullTranslations:
    if language == "en":
        return gettext.NullTranslations()
    with CATALOGUE.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@contextmanager
def use(language: str) -> Generator[None]:
    """Set the language in use ("fr" or "en") for `t` and `tn`, in the current task or thread."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def current_language() -> str:
    """Return the language in use: "fr" or "en"."""
    return _language.get()


def other_language(language: str) -> str:
    """Return the other one of the two languages."""
    return "en" if language == "fr" else "fr"


def t(message: str, **values: object) -> str:
    """Translate a message to the language in use and fill in its `{names}`."""
    text = _translations(_language.get()).gettext(message)
    return text.format(**_clean_values(values)) if values else text


def tn(one: str, many: str, count: int, **values: object) -> str:
    """Translate a message with a plural to the language in use; `{n}` is replaced by the formatted count."""
    text = _translations(_language.get()).ngettext(one, many, count)
    return text.format(n=Formats(region_of(current_language())).number(count), **_clean_values(values))


def _clean_values(values: dict[str, object]) -> dict[str, object]:
    """Remove invisible marks from the values: a direction mark in a stored name must not reverse the rest of the sentence."""
    return {name: strip_invisible(value) if isinstance(value, str) else value for name, value in values.items()}


def region_of(language: str) -> str:
    """Return the default region format of a language."""
    return "fr-CA" if language == "fr" else "en-CA"


@lru_cache
def _locale(region: str) -> Locale:
    return Locale.parse(region, sep="-")


@dataclass(frozen=True)
class Formats:
    """Formats of numbers, amounts and dates of a region ("fr-CA", "en-CA"), as in CLDR."""

    region: str

    def amount(self, value: Decimal) -> str:
        """Format an amount in Canadian dollars: `$576.07`, `576,07 $`; a negative amount has a true minus sign (U+2212)."""
        text = format_currency(abs(value), "CAD", locale=_locale(self.region), format=_locale(self.region).currency_formats["standard"])
        text = text.replace("CA$", "$").replace("$ CA", "$")
        return f"−{text}" if value < 0 else text

    def number(self, value: int | Decimal) -> str:
        """Format a number with the region's grouping of digits."""
        return format_decimal(value, locale=_locale(self.region))

    def percent(self, value: int) -> str:
        """Format a whole percentage: `54%`, `54 %`."""
        return format_percent(Decimal(value) / 100, locale=_locale(self.region))

    def rate(self, value: Decimal) -> str:
        """Format a tax rate, given in percent, with all its decimals: `9.975%`, `9,975 %`."""
        return format_percent(
            value / 100,
            "#,##0.####%" if self.region == "en-CA" else "#,##0.####\u00a0%",
            locale=_locale(self.region),
            decimal_quantization=False,
        )

    def day(self, value: date) -> str:
        """Format a date: `2026-10-03` in both regions."""
        return value.isoformat()

    def time(self, value: datetime) -> str:
        """Format the time of an instant in the business's time zone, with no-break spaces: `9:58 a.m.`, `9 h 58`.

        CLDR's narrow no-break space is replaced, because the portal's font does not have it.
        """
        pattern = "H 'h' mm" if self.region == "fr-CA" else "short"
        formatted = format_time(clock.to_local(value), pattern, locale=_locale(self.region))
        return formatted.replace(" ", "\u00a0").replace("\u202f", "\u00a0")

    def moment(self, value: datetime) -> str:
        """Format the date and time of an instant in the business's time zone, for a table or beside a label."""
        return f"{clock.to_local(value).date().isoformat()} {self.time(value)}"

    def moment_in_text(self, value: datetime) -> str:
        """Format the date and time of an instant for a sentence: `2026-10-03 at 9:58 a.m.`."""
        return t("{day} at {time}", day=clock.to_local(value).date().isoformat(), time=self.time(value))


def month_name(day: date, style: str = "short") -> str:
    """Return the name of a month in the language in use: `short` (Sep, sept.), `long` (September) or `year` (September 2020)."""
    locale = _locale(region_of(current_language()))
    if style == "year":
        return format_skeleton("yMMMM", day, locale=locale)
    return format_date(day, "LLLL" if style == "long" else "LLL", locale=locale)


def written_day(day: date) -> str:
    """Write a date out, as in correspondence, in the language in use: `November 29, 2026`, `29 novembre 2026`.

    French has it without the article, and the first of a month is `1er`. The spaces do not break.
    """
    month = format_date(day, "MMMM", locale=_locale(region_of(current_language())))
    if current_language() == "fr":
        return f"{'1er' if day.day == 1 else day.day}\u00a0{month}\u00a0{day.year}"
    return f"{month}\u00a0{day.day}, {day.year}"


def written_moment(instant: datetime) -> str:
    """Write out an instant in the business's time zone: `November 29, 2026 at 1:05 p.m.`, `29 novembre 2026 à 13 h 5`.

    It is in the language in use. French has no zero before the minutes, and none instead of them (Banque de dépannage linguistique).
    """
    local = clock.to_local(instant)
    if current_language() == "fr":
        minutes = f"\u00a0{local.minute}" if local.minute else ""
        return f"{written_day(local.date())} à {local.hour}\u00a0h{minutes}"
    return f"{written_day(local.date())} at {Formats(region_of('en')).time(instant)}"
