"""The types of settings, with their bounds and forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode

from database_url import DatabaseUrl

Port = Annotated[int, Field(ge=1, le=65535)]
OptionalPort = Annotated[int, Field(ge=0, le=65535)]
Timeout = Annotated[timedelta, Field(ge=timedelta(milliseconds=1), le=timedelta(days=31))]
"""The time that a call is waited for or retried before an operator is needed."""
Window = Annotated[timedelta, Field(ge=timedelta(milliseconds=1), le=timedelta(days=366))]
"""The time that an order may stay in one state."""
Delay = Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=1))]
"""The time that a simulator waits."""

_NAME: Final = re.compile(r"[\w.:/-]{0,200}", re.ASCII)
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


def _name(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return _name_or_nothing(value)


def _name_or_nothing(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be at most 200 letters, digits, and any of . _ : / -")
    return value


def _url(*schemes: str) -> Callable[[str], str]:
    """Return a check that a value is empty or a URL of one of these schemes."""

    def check(value: str) -> str:
        scheme, _, rest = value.partition(":")
        if value and (scheme not in schemes or not _has_host(rest)):
            raise ValueError(f"must be a URL that begins with {schemes[0]}://")
        return value

    return check


def _secret_url(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        _url(*schemes)(value.get_secret_value())
        return value

    return check


def _database(value: SecretStr) -> SecretStr:
    if value:
        DatabaseUrl.parse(value.get_secret_value())
    return value


def _one_database(value: SecretStr) -> SecretStr:
    if value and len(DatabaseUrl.parse(value.get_secret_value()).servers) > 1:
        # One statement could read the head of a replica and the next one an older replica.
        raise ValueError("must name one server: replicas are not equally far")
    return value


def _address(value: str) -> str:
    if value and not _names_port(value):
        raise ValueError("must be host:port")
    return value


def _addresses(value: str) -> str:
    addresses = [address.strip() for address in value.split(",")]
    if value and not all(map(_names_port, addresses)):
        raise ValueError("must be host:port, or several of them with commas between")
    return ",".join(addresses)


def _names_port(address: str) -> bool:
    """Return whether the text is host:port, and nothing else such as a password."""
    url = f"//{address}"
    return (
        _has_host(url)
        and urlsplit(url).port is not None
        and urlsplit(url).netloc == address
        and "@" not in address
    )


def _has_host(url: str) -> bool:
    """Return whether the URL names a host and no invalid port."""
    try:
        return urlsplit(url).port != 0 and urlsplit(url).hostname is not None and " " not in url
    except ValueError:
        return False


def _mailbox(value: str) -> str:
    if value:
        mailbox(value)
    return value


def _mailboxes(value: str) -> str:
    try:
        mailboxes(value)
    except ValueError:
        raise ValueError(
            "must be an address such as ops@example.com, or several of them with commas between"
        ) from None
    return value


def _contact(value: str) -> str:
    if value.startswith("mailto:"):
        mailbox(value.removeprefix("mailto:"))
        return value
    try:
        return _url("https")(value)
    except ValueError:
        raise ValueError("must be mailto: and an address, or begin with https://") from None


Name = Annotated[str, AfterValidator(_name)]
NameOrNothing = Annotated[str, AfterValidator(_name_or_nothing)]
HttpUrl = Annotated[str, AfterValidator(_url("http", "https"))]
NatsUrl = Annotated[str, AfterValidator(_url("nats", "tls", "ws", "wss"))]
SmtpUrl = Annotated[SecretStr, AfterValidator(_secret_url("smtp", "smtps"))]
Database = Annotated[SecretStr, AfterValidator(_database)]
"""A URL of PostgreSQL, which may name several servers."""
OneDatabase = Annotated[SecretStr, AfterValidator(_database), AfterValidator(_one_database)]
HostAndPort = Annotated[str, AfterValidator(_address)]
HostsAndPorts = Annotated[str, AfterValidator(_addresses)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Mailboxes = Annotated[str, AfterValidator(_mailboxes)]
Contact = Annotated[str, AfterValidator(_contact)]
"""The contact of a web push sender: mailto: or https://."""
