"""Name the workflow and the order that a line of the log belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio import activity, workflow

from domain.ids import order_of_workflow


def keep_messages_plain() -> None:
    """Stop the SDK from appending its own description of the workflow to each message.

    The fields of the line name the workflow. See of_workflow().
    """
    workflow.logger.workflow_info_on_message = workflow.logger.workflow_info_on_extra = False
    activity.logger.activity_info_on_message = activity.logger.activity_info_on_extra = False


def of_workflow() -> Mapping[str, str]:
    """Return the ids of the workflow whose code, or whose activity, is running."""
    if activity.in_activity():
        info = activity.info()
        named = {"activity": info.activity_type, "attempt": str(info.attempt)}
        return _ids(info.workflow_id) | named
    if workflow.in_workflow():
        return _ids(workflow.info().workflow_id)
    return {}


def _ids(workflow_id: str | None) -> dict[str, str]:
    """Return the ids; the events of an order's sagas have its id as their correlation id."""
    if workflow_id is None:
        return {}
    order_id = order_of_workflow(workflow_id)
    of_order = {"order_id": order_id, "correlation_id": order_id} if order_id else {}
    return {"workflow_id": workflow_id} | of_order
