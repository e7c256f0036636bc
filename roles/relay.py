"""The role `relay`: publish the log to the bus."""

from __future__ import annotations

import contextlib
import logging

from eventbus.buses import check_settings, opened_bus
from eventbus.relay import Relay
from roles.job import Job, Parts

logger = logging.getLogger(__name__)


async def run_relay(parts: Parts) -> None:
    """Relay the log until cancelled, while this process leads. Raises the errors of
    `is_bus_away`."""
    async with contextlib.aclosing(await opened_bus(parts.settings, parts.pool)) as bus:
        logger.info("relaying the log while this process leads")
        await Relay(parts.pool, parts.store, bus).run()


JOB = Job(run=run_relay, check_settings=check_settings)
