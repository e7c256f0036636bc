"""Describe a role to the worker that runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.vault import Vault
from kit.pool import Pool
from kit.restart import IsAway
from observability.logs import Context
from providers.breaker import Breakers
from roles.outages import is_server_away
from settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What the roles of one worker share."""

    settings: Settings
    pool: Pool
    store: PostgresEventStore
    vault: Vault
    breakers: Breakers


def _none_of(_: Settings) -> Sequence[str]:
    return ()


def _nothing(_: Settings) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The work of one role."""

    run: Callable[[Parts], Awaitable[object]]
    """Work until cancelled."""
    required: Callable[[Settings], Sequence[str]] = _none_of
    """Return the settings that the role needs, besides those that every role needs."""
    check_settings: Callable[[Settings], None] = _nothing
    """Raise SettingsError when another setting of the role is missing or wrong."""
    is_away: IsAway = is_server_away
    set_up: Callable[[Settings], str | None] = _nothing
    """Set up the Temporal SDK, where the role uses it; return the URL of the SDK's own metrics."""
    log_contexts: Sequence[Context] = ()
