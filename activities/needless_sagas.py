"""Workflows of orders that have none to run for: their order is final, or was never placed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Final

from activities.differences import Differences
from activities.few_at_a_time import each
from activities.open_orders import OpenOrders
from activities.running_sagas import RunningSagas
from activities.types import AtOdds
from domain.saga.commands import Book

AT_MOST: Final = 500
"""Looked at in one run; the next one goes on."""
SECONDS: Final = 10.0
RUNNING, ENDED = "running", "ended"


class NeedlessSagas:
    def __init__(
        self, open_orders: OpenOrders, differences: Differences, sagas: RunningSagas
    ) -> None:
        self._open_orders = open_orders
        self._differences = differences
        self._sagas = sagas

    async def compare(
        self, without_open_order: Mapping[str, datetime], now: datetime
    ) -> tuple[AtOdds, ...]:
        """Compare these sagas, given with their start times, and those on record with the log.

        `now` and the start times come from Temporal's clock.

        A saga that has just begun may be about to place its order, and one that has just put its
        end into the log is about to end.
        """
        youngest = now - self._open_orders.grace
        begun = (saga for saga, since in without_open_order.items() if since <= youngest)
        suspects = set(islice(begun, AT_MOST))
        suspects.update(await self._differences.orders(Book.WORKFLOW, limit=AT_MOST))
        if not suspects:
            return ()
        not_open = await self._open_orders.not_open(suspects)

        async def judge(order_id: str) -> AtOdds | None:
            return await self._judge(order_id, not_open.get(order_id))

        judged = await each(sorted(suspects), judge, seconds=SECONDS)
        return tuple(odds for odds in judged.results.values() if odds is not None)

    async def _judge(self, order_id: str, status: str | None) -> AtOdds | None:
        """`status` None: the order is open, and its saga is to run."""
        if status is None or not await self._sagas.is_running(order_id):
            await self._differences.settled(order_id, Book.WORKFLOW)
            return None
        odds = AtOdds(order_id, Book.WORKFLOW, status, RUNNING)
        await self._differences.found(odds)
        return odds
