"""Finds the sagas that Temporal has lost, and runs them again from the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.few_at_a_time import each
from activities.left_out import left_out
from activities.needless_sagas import NeedlessSagas
from activities.open_orders import OpenOrder, OpenOrders
from activities.running_sagas import RunningSagas
from activities.types import NAMED_AT_MOST, Reconcile, TakenUp
from domain.ids import order_workflow_id
from domain.order.decide import ORDER
from domain.order.state import FINAL
from domain.saga.commands import TakeUpCause, TakeUpSaga
from domain.saga.decide import SAGA
from eventstore.leadership import leading
from eventstore.pool import Pool

logger = logging.getLogger(__name__)

AT_MOST: Final = 5000
"""In one run; the next one goes on."""
SECONDS: Final = 30.0
"""After which none is begun any more; the next run goes on."""
ALONE: Final = "taking_up"


class TakingUpActivities(interface.TakingUpActivities):
    def __init__(
        self,
        pool: Pool,
        handler: CommandHandler,
        open_orders: OpenOrders,
        needless: NeedlessSagas,
        sagas: RunningSagas,
    ) -> None:
        self._pool = pool
        self._handler = handler
        self._open_orders = open_orders
        self._needless = needless
        self._sagas = sagas

    @activity.defn
    async def take_up_missing(self, reconcile: Reconcile) -> TakenUp:
        if reconcile.order_id is not None:
            if await self._is_lost(reconcile.order_id):
                return await self._place_again(reconcile.order_id, reconcile.cause)
            one = await self._open_orders.one(reconcile.order_id)
            return await self._take_up_all(one, reconcile.cause)
        lost, without_open_order = await self._lost()
        taken_up = await self._take_up_all(lost, reconcile.cause)
        now = activity.info().started_time
        return replace(taken_up, at_odds=await self._needless.compare(without_open_order, now))

    async def _is_lost(self, order_id: str) -> bool:
        """By a failover or a restore; or there never was such an order."""
        return not await self._handler.events(ORDER, order_id)

    async def _place_again(self, order_id: str, cause: TakeUpCause) -> TakenUp:
        """One run at a time: another would terminate the saga that this one has started."""
        async with leading(self._pool, ALONE):
            if not await self._is_lost(order_id):
                return TakenUp(0)
            if not await self._sagas.place_again(order_id):
                return TakenUp(0, is_unknown=True)
            await self._record(order_id, cause)
        logger.warning("order %s was lost from the log: placed again", order_id)
        return TakenUp(0, placed_again=(order_id,))

    async def _take_up_all(self, lost: Sequence[OpenOrder], cause: TakeUpCause) -> TakenUp:
        """One run at a time: between the start and the record another would record it as well."""
        if not lost:
            return TakenUp(0)

        async def take_up(order: OpenOrder) -> bool:
            return await self._take_up(order, cause)

        async with leading(self._pool, ALONE):
            done = await each(lost, take_up, seconds=SECONDS)
        taken = [order.order_id for order, is_taken_up in done.results.items() if is_taken_up]
        left = left_out({order.order_id: error for order, error in done.left.items()})
        return TakenUp(len(taken), tuple(taken[:NAMED_AT_MOST]), left)

    async def _lost(self) -> tuple[list[OpenOrder], dict[str, datetime]]:
        """The open orders at rest without a saga; and the sagas without an open order."""
        running = await self._sagas.running()
        lost: list[OpenOrder] = []
        async for page in self._open_orders.all():
            without = [order for order in page if running.pop(order.order_id, None) is None]
            lost += (order for order in without if order.is_at_rest)
        if len(lost) > AT_MOST:
            logger.warning("%d sagas are missing: they are taken up by and by", len(lost))
        return lost[:AT_MOST], running

    async def _take_up(self, order: OpenOrder, cause: TakeUpCause) -> bool:
        order_id = order.order_id
        if await self._sagas.is_running(order_id):
            return False
        # A workflow that has ended has put its end into the log before.
        if (await self._handler.load(ORDER, order_id)).status in FINAL:
            return False
        # Started first: one that cannot be started would leave a record with each try.
        await self._sagas.take_up(order_id, order.customer_id)
        await self._record(order_id, cause)
        logger.warning("the saga of order %s had no workflow: taken up", order_id)
        return True

    async def _record(self, order_id: str, cause: TakeUpCause) -> None:
        times = (await self._handler.load(SAGA, order_id)).taken_up
        step = Step(order_workflow_id(order_id), f"take_up/{times + 1}", order_id)
        await self._handler.handle(step, TakeUpSaga(aggregate_id=order_id, cause=cause))
