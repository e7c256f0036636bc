"""Check the settings of web push before a process starts."""

from __future__ import annotations

from notifications.push.vapid import Vapid
from settings import Settings
from settings_checks import check

REQUIRED = ("vapid_private_key", "vapid_subject", "master_key")


def vapid_of(settings: Settings) -> Vapid | None:
    """Return this installation's keys, or None when push is off: neither setting is set.

    Raises SettingsError when one of the settings is missing or wrong.
    """
    if not (settings.vapid_private_key or settings.vapid_subject):
        return None
    check(settings, *REQUIRED)
    return Vapid.of(settings)
