"""Find the sagas that Temporal has lost, and run them again from the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.reconciliation.failed_orders import failed_orders
from activities.reconciliation.lost_refunds import LostRefunds
from activities.reconciliation.lost_workflows import LostWorkflows
from activities.reconciliation.open_orders import OpenOrder, OpenOrders
from activities.reconciliation.order_workflows import OrderWorkflows
from activities.reconciliation.orphaned_workflows import OrphanedWorkflows
from activities.short_orders import ShortOrders
from activities.types.reconciliation import MAX_NAMED_ORDERS, ReconcileInput, RecoveryResult
from domain.ids import order_workflow_id
from domain.order.decide import ORDER
from domain.order.state import FINAL
from domain.saga.commands import RecoverSaga, RecoveryCause
from domain.saga.decide import SAGA
from kit.bounded_gather import bounded_gather
from kit.leadership import leading
from kit.pool import Pool
from observability import trace

logger = logging.getLogger(__name__)

MAX_RECOVERIES: Final = 5000
"""The recoveries of one run; the next run recovers the rest."""
MAX_SECONDS: Final = 30.0
"""The time in which a run starts recoveries; the next run continues."""
LEADER_NAME: Final = "recovery"


class RecoveryActivitiesImpl(interface.RecoveryActivities):
    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a recovery
        self,
        pool: Pool,
        handler: CommandHandler,
        open_orders: OpenOrders,
        orphans: OrphanedWorkflows,
        sagas: OrderWorkflows,
        refunds: LostRefunds,
        lost_workflows: LostWorkflows,
        short_orders: ShortOrders,
    ) -> None:
        self._pool = pool
        self._handler = handler
        self._open_orders = open_orders
        self._orphans = orphans
        self._sagas = sagas
        self._refunds = refunds
        self._lost_workflows = lost_workflows
        self._short_orders = short_orders

    @activity.defn
    async def recover_missing(self, reconcile: ReconcileInput) -> RecoveryResult:
        if reconcile.order_id is not None:
            if await self._is_lost(reconcile.order_id):
                return await self._place_again(reconcile.order_id, reconcile.cause)
            one = await self._open_orders.one(reconcile.order_id)
            return await self._recover_all(one, reconcile.cause)
        await self._refunds.recover()
        lost, without_open_order = await self._lost()
        recoveries = await self._recover_all(lost, reconcile.cause)
        await self._lost_workflows.resume()
        for order_id in await self._short_orders.compare_some():
            await self._sagas.notify_of_stock(order_id)
        now = activity.info().started_time
        return replace(
            recoveries, discrepancies=await self._orphans.compare(without_open_order, now)
        )

    async def _is_lost(self, order_id: str) -> bool:
        """Return whether the log has lost the order, by a failover or a restore, or never had
        it."""
        return not await self._handler.events(ORDER, order_id)

    async def _place_again(self, order_id: str, cause: RecoveryCause) -> RecoveryResult:
        """Place the order again, in one run at a time: a second one would terminate this saga."""
        async with leading(self._pool, LEADER_NAME):
            if not await self._is_lost(order_id):
                return RecoveryResult(0)
            if not await self._sagas.place_again(order_id):
                return RecoveryResult(0, is_unknown=True)
            await self._record(order_id, cause)
        logger.warning("order %s was lost from the log and is placed again", order_id)
        return RecoveryResult(0, placed_again=(order_id,))

    async def _recover_all(self, lost: Sequence[OpenOrder], cause: RecoveryCause) -> RecoveryResult:
        """Recover in one run at a time: between start and record, a second run would record it
        too."""
        if not lost:
            return RecoveryResult(0)

        async def recover(order: OpenOrder) -> bool:
            return await self._recover(order, cause)

        async with leading(self._pool, LEADER_NAME):
            done = await bounded_gather(lost, recover, seconds=MAX_SECONDS)
        taken = [order.order_id for order, is_recovered in done.results.items() if is_recovered]
        left = failed_orders({order.order_id: error for order, error in done.left.items()})
        return RecoveryResult(len(taken), tuple(taken[:MAX_NAMED_ORDERS]), left)

    async def _lost(self) -> tuple[list[OpenOrder], dict[str, datetime]]:
        """Return the open orders at rest without a saga, and the sagas without an open order."""
        running = await self._sagas.running()
        lost: list[OpenOrder] = []
        async for page in self._open_orders.all():
            without = [order for order in page if running.pop(order.order_id, None) is None]
            lost += (order for order in without if order.is_at_rest)
        if len(lost) > MAX_RECOVERIES:
            logger.warning(
                "%d sagas are missing: later runs recover those that this one does not", len(lost)
            )
        return lost[:MAX_RECOVERIES], running

    async def _recover(self, order: OpenOrder, cause: RecoveryCause) -> bool:
        order_id = order.order_id
        if await self._sagas.is_running(order_id):
            return False
        # A workflow that has ended has recorded the end in the log first.
        if (await self._handler.load(ORDER, order_id)).status in FINAL:
            return False
        with trace.carrying(await self._trace_of(order_id)):
            # Start it first: a saga that cannot be started would leave a record with each attempt.
            await self._sagas.recover(order_id, order.customer_id)
            await self._record(order_id, cause)
        logger.warning("the saga of order %s had no workflow and is recovered", order_id)
        return True

    async def _trace_of(self, order_id: str) -> str | None:
        """Return the trace that the order was placed in."""
        return (await self._handler.events(ORDER, order_id))[0].metadata.traceparent

    async def _record(self, order_id: str, cause: RecoveryCause) -> None:
        times = (await self._handler.load(SAGA, order_id)).recoveries
        step = Step(order_workflow_id(order_id), f"recover/{times + 1}", order_id)
        await self._handler.handle(step, RecoverSaga(aggregate_id=order_id, cause=cause))
