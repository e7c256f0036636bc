"""Finds the sagas that Temporal has lost, and runs them again from the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.few_at_a_time import each
from activities.open_orders import OpenOrder, OpenOrders
from activities.types import Reconcile, TakenUp
from domain.ids import order_workflow_id
from domain.order.decide import ORDER
from domain.order.state import FINAL
from domain.saga.commands import TakeUpCause, TakeUpSaga
from domain.saga.decide import SAGA
from domain.saga.plan import COMPLETE
from eventstore.leadership import leading
from eventstore.pool import Pool

logger = logging.getLogger(__name__)

AT_MOST: Final = 5000
"""In one run; the next one goes on."""
NAMED_AT_MOST: Final = 100
ALONE: Final = "taking_up"


class RunningSagas(Protocol):
    """The orders' sagas as Temporal knows them. Every method may be called again."""

    async def running(self) -> set[str]:
        """The orders whose saga runs; what has changed in the last moments may be missing."""

    async def is_running(self, order_id: str) -> bool:
        """Exactly."""

    async def take_up(self, order_id: str, customer_id: str) -> None: ...


class TakingUpActivities(interface.TakingUpActivities):
    def __init__(
        self, pool: Pool, handler: CommandHandler, open_orders: OpenOrders, sagas: RunningSagas
    ) -> None:
        self._pool = pool
        self._handler = handler
        self._open_orders = open_orders
        self._sagas = sagas

    @activity.defn
    async def take_up_missing(self, reconcile: Reconcile) -> TakenUp:
        if reconcile.order_id is not None:
            suspects = await self._open_orders.one(reconcile.order_id)
        else:
            suspects = await self._suspects()
        return await self._take_up_all(suspects, reconcile.cause) if suspects else TakenUp(0)

    async def _take_up_all(self, suspects: Sequence[OpenOrder], cause: TakeUpCause) -> TakenUp:
        """One run at a time: between the record and the start a saga looks lost to another."""

        async def take_up(order: OpenOrder) -> str | None:
            return order.order_id if await self._take_up(order, cause) else None

        async with leading(self._pool, ALONE):
            taken = [order_id for order_id in await each(suspects, take_up) if order_id]
        return TakenUp(len(taken), tuple(taken[:NAMED_AT_MOST]))

    async def _suspects(self) -> list[OpenOrder]:
        running: set[str] | None = None
        suspects: list[OpenOrder] = []
        async for page in self._open_orders.at_rest():
            if running is None:  # with nothing open there is no need to ask
                running = await self._sagas.running()
            suspects += (order for order in page if order.order_id not in running)
        if len(suspects) > AT_MOST:
            logger.warning("%d sagas are missing: they are taken up by and by", len(suspects))
        return suspects[:AT_MOST]

    async def _take_up(self, order: OpenOrder, cause: TakeUpCause) -> bool:
        order_id = order.order_id
        saga = await self._handler.load(SAGA, order_id)
        if COMPLETE.name in saga.settled:  # a person has let it end without its last step
            return False
        if await self._sagas.is_running(order_id):
            return False
        # A workflow that has ended has put its end into the log before.
        if (await self._handler.load(ORDER, order_id)).status in FINAL:
            return False
        step = Step(order_workflow_id(order_id), f"take_up/{saga.taken_up + 1}", order_id)
        await self._handler.handle(step, TakeUpSaga(aggregate_id=order_id, cause=cause))
        await self._sagas.take_up(order_id, order.customer_id)
        logger.warning("the saga of order %s had no workflow: taken up", order_id)
        return True
