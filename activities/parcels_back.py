"""Record parcels and goods that come back on their own: no step of a saga waits for them."""

from __future__ import annotations

from activities.command_handler import CommandHandler, Step
from domain.inventory.commands import ReturnStock
from domain.order.commands import ResumeReturn
from domain.order.decide import ORDER
from domain.order.state import OrderStatus
from domain.shipping.commands import RecordReturnToSender
from domain.shipping.decide import SHIPMENT
from domain.shipping.state import ShipmentStatus
from providers.carrier import Carrier, ReturnStatus

_UNDELIVERED = {OrderStatus.SHIPPED, OrderStatus.CANCELLING, OrderStatus.CANCELLED}


class ParcelsBack:
    def __init__(self, handler: CommandHandler, carrier: Carrier) -> None:
        self._handler = handler
        self._carrier = carrier

    async def record_returned_to_sender(self, order_id: str) -> None:
        """Record that the parcel is back, with its goods in stock again.

        Do so only while the log says that they have left and the customer never had them. For a
        delivered order the difference becomes a discrepancy, because the money is the shop's.
        """
        order = await self._handler.load(ORDER, order_id)
        shipment = await self._handler.load(SHIPMENT, order_id)
        is_delivered = order.status not in _UNDELIVERED or order.returned is not None
        if (
            is_delivered
            or not order.has_shipped
            or shipment.status is ShipmentStatus.RETURNED_TO_SENDER
        ):
            return
        await self._handler.handle(
            Step.current("await_delivery/returned_to_sender", order_id),
            RecordReturnToSender(aggregate_id=order_id),
            *(
                ReturnStock(aggregate_id=line.sku, order_id=order_id, quantity=line.quantity)
                for line in order.lines
            ),
        )

    async def resume_return(self, order_id: str) -> bool:
        """Resume a lapsed return whose goods are back; return whether a return is under way."""
        order = await self._handler.load(ORDER, order_id)
        if order.lapsed is not None and await self._are_back(order_id):
            await self._handler.handle(
                Step.current(f"resume_return/{order.lapses}", order_id),
                ResumeReturn(aggregate_id=order_id),
            )
            order = await self._handler.load(ORDER, order_id)
        return order.returning is not None

    async def _are_back(self, order_id: str) -> bool:
        booking = (await self._handler.load(SHIPMENT, order_id)).booking
        fetched = await self._carrier.find_return(order_id=order_id, booking=booking)
        return fetched is not None and fetched.status is ReturnStatus.RETURNED
