"""Make the rebuilds that are asked for, and resume those whose process has ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, NoReturn

from kit.pool import Pool
from kit.restart import is_database_away, restarting
from projections import order_contacts
from projections.order_contacts import ORDER_CONTACTS
from projections.projection import Projection
from projections.rebuild import record
from projections.rebuild.assistants import Assistants
from projections.rebuild.errors import BeingRebuilt, RebuildError
from projections.rebuild.procedure import NONE, rebuild
from projections.registry import PROJECTIONS

LOOK_EVERY_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


class Rebuilder:
    """Run in every worker that has the role; one of them makes each rebuild."""

    def __init__(self, pool: Pool, assistants: Assistants = NONE) -> None:
        self._pool = pool
        self._assistants = assistants

    async def run(self) -> NoReturn:
        await restarting("rebuilding projections", self._look, is_database_away)

    async def _look(self) -> None:
        while True:
            async with self._pool.acquire() as connection:
                asked = await record.unfinished(connection)
            for projection in PROJECTIONS:
                if (projection.name, projection.version) in asked:
                    await self._rebuild(projection)
            if (ORDER_CONTACTS.name, ORDER_CONTACTS.version) in asked:
                await order_contacts.begin_again(self._pool)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _rebuild(self, projection: Projection) -> None:
        try:
            events = await rebuild(self._pool, projection, _unseen, assistants=self._assistants)
        except BeingRebuilt:
            return
        except RebuildError as error:
            logger.error("rebuild of %s: %s", projection.name, error)  # noqa: TRY400 - the message says all
        else:
            logger.info("%s is rebuilt from %d events", projection.name, events)


def _unseen(_: int, __: int) -> None:
    """Show no progress: it is in the record."""
