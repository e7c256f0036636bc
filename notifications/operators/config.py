"""Read and check the settings of the notices to operators."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from notifications.mail.message import BadAddress, address_of
from notifications.webhooks.addresses import AddressRules
from notifications.webhooks.signing import PREFIX
from notifications.webhooks.url import BadUrl, Target
from settings import Settings, SettingsError
from settings_checks import check
from settings_values import mailboxes

EMAIL: Final = "WAYBILL_OPERATOR_EMAIL"
URL: Final = "WAYBILL_OPERATOR_WEBHOOK_URL"
SECRET: Final = "WAYBILL_OPERATOR_WEBHOOK_SECRET"  # noqa: S105 - the name of a setting


def emails(settings: Settings) -> Sequence[str]:
    """Return the addresses that get the mails, each once."""
    found = [address.addr_spec for address in mailboxes(settings.operator_email)]
    return list({email.lower(): email for email in found}.values())


def has_webhook(settings: Settings) -> bool:
    return bool(settings.operator_webhook_url)


def webhook_key(settings: Settings) -> bytes:
    secret = settings.operator_webhook_secret.get_secret_value()
    return base64.b64decode(secret.removeprefix(PREFIX))


def secrets(settings: Settings) -> Sequence[str]:
    """Return the secrets that the notices use, which must differ from all others."""
    return ("operator_webhook_secret",) if settings.operator_webhook_secret else ()


def check_settings(settings: Settings) -> None:
    """Raise SettingsError when a setting of a channel that is on is missing or wrong."""
    if settings.operator_email:
        _check_emails(settings)
    if has_webhook(settings):
        if not settings.operator_webhook_secret:
            raise SettingsError(f"{SECRET} is not set: {URL} needs it to sign, or unset both")
        check(settings, *secrets(settings))
        _check_url(settings)
    elif settings.operator_webhook_secret:
        raise SettingsError(f"{URL} is not set: {SECRET} signs nothing without it, or unset both")


def _check_emails(settings: Settings) -> None:
    if not (settings.smtp_url and settings.mail_from):
        missing = "WAYBILL_MAIL_FROM" if settings.smtp_url else "WAYBILL_SMTP_URL"
        raise SettingsError(f"{missing} is not set: {EMAIL} needs it to send mails, or unset that")
    try:
        for email in emails(settings):
            address_of(email)
    except BadAddress:
        raise SettingsError(f"{EMAIL}: the domain of an address is none") from None


def _check_url(settings: Settings) -> None:
    may_be_loopback = settings.allow_loopback_webhooks
    try:
        target = Target.parse(
            settings.operator_webhook_url.get_secret_value(), may_be_loopback=may_be_loopback
        )
    except BadUrl as fault:
        raise SettingsError(f"{URL}: {fault}") from None
    rules = AddressRules(may_be_public=target.is_tls, may_be_loopback=may_be_loopback)
    if _is_address(target.host) and not rules.admit(target.host):
        raise SettingsError(f"{URL}: the address is not public: give a public host")


def _is_address(host: str) -> bool:
    """Return whether the host is an address. A name is resolved where the socket connects."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
