"""The checks that a process makes of the settings it uses, before it starts.

`settings.py` checks the type and the bounds of every setting. This module checks the secrets and
the providers of one process. No message shows a value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from settings import Environment, Settings, SettingsError

MIN_SECRET_CHARACTERS: Final = 32
MIN_DISTINCT: Final = 8
"""32 random bytes, or 32 random hexadecimal digits, practically always have more."""
MIN_WEBHOOK_SECRET_BYTES: Final = 24
"""The Standard Webhooks specification asks for 24 to 64."""
WEBHOOK_PREFIX: Final = "whsec_"
TEST_KEY: Final = re.compile(r"\s*(sk|rk)_(org_)?test_")
"""The beginning of Stripe's keys for its test mode: https://docs.stripe.com/keys."""

URL_OF_KEY: Final = {"payment_api_key": "payment_url", "carrier_api_key": "carrier_url"}
"""A process that uses the key of a provider calls the provider."""


def check(settings: Settings, *names: str) -> None:
    """Check the settings of one process, which must name all that it uses.

    Raises SettingsError that names the first setting that is missing, weak, shared, or not for
    production.
    """
    settings.require(*names)
    for name in names:
        _check_strength(settings, name)
    _check_distinct(settings, names)
    _check_providers(settings, names)
    _check_webhooks(settings)


def is_weak(secret: str | bytes) -> bool:
    """Return whether the secret has too few different characters to be random."""
    return len(set(secret)) < MIN_DISTINCT


def check_simulators_allowed(settings: Settings) -> None:
    """Raise SettingsError in production, unless test providers are allowed there."""
    if settings.is_strict:
        raise _refused("environment", "is production, where no simulator may run")


def _refused(name: str, fault: str) -> SettingsError:
    return SettingsError(
        f"{_variable(name)} {fault}: for a staging system, set WAYBILL_ALLOW_TEST_PROVIDERS=true"
    )


def _check_strength(settings: Settings, name: str) -> None:
    accepts, demand = _DEMANDS.get(name, (None, ""))
    if accepts is not None and not accepts(_secret(settings, name)):
        raise SettingsError(f"{_variable(name)} {demand}")


def _is_random(text: str) -> bool:
    text = text.removeprefix(WEBHOOK_PREFIX).strip()
    return len(text) >= MIN_SECRET_CHARACTERS and not is_weak(text)


def _is_issued_key(text: str) -> bool:
    """Return whether it may be an issued key: providers choose the format, but never one repeated
    character."""
    return len(set(text.strip())) > 1


def _is_standard_webhooks_secret(text: str) -> bool:
    try:
        secret = base64.b64decode(text.removeprefix(WEBHOOK_PREFIX), validate=True)
    except ValueError:
        return False
    return len(secret) >= MIN_WEBHOOK_SECRET_BYTES and not is_weak(secret)


_Demand = tuple[Callable[[str], bool], str]
_RANDOM: Final[_Demand] = (
    _is_random,
    f"must be at least {MIN_SECRET_CHARACTERS} random characters (openssl rand -hex 32)",
)
_ISSUED_KEY: Final[_Demand] = (_is_issued_key, "must be the key that the provider issued")
_STANDARD_WEBHOOKS: Final[_Demand] = (
    _is_standard_webhooks_secret,
    (
        f"must be {WEBHOOK_PREFIX} and the Base64 of at least {MIN_WEBHOOK_SECRET_BYTES} random "
        "bytes (openssl rand -base64 32)"
    ),
)
_DEMANDS: Final[Mapping[str, _Demand]] = {
    "jwt_secret": _RANDOM,
    "payment_webhook_secret": _RANDOM,
    "carrier_webhook_secret": _STANDARD_WEBHOOKS,
    "operator_webhook_secret": _STANDARD_WEBHOOKS,
    "payment_api_key": _ISSUED_KEY,
    "carrier_api_key": _ISSUED_KEY,
}
"""The payload, master and search keys have their own check: see eventstore/privacy/keyring.py. So
has the key of web push: see notifications/push/vapid.py."""
_KEYRINGS: Final = ("payload_key", "master_key")
_SECRETS: Final = (*_DEMANDS, *_KEYRINGS, "search_key", "vapid_private_key")


def _check_distinct(settings: Settings, names: tuple[str, ...]) -> None:
    """Check that the secrets differ. A retired key may equal its own current key only."""
    holders: dict[bytes, tuple[str, str]] = {}
    for owner, name, value in _values(settings, names):
        first_owner, first = holders.setdefault(value, (owner, name))
        if first_owner != owner:
            raise SettingsError(
                f"{_variable(first)} and {_variable(name)} hold the same value: "
                "give each secret its own"
            )


def _values(settings: Settings, names: tuple[str, ...]) -> Iterator[tuple[str, str, bytes]]:
    """Yield the setting that each secret belongs to, the setting that holds it, and its value."""
    for name in names:
        if name in _SECRETS:
            yield name, name, _canonical(_secret(settings, name))
        if name in _KEYRINGS:
            retired = f"retired_{name}s"
            for text in filter(str.strip, _secret(settings, retired).split(",")):
                yield name, retired, _canonical(text)


def _canonical(text: str) -> bytes:
    """Return the secret part of the text, from any form in which it is written."""
    body = text.strip().removeprefix(WEBHOOK_PREFIX)
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        return body.encode()


def _check_providers(settings: Settings, names: tuple[str, ...]) -> None:
    if not settings.is_strict:
        return
    for key, url in URL_OF_KEY.items():
        if key in names and getattr(settings, url).startswith("http://"):
            raise _refused(url, "must begin with https:// in production")
    if "payment_api_key" in names and TEST_KEY.match(_secret(settings, "payment_api_key")):
        raise _refused("payment_api_key", "is a test key, which production does not take")


def _check_webhooks(settings: Settings) -> None:
    """Refuse webhooks to loopback in production: they would reach services of this machine."""
    if settings.environment is Environment.PRODUCTION and settings.allow_loopback_webhooks:
        raise SettingsError(
            f"{_variable('allow_loopback_webhooks')} is for development alone: unset it"
        )


def _secret(settings: Settings, name: str) -> str:
    value: str = getattr(settings, name).get_secret_value()
    return value


def _variable(name: str) -> str:
    return f"WAYBILL_{name.upper()}"
