"""Check a new contact by tables that change with the world, and write it in one form.

A stored contact is never checked again: a number or a time zone may be given up later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from langcodes import Language, tag_is_valid
from langcodes.tag_parser import LanguageTagError

from domain.order.contact import (
    MAX_EMAIL_LENGTH,
    MAX_LOCALE_LENGTH,
    MAX_TIME_ZONE_LENGTH,
    Contact,
)
from domain.order.faults import Fault, Faulty

MAX_PHONE_LENGTH: Final = 50
"""The length of a number as people write it, with spaces, dots and brackets."""

NOT_A_PLACE: Final = "Factory"
"""The entry of the time zone database that stands for an unset clock."""


def contact_of(given: Mapping[str, str | None], country: str) -> Contact | None:
    """Return the contact, or None when no field has a value. Raises Faulty.

    A phone number without a country's code is one of this country.
    """
    parsers: Mapping[str, Callable[[str], str]] = {
        "email": email_of,
        "phone": lambda text: phone_of(text, country),
        "locale": locale_of,
        "time_zone": time_zone_of,
    }
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for field, parse in parsers.items():
        text = given.get(field)
        if text is not None:
            try:
                values[field] = parse(text.strip())
            except ValueError as error:
                faults.append(Fault(field, str(error)))
    if faults:
        raise Faulty(faults)
    return Contact.model_validate(values) if values else None


def email_of(text: str) -> str:
    """Return the address with its domain in lower case. Raises ValueError without the value."""
    with suppress(EmailNotValidError):
        if len(text) <= MAX_EMAIL_LENGTH:
            return validate_email(text, check_deliverability=False, strict=True).normalized
    raise ValueError("this is no e-mail address: write it as name@example.com")


def phone_of(text: str, country: str) -> str:
    """Return the number as E.164. Raises ValueError without the value."""
    with suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(text, country)
        is_whole = len(text) <= MAX_PHONE_LENGTH and number.extension is None
        if is_whole and phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise ValueError("this is no phone number: write it as +41 44 668 18 00, without an extension")


def locale_of(text: str) -> str:
    """Return the tag with the letters' case of BCP 47. Raises ValueError without the value."""
    with suppress(LanguageTagError):
        if len(text) <= MAX_LOCALE_LENGTH and tag_is_valid(text):
            return Language.get(text, normalize=False).to_tag()
    raise ValueError("this is no language tag of BCP 47: write it as en, de-CH or zh-Hant-TW")


def time_zone_of(text: str) -> str:
    """Return the name unchanged. Raises ValueError without the value."""
    if len(text) > MAX_TIME_ZONE_LENGTH or text not in _time_zones():
        raise ValueError("this is no time zone of the IANA database: write it as Europe/Zurich")
    return text


@cache
def _time_zones() -> frozenset[str]:
    """Return the names of the package tzdata, which are the same on every machine.

    The standard library adds the zones of the machine's own database.
    """
    return frozenset((files("tzdata") / "zones").read_text().split()) - {NOT_A_PLACE}
