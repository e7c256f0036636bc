"""Ask the carrier and record its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.parcels_back import ParcelsBack
from activities.short_orders import short_of, skus_of
from activities.tracking import record_tracking, tracking_commands
from activities.types.payment import HoldInput
from activities.types.shipping import TrackedStatus
from domain.errors import ErrorCode, Refused
from domain.inventory.decide import INVENTORY
from domain.order.decide import ORDER
from domain.order.events import OrderCreated
from domain.order.lines import Address
from domain.order.state import FINAL, OrderState, OrderStatus
from domain.payment.decide import PAYMENT
from domain.payment.state import TAKEN, PaymentStatus
from domain.shipping import commands as c
from domain.shipping.decide import SHIPMENT
from domain.shipping.events import ShipmentCreated
from domain.shipping.state import ShipmentState
from domain.shipping.tracking import TrackingInfo
from eventstore.envelope import StoredEvent
from eventstore.privacy.errors import Erased
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from providers.carrier import (
    Carrier,
    CarrierShipment,
    CarrierShipmentStatus,
    ReturnStatus,
    ShipmentAddress,
    ShipmentItem,
)
from providers.errors import AlreadyDispatched, ProviderRefused

_TRACKED: Final = {
    CarrierShipmentStatus.DISPATCHED: TrackedStatus.DISPATCHED,
    CarrierShipmentStatus.DELIVERED: TrackedStatus.DELIVERED,
    CarrierShipmentStatus.CANCELLED: TrackedStatus.CANCELLED,
    CarrierShipmentStatus.LOST: TrackedStatus.LOST,
    CarrierShipmentStatus.RETURNED_TO_SENDER: TrackedStatus.RETURNED_TO_SENDER,
}


class ShippingActivitiesImpl(interface.ShippingActivities):
    def __init__(
        self, handler: CommandHandler, store: EventStore, vault: Vault, carrier: Carrier
    ) -> None:
        self._handler = handler
        self._store = store
        self._vault = vault
        self._carrier = carrier
        self._back = ParcelsBack(handler, carrier)

    @activity.defn
    async def create_shipment(self, order_id: str) -> datetime:
        skus = skus_of(await self._going_forward(order_id))
        shipment_stream, *stocks = await self._handler.read(
            (SHIPMENT, order_id), *((INVENTORY, sku) for sku in skus)
        )
        state: ShipmentState = shipment_stream.state
        await self._check_is_paid_again(order_id, state)
        if state.is_under_way:  # a recovered saga does not book again what it has booked before
            return _booked_at(shipment_stream.stored)
        _check_is_on_hand(order_id, short_of(order_id, skus, (stock.state for stock in stocks)))
        order = await self._created(order_id)
        shipment = await self._carrier.create_shipment(
            order_id=order_id,
            address=ShipmentAddress(**(await self._address(order)).model_dump()),
            items=[ShipmentItem(line.sku, line.quantity) for line in order.lines],
            booking=state.booking,
        )
        if shipment.status is CarrierShipmentStatus.CANCELLED:
            raise ProviderRefused("carrier", "create_shipment", "shipment_cancelled", 409)
        await self._record(order_id, state.booking, shipment, shipment.tracking)
        return datetime.now(UTC)

    @activity.defn
    async def cancel_shipment(self, order_id: str) -> bool:
        shipment = await self._handler.load(SHIPMENT, order_id)
        booking = shipment.booking
        key = _key("cancel_shipment", booking)
        cancelled = c.RecordShipmentCancelled(aggregate_id=order_id)
        return await self._cancel(order_id, booking, key, cancelled)

    @activity.defn
    async def stop_parcel(self, stop: HoldInput) -> bool:
        shipment = await self._handler.load(SHIPMENT, stop.order_id)
        # Read the payment after the shipment: a booking that follows a new attempt is not stopped.
        payment = await self._handler.load(PAYMENT, stop.order_id)
        if payment.attempt != stop.attempt or shipment.is_stopped:
            return True
        booking = shipment.booking
        key = _key("stop_parcel", booking)
        stopped = c.RecordShipmentStopped(
            aggregate_id=stop.order_id, booking=booking, attempt=stop.attempt
        )
        return await self._cancel(stop.order_id, booking, key, stopped)

    async def _cancel(
        self, order_id: str, booking: int, key: str, cancelled: c.ShipmentCommand
    ) -> bool:
        """Cancel the booking at the carrier and record that; return False if the parcel has
        left."""
        try:
            await self._carrier.cancel(order_id=order_id, booking=booking)
        except AlreadyDispatched:
            await self.track(order_id)  # record the dispatch before the answer relies on it
            return False
        await self._handler.handle(Step.current(key, order_id), cancelled)
        return True

    @activity.defn
    async def track(self, order_id: str) -> TrackedStatus:
        booking = (await self._handler.load(SHIPMENT, order_id)).booking
        shipment = await self._carrier.find(order_id=order_id, booking=booking)
        if shipment is None:
            return TrackedStatus.WAITING
        await self._record(order_id, booking, shipment)
        await record_tracking(self._handler, order_id, shipment.tracking)
        if shipment.status is CarrierShipmentStatus.LOST:
            await self._handler.handle(
                Step.current("await_delivery/lost", order_id), c.RecordLoss(aggregate_id=order_id)
            )
        if shipment.status is CarrierShipmentStatus.RETURNED_TO_SENDER:
            await self._back.record_returned_to_sender(order_id)
        return _TRACKED.get(shipment.status, TrackedStatus.WAITING)

    @activity.defn
    async def collect_return(self, order_id: str) -> None:
        returning = (await self._handler.load(ORDER, order_id)).returning
        if returning is None:
            return
        fetched = await self._carrier.create_return(
            order_id=order_id,
            items=[ShipmentItem(line.sku, line.quantity) for line in returning.lines],
            booking=(await self._handler.load(SHIPMENT, order_id)).booking,
        )
        await self._handler.handle(
            Step.current("collect_return", order_id),
            c.RecordReturnShipment(aggregate_id=order_id, return_id=fetched.id),
        )

    @activity.defn
    async def resume_return(self, order_id: str) -> bool:
        return await self._back.resume_return(order_id)

    @activity.defn
    async def track_return(self, order_id: str) -> bool:
        booking = (await self._handler.load(SHIPMENT, order_id)).booking
        fetched = await self._carrier.find_return(order_id=order_id, booking=booking)
        return fetched is not None and fetched.status is ReturnStatus.RETURNED

    async def _going_forward(self, order_id: str) -> OrderState:
        """Refuse a late shipment: it must not follow its own cancellation."""
        order = await self._handler.load(ORDER, order_id)
        if order.status is OrderStatus.CANCELLING or order.status in FINAL:
            raise Refused(
                ErrorCode.WRONG_STATE, f"order {order_id} is {order.status}: it must not be sent"
            )
        return order

    async def _check_is_paid_again(self, order_id: str, shipment: ShipmentState) -> None:
        """Refuse a late shipment: a parcel that was stopped waits for a later attempt to pay."""
        if not shipment.is_stopped:
            return
        payment = await self._handler.load(PAYMENT, order_id)
        is_later = payment.attempt > shipment.unpaid_attempt
        if not is_later or payment.status not in {PaymentStatus.AUTHORIZED, *TAKEN}:
            raise Refused(
                ErrorCode.WRONG_STATE,
                f"the payment of order {order_id} is {payment.status}: it must not be sent",
            )

    async def _record(
        self,
        order_id: str,
        booking: int,
        shipment: CarrierShipment,
        tracking: TrackingInfo | None = None,
    ) -> None:
        await self._handler.handle(
            Step.current(_key("create_shipment", booking), order_id),
            c.RecordShipment(aggregate_id=order_id, shipment_id=shipment.id, booking=booking),
            *tracking_commands(order_id, tracking),
        )

    async def _address(self, order: OrderCreated) -> Address:
        """Return the decrypted address, for the carrier alone."""
        try:
            address = (await self._vault.open(order)).shipping_address
        except Erased as erased:
            raise Refused(ErrorCode.PERSONAL_DATA_ERASED, str(erased)) from None
        if not isinstance(address, Address):
            raise TypeError("the vault returned something other than an address")
        return address

    async def _created(self, order_id: str) -> OrderCreated:
        """Return the order as placed: the address is in the log and in no read model."""
        first, *_ = await self._store.load_events(f"order-{order_id}")
        created = first.decode()
        if not isinstance(created, OrderCreated):
            raise TypeError(f"stream order-{order_id} begins with a {first.type}")
        return created


def _check_is_on_hand(order_id: str, short: Mapping[str, int]) -> None:
    """Refuse to promise a parcel whose goods are not there: an operator decides on the order."""
    if short:
        missing = ", ".join(f"{pieces} of {sku}" for sku, pieces in short.items())
        raise Refused(
            ErrorCode.INSUFFICIENT_STOCK,
            f"order {order_id} has reserved {missing}, not on hand: receive them, or cancel it",
        )


def _booked_at(of_shipment: Sequence[StoredEvent]) -> datetime:
    """Return the time of the latest booking: a parcel that was stopped is booked again."""
    booked = (each for each in reversed(of_shipment) if each.type == ShipmentCreated.__name__)
    return next(booked).recorded_at


def _key(step: str, booking: int) -> str:
    return step if booking == 1 else f"{step}/{booking}"
