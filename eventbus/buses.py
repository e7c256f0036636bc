"""Open the bus that the settings name."""

from __future__ import annotations

from eventbus.bus import EventBus
from eventbus.memory import memory_bus
from eventbus.nats.bus import connected_bus
from kit.pool import Pool
from settings import Bus, Settings

ADDRESS: dict[Bus, tuple[str, ...]] = {Bus.MEMORY: (), Bus.NATS: ("nats_url",)}
"""The settings that each bus needs."""


async def opened_bus(settings: Settings, pool: Pool) -> EventBus:
    """Connect to the bus; the pool is for its consumers.

    Raises BusUnavailable within seconds, or SettingsError for a wrong setting.
    """
    settings.require(*ADDRESS[settings.bus])
    if settings.bus is Bus.MEMORY:
        return memory_bus(pool)
    return await connected_bus(settings.nats_url, pool)
