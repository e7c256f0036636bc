"""Name the workflow and the order that a line of the log belongs to."""

from __future__ import annotations

from collections.abc import Mapping

from temporalio import activity, workflow

from domain.ids import order_of_workflow


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
    if workflow_id is None:
        return {}
    order_id = order_of_workflow(workflow_id)
    return {"workflow_id": workflow_id} | ({"order_id": order_id} if order_id else {})
