"""Attend to a product whose stock has changed: notify the orders that wait for it.

One such workflow runs for each product, whatever number of receipts it follows. So a caller that
changes the stock need not wait for the notifications. A run notifies a limited number of orders and
continues as new, so that no history grows with the orders that wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError
from temporalio.workflow import ActivityConfig

from activities.interface import StockActivities
from activities.types.stock import StockInput
from domain.ids import order_workflow_id
from workflows.database_steps import run_on_database
from workflows.options import HEARTBEAT

STOCK_RECEIVED: Final = "stock_received"
"""The name of the order's signal. The order workflow starts this one, so the name is used."""
READING: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
)
COMPARING: Final = ActivityConfig(
    schedule_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=HEARTBEAT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
)


@workflow.defn
class StockWorkflow:
    @workflow.init
    def __init__(self, stock: StockInput) -> None:
        self._has_changed = stock.has_changed

    @workflow.run
    async def run(self, stock: StockInput) -> None:
        """Run until every order that the stock suffices for is notified since its last change."""
        found = await run_on_database(StockActivities.orders_to_notify, stock, READING)
        await _notify_all(found.order_ids)
        if found.next_after is not None:
            workflow.continue_as_new(StockInput(stock.sku, found.next_after, self._has_changed))
        if found.may_be_short:
            await _compare(stock.sku)
        if self._has_changed:
            workflow.continue_as_new(StockInput(stock.sku))

    @workflow.signal
    def stock_changed(self) -> None:
        self._has_changed = True


async def _notify_all(order_ids: Iterable[str]) -> None:
    """Notify the orders in any order: the domain keeps the pieces for each of them."""
    await asyncio.gather(*map(_notify, order_ids))


async def _notify(order_id: str) -> None:
    order = workflow.get_external_workflow_handle(order_workflow_id(order_id))
    try:
        await order.signal(STOCK_RECEIVED)
    except FailureError:  # it has ended, or its recovery will check the stock
        workflow.logger.info("order %s no longer waits for stock", order_id)


async def _compare(sku: str) -> None:
    try:
        ready = await workflow.execute_activity_method(
            StockActivities.compare_stock, sku, **COMPARING
        )
        await _notify_all(ready.order_ids)
    except ActivityError as error:  # the scheduled recovery compares as well
        workflow.logger.warning("the stock of %s was not compared: %s", sku, error.cause)
