"""How orders that wait for stock hear that there is some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import OrderActivities
from domain.ids import order_workflow_id
from workflows.options import DATABASE

STOCK_RECEIVED: Final = "stock_received"
"""The order's signal, by its name: the order's own workflow wakes others as well."""


async def notify_orders(order_ids: Iterable[str]) -> None:
    """One after the other, the oldest first: whoever waits longest asks first."""
    for order_id in order_ids:
        order = workflow.get_external_workflow_handle(order_workflow_id(order_id))
        try:
            await order.signal(STOCK_RECEIVED)
        except FailureError:  # it has ended, or is about to be taken up and will look by itself
            workflow.logger.info("order %s waits no longer", order_id)


async def notify_waiting_orders(order_id: str) -> None:
    """Those that wait for what this order has given back."""
    waiting = await workflow.execute_local_activity_method(
        OrderActivities.waiting_for, order_id, **DATABASE
    )
    await notify_orders(waiting.order_ids)
