"""Record the tracking number that a carrier gives a parcel, whenever it becomes known."""

from __future__ import annotations

from hashlib import sha256

from activities.command_handler import CommandHandler, Step
from domain.ids import order_workflow_id
from domain.shipping.commands import RecordTracking
from domain.shipping.decide import SHIPMENT
from domain.shipping.tracking import TrackingInfo


def tracking_commands(order_id: str, tracking: TrackingInfo | None) -> list[RecordTracking]:
    """Return the command that records the number along with another change, if there is one."""
    return [] if tracking is None else [RecordTracking(aggregate_id=order_id, tracking=tracking)]


async def record_tracking(
    handler: CommandHandler, order_id: str, tracking: TrackingInfo | None
) -> None:
    """Record the number by itself, unless the log has it already.

    The saga and the reconciliation share the key. It counts the changes, so that a number which
    comes back is recorded again.
    """
    if tracking is None:
        return
    shipment = await handler.load(SHIPMENT, order_id)
    if tracking == shipment.tracking:
        return
    digest = sha256(tracking.model_dump_json().encode()).hexdigest()[:12]
    key = f"track/{shipment.tracking_count}/{digest}"
    step = Step(order_workflow_id(order_id), key, order_id)
    await handler.handle(step, *tracking_commands(order_id, tracking))
