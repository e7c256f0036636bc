"""Check the settings of the e-mail channel before a worker starts."""

from __future__ import annotations

from settings import Settings, SettingsError
from settings_checks import check

REQUIRED = ("mail_from", "public_url", "master_key", "search_key")


def is_on(settings: Settings) -> bool:
    """Return whether mails are sent: WAYBILL_SMTP_URL names the server."""
    return bool(settings.smtp_url)


def check_settings(settings: Settings) -> None:
    """Raise SettingsError when e-mail is on and a setting of it is missing or wrong."""
    if not is_on(settings):
        return
    check(settings, *REQUIRED)
    if settings.is_strict and not settings.public_url.startswith("https://"):
        raise SettingsError(
            "WAYBILL_PUBLIC_URL must begin with https:// in production: for a staging system, set"
            " WAYBILL_ALLOW_TEST_PROVIDERS=true"
        )
