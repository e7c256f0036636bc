"""Distinguish a server that is away from a fault of the code."""

from __future__ import annotations

from eventbus.errors import is_bus_away
from kit.faults import causes
from kit.restart import is_database_away
from providers.errors import ProviderUnavailable


def is_server_away(error: BaseException) -> bool:
    """Return whether the error, or its cause, means that a server does not answer."""
    return any(
        is_database_away(cause) or is_bus_away(cause) or isinstance(cause, ProviderUnavailable)
        for cause in causes(error)
    )
