"""The role `relay`: publish the log to the bus."""

from __future__ import annotations

import contextlib
import logging

from eventbus.buses import opened_bus
from eventbus.relay import Relay
from eventstore.protocol import EventStore
from kit.pool import Pool
from settings import Settings

logger = logging.getLogger(__name__)


async def run_relay(settings: Settings, pool: Pool, store: EventStore) -> None:
    """Relay the log until cancelled, while this process leads. Raises the errors of
    `is_bus_away`."""
    async with contextlib.aclosing(await opened_bus(settings, pool)) as bus:
        logger.info("relaying the log while this process leads")
        await Relay(pool, store, bus).run()
