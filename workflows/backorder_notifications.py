"""Notify the orders that wait for stock when stock arrives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import OrderActivities
from domain.ids import order_workflow_id
from workflows.options import DATABASE

STOCK_RECEIVED: Final = "stock_received"
"""The name of the order's signal. The order workflow imports this module, so the name is used."""


async def notify_orders(order_ids: Iterable[str]) -> None:
    """Notify the orders one after the other: the oldest is first to reserve."""
    for order_id in order_ids:
        order = workflow.get_external_workflow_handle(order_workflow_id(order_id))
        try:
            await order.signal(STOCK_RECEIVED)
        except FailureError:  # it has ended, or its recovery will check the stock
            workflow.logger.info("order %s no longer waits for stock", order_id)


async def notify_waiting_orders(order_id: str) -> None:
    """Notify the orders that wait for the stock that this order has released."""
    waiting = await workflow.execute_local_activity_method(
        OrderActivities.waiting_for, order_id, **DATABASE
    )
    await notify_orders(waiting.order_ids)
