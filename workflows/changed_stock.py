"""Have products attended to whose stock has changed. The caller does not wait for it to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

from activities.interface import StockActivities
from activities.types.stock import StockInput
from domain.ids import stock_workflow_id
from workflows.options import DATABASE
from workflows.stock import StockWorkflow


async def attend_to_stock_of(order_id: str) -> None:
    """Attend to the products of an order that has changed their stock."""
    changed = await workflow.execute_local_activity_method(
        StockActivities.changed_stock, order_id, **DATABASE
    )
    await attend_to_stock(changed.skus)


async def attend_to_stock(skus: Iterable[str]) -> None:
    """Return once a workflow is bound to attend to each of the products as it is now."""
    await asyncio.gather(*map(_attend, skus))


async def _attend(sku: str) -> None:
    while not (await _is_started(sku) or await _is_signalled(sku)):
        workflow.logger.info("the workflow of %s has ended in between", sku)


async def _is_started(sku: str) -> bool:
    """Return False for a workflow that runs already."""
    try:
        await workflow.start_child_workflow(
            StockWorkflow.run,
            StockInput(sku),
            id=stock_workflow_id(sku),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


async def _is_signalled(sku: str) -> bool:
    """Return False for a workflow that has ended."""
    running = workflow.get_external_workflow_handle_for(StockWorkflow.run, stock_workflow_id(sku))
    try:
        await running.signal(StockWorkflow.stock_changed)
    except FailureError:
        return False
    return True
