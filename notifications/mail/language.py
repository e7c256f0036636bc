"""The languages of the mails: their texts, and how they write money and dates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict

from kit.currencies import decimals_of
from notifications.facts import Notice

FOLDER: Final = Path(__file__).with_name("languages")
DEFAULT: Final = "en"


class Texts(BaseModel):
    """The texts of one kind of mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    title: str
    text: Sequence[str]
    return_until: str = ""
    """A further paragraph, for an order with a return window."""
    unpaid: Sequence[str] = ()
    """The paragraphs of goods that were free: there is no money to write of."""
    settled: Sequence[str] = ()
    """The paragraphs of goods for which Waybill gives no money back: a lost dispute has given it,
    or an operator has settled it."""


class Language(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tag: str
    decimal: str
    group: str
    money: str
    date: str
    months: Sequence[str]
    labels: Mapping[str, str]
    reasons: Mapping[str, str]
    """The sentence of each reason of a cancellation or a rejection."""
    notices: Mapping[Notice, Texts]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file of languages/. Raises ValidationError when a text is missing."""
        found: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        notices = {kind: found.pop(kind, None) for kind in Notice}
        return cls(tag=file.stem, notices=notices, **found)

    def amount(self, minor_units: int, currency: str) -> str:
        """Return the amount as people write it, such as EUR 1,234.50."""
        decimals = decimals_of(currency)
        whole, rest = divmod(abs(minor_units), 10**decimals)
        sign = "-" if minor_units < 0 else ""
        text = f"{sign}{whole:,}".replace(",", self.group)
        if decimals:
            text += f"{self.decimal}{rest:0{decimals}}"
        return self.money.format(amount=text, currency=currency)

    def day(self, time: datetime) -> str:
        """Return the day as people write it, such as 27 November 2026."""
        return self.date.format(day=time.day, month=self.months[time.month - 1], year=time.year)


@cache
def languages() -> Mapping[str, Language]:
    return {file.stem: Language.read(file) for file in sorted(FOLDER.glob("*.toml"))}


def language_of(locale: str | None) -> Language:
    """Return the language of this tag of BCP 47, or the nearest one, or the default."""
    parts = (locale or DEFAULT).split("-")
    for length in range(len(parts), 0, -1):
        tag = "-".join(parts[:length])
        if tag in languages():
            return languages()[tag]
    return languages()[DEFAULT]
