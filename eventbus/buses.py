"""Open the bus that the settings name."""

from __future__ import annotations

from collections.abc import Sequence

from eventbus.backlog import Backlog
from eventbus.bus import EventBus
from eventbus.kafka import backlog as kafka_backlog
from eventbus.kafka import bus as kafka_bus
from eventbus.kafka import connection as kafka
from eventbus.kafka.security import security_of
from eventbus.memory import memory_bus
from eventbus.nats import backlog as nats_backlog
from eventbus.nats import bus as nats_bus
from eventbus.nats import connection as nats
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
    settings.require(*ADDRESS[settings.bus])
    match settings.bus:
        case Bus.MEMORY:
            return memory_bus(pool)
        case Bus.NATS:
            return await nats_bus.connected_bus(settings.nats_url, pool)
        case Bus.KAFKA:
            security = security_of(settings)
            return await kafka_bus.connected_bus(settings.kafka_bootstrap, pool, security)


async def require_answer(settings: Settings) -> None:
    """Connect once and wait for an answer. Raises BusUnavailable within seconds, or
    SettingsError."""
    match settings.bus:
        case Bus.MEMORY:
            return
        case Bus.NATS:
            await nats.ask(settings.nats_url)
        case Bus.KAFKA:
            await kafka.ask(settings.kafka_bootstrap, security_of(settings))


async def backlogs(settings: Settings) -> Sequence[Backlog]:
    """Return what waits for each consumer group. The bus in memory keeps nothing for a group.

    Raises BusError.
    """
    match settings.bus:
        case Bus.MEMORY:
            return []
        case Bus.NATS:
            return await nats_backlog.backlogs(settings.nats_url)
        case Bus.KAFKA:
            return await kafka_backlog.backlogs(settings.kafka_bootstrap, security_of(settings))
