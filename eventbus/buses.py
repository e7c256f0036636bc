"""Open the bus that the settings name."""

from __future__ import annotations

from collections.abc import Sequence

from eventbus.backlog import Backlog
from eventbus.bus import EventBus
from eventbus.connector import Connector
from eventbus.kafka.security import security_of
from eventbus.memory import MemoryConnector
from kit.pool import Pool
from settings import Bus, Settings

ADDRESS: dict[Bus, tuple[str, ...]] = {
    Bus.MEMORY: (),
    Bus.NATS: ("nats_url",),
    Bus.KAFKA: ("kafka_bootstrap",),
}
"""The settings that each bus needs."""


def check_settings(settings: Settings) -> None:
    """Raise SettingsError that names the first setting of the bus that is missing or wrong."""
    settings.require(*ADDRESS[settings.bus])
    if settings.bus is Bus.KAFKA:
        security_of(settings)


async def opened_bus(settings: Settings, pool: Pool) -> EventBus:
    """Connect to the bus; the pool is for its consumers.

    Raises BusUnavailable within seconds, or SettingsError for a wrong setting.
    """
    return await _connector(settings).connect(pool)


async def require_answer(settings: Settings) -> None:
    """Connect once and wait for an answer. Raises BusUnavailable within seconds, or
    SettingsError."""
    await _connector(settings).ask()


async def backlogs(settings: Settings) -> Sequence[Backlog]:
    """Return what waits for each consumer group. The bus in memory keeps nothing for a group.

    Raises BusError.
    """
    return await _connector(settings).backlogs()


def _connector(settings: Settings) -> Connector:
    """Import the client library of this bus alone. Raises SettingsError."""
    settings.require(*ADDRESS[settings.bus])
    match settings.bus:
        case Bus.MEMORY:
            return MemoryConnector()
        case Bus.NATS:
            from eventbus.nats.connector import NatsConnector  # noqa: PLC0415 - see above

            return NatsConnector(settings.nats_url)
        case Bus.KAFKA:
            from eventbus.kafka.connector import KafkaConnector  # noqa: PLC0415 - see above

            return KafkaConnector(settings.kafka_bootstrap, security_of(settings))
