"""The types of settings that are more than a word or a number, such as `EUR=490,JPY=800`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints
from pydantic_settings import NoDecode

Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)]
_Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
_Amount = Annotated[int, Field(ge=0, le=10**12)]
_Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


def by_name(value: object) -> object:
    """Return the values by name, of a text such as `EUR=490,JPY=800`. Raises ValueError."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError("must be a list such as EUR=490,JPY=800: a name, =, and its value")
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError("must hold each name once")
    return {name: text.strip() for name, (_, _, text) in zip(names, pairs, strict=True)}


def by_comma(value: object) -> object:
    """Return the words of a text such as `EUR,USD`."""
    if not isinstance(value, str):
        return value
    return [word.strip() for word in value.split(",") if word.strip()]


AmountByCurrency = Annotated[Mapping[_Currency, _Amount], NoDecode, BeforeValidator(by_name)]
"""Amounts in the minor unit of each currency."""
CurrencySet = Annotated[frozenset[_Currency], NoDecode, BeforeValidator(by_comma)]
"""Currencies of a text such as `EUR,USD`."""
PercentByCode = Annotated[Mapping[_Code, Percent], NoDecode, BeforeValidator(by_name)]


def mailbox(text: str) -> Address:
    """Return the address of a text such as `Shop <shop@example.com>`. Raises ValueError."""
    name, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    is_whole = bool(local and at and domain) and text.endswith((address, f"{address}>"))
    if not (is_whole and address.isascii() and text.isprintable()):
        raise ValueError("must be an address such as Shop <shop@example.com>")
    try:
        return Address(display_name=name, username=local, domain=domain)
    except (MessageError, ValueError):
        raise ValueError("must be an address such as Shop <shop@example.com>") from None


def mailboxes(text: str) -> Sequence[Address]:
    """Return the addresses of a text such as `ops@example.com, on-call@example.com`.

    An empty text has none. Raises ValueError.
    """
    return [mailbox(part.strip()) for part in text.split(",")] if text.strip() else []
