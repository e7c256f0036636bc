"""Compare what the log and the providers' records say of an order.

The comparison covers what money and stock depend on: what is held, captured and refunded; and
whether the parcel waits, has left or is lost. The log may lag in other respects; the saga handles
those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from activities.aftercare.bank import failed_refunds
from activities.command_handler import CommandHandler
from activities.payments.refund_record import RefundRecord
from activities.payments.refunds import Listed, Refunds
from activities.reconciliation.holdings import (
    UNDONE,
    ProviderHoldings,
    holdings_of,
    promised_holdings,
)
from domain.order.decide import ORDER
from domain.order.state import CANCELLABLE_AFTER_DISPATCH, FINAL, OrderState, OrderStatus
from domain.payment.decide import PAYMENT
from domain.payment.state import UNSETTLED, PaymentState, PaymentStatus
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga.commands import ReconciledSystem
from domain.saga.decide import SAGA
from domain.saga.plan import AWAIT_DELIVERY, CANCEL_SHIPMENT, DELIVER
from domain.saga.state import SagaState
from domain.shipping.decide import SHIPMENT
from domain.shipping.state import HAS_LEFT, ShipmentStatus
from domain.shipping.tracking import TrackingInfo
from providers.carrier import Carrier, CarrierShipmentStatus, ReturnStatus
from providers.errors import ProviderRefused
from providers.payments import PaymentProvider, ProviderPayment, ProviderPaymentState

_STOPPED: Final = frozenset({"none", "waiting"})
_BELIEVED: Final = {
    CANCEL_SHIPMENT.name: _STOPPED,
    AWAIT_DELIVERY.name: _STOPPED | {"left"},
    DELIVER.name: _STOPPED | {"left"},
}
"""What the carrier may say once an operator has skipped or resolved a step: the log cannot know it.
Anything else has happened since."""
_UNDECIDED: Final = {ProviderPaymentState.CREATED, ProviderPaymentState.PENDING}
_PARCEL: Final = {
    ShipmentStatus.CREATED: "waiting",
    ShipmentStatus.DISPATCHED: "left",
    ShipmentStatus.DELIVERED: "left",
    ShipmentStatus.LOST: "lost",
    ShipmentStatus.RETURNED_TO_SENDER: "returned to sender",
}
_GIVEN_UP: Final = {ShipmentStatus.LOST, ShipmentStatus.RETURNED_TO_SENDER}
GOODS_ARE_BACK: Final = ", the goods of its return are back"
_NOTIFICATIONS: Final = {
    CarrierShipmentStatus.DISPATCHED: ShipmentNotificationKind.DISPATCHED,
    CarrierShipmentStatus.DELIVERED: ShipmentNotificationKind.DELIVERED,
    CarrierShipmentStatus.CANCELLED: ShipmentNotificationKind.CANCELLED,
    CarrierShipmentStatus.LOST: ShipmentNotificationKind.LOST,
    CarrierShipmentStatus.RETURNED_TO_SENDER: ShipmentNotificationKind.RETURNED_TO_SENDER,
}


@dataclass(frozen=True, slots=True)
class SystemComparison:
    """`notification` is one that the saga, or the aftercare of an ended order, has missed.

    `tracking` is the carrier's tracking number, when the log has another or none.
    """

    system: ReconciledSystem
    ours: str
    theirs: str
    notification: PaymentNotification | ShipmentNotification | None = None
    tracking: TrackingInfo | None = None
    has_other_refunds: bool = False
    """The provider lists other refunds by hand than the log has."""

    @property
    def agrees(self) -> bool:
        return self.ours == self.theirs


class ProviderComparison:
    """Read both sides of one order. Raises ProviderUnavailable."""

    def __init__(
        self, handler: CommandHandler, payments: PaymentProvider, carrier: Carrier
    ) -> None:
        self._handler = handler
        self.payments = payments
        self._carrier = carrier
        self._refund_record = RefundRecord(handler, payments)
        self._refunds = Refunds(handler, payments)

    async def record_refunds(self, order_id: str) -> None:
        """Record the refunds that Waybill did not ask for."""
        await self._refund_record.compare(order_id)

    async def read(self, order_id: str) -> list[SystemComparison]:
        order = await self._handler.load(ORDER, order_id)
        if order.status is None:
            return []
        saga: SagaState = await self._handler.load(SAGA, order_id)
        shipment = await self._shipment(order_id, order)
        return [await self._payment(order_id, order, saga), _believed(shipment, saga.settled)]

    async def _payment(self, order_id: str, order: OrderState, saga: SagaState) -> SystemComparison:
        payment = await self._handler.load(PAYMENT, order_id)
        answers = {
            attempt: answer
            for attempt, reference in sorted(payment.references.items())
            if (answer := await self._look(reference)) is not None
        }
        latest = answers.get(payment.attempt)
        found = [*answers.items()]
        if order.status in FINAL:
            found += await self._unanswered(order_id, payment)
        is_decided = latest is not None and latest.state not in _UNDECIDED
        is_released = latest is not None and latest.state is ProviderPaymentState.VOIDED
        ends_hold = (
            order.status in CANCELLABLE_AFTER_DISPATCH  # a parked capture may wait for it
            and payment.status is PaymentStatus.AUTHORIZED
            and is_released
        )
        is_answer = order.status not in FINAL and payment.status in UNSETTLED and is_decided
        held = holdings_of(found)
        listed = await self._listed(payment, held)
        unit = self.payments.unit(payment.amount.currency) if payment.captured else 1
        return SystemComparison(
            ReconciledSystem.PAYMENT,
            ours=str(promised_holdings(order, payment, saga.settled, held, unit)),
            theirs=str(held),
            has_other_refunds=listed.elsewhere != payment.refunds_elsewhere,
            notification=_payment_notification(order_id, payment, is_answer, ends_hold)
            or _failed_refund(order_id, payment, listed, saga),
        )

    async def _listed(self, payment: PaymentState, held: ProviderHoldings) -> Listed:
        """Return the refunds one by one: their sum hides one that failed beside one by hand."""
        if payment.reference is None or not (held.refunded or payment.refunded):
            return Listed(())
        return await self._refunds.listed(payment.reference)

    async def _look(self, reference: str) -> ProviderPayment | None:
        """Return None when the provider knows of no payment, and so holds none."""
        try:
            return await self.payments.get(reference=reference)
        except ProviderRefused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _unanswered(
        self, order_id: str, payment: PaymentState
    ) -> list[tuple[int, ProviderPayment]]:
        """Search by label the attempts whose answer was lost: no saga asks for them again."""
        return [
            (attempt, found)
            for attempt in range(1, payment.attempt + 1)
            if attempt not in payment.references
            for found in await self.payments.search(order_id=order_id, attempt=attempt)
        ]

    async def _shipment(self, order_id: str, order: OrderState) -> SystemComparison:
        shipment = await self._handler.load(SHIPMENT, order_id)
        there = await self._carrier.find(order_id=order_id, booking=shipment.booking)
        theirs = None if there is None else ShipmentStatus(there.status.upper())
        tracking = None if there is None else there.tracking
        others = [n for n in range(1, shipment.booking) if await self._has_left(order_id, n)]
        is_back = (
            order.has_had_return
            and not shipment.is_back
            and await self._is_back(order_id, shipment.booking)
        )
        kind = ShipmentNotificationKind.RETURNED if is_back and _takes_back(order) else None
        if kind is None and there is not None and theirs is not shipment.status:
            kind = _missed(order, there.status)
        return SystemComparison(
            ReconciledSystem.SHIPMENT,
            ours=_parcel(shipment.status),
            theirs=_their_parcel(theirs, shipment.status, order)
            + "".join(f", booking {number} left although it was stopped" for number in others)
            + (GOODS_ARE_BACK if is_back and order.status in UNDONE else ""),
            notification=ShipmentNotification(order_id, kind, tracking=tracking)
            if kind is not None
            else None,
            tracking=tracking if tracking != shipment.tracking else None,
        )

    async def _has_left(self, order_id: str, booking: int) -> bool:
        there = await self._carrier.find(order_id=order_id, booking=booking)
        return there is not None and ShipmentStatus(there.status.upper()) in HAS_LEFT

    async def _is_back(self, order_id: str, booking: int) -> bool:
        fetched = await self._carrier.find_return(order_id=order_id, booking=booking)
        return fetched is not None and fetched.status is ReturnStatus.RETURNED


def _payment_notification(
    order_id: str, payment: PaymentState, is_answer: bool, ends_hold: bool
) -> PaymentNotification | None:
    if ends_hold:
        kind = PaymentNotificationKind.CANCELED
        return PaymentNotification(order_id, payment.attempt, kind)
    return PaymentNotification(order_id, payment.attempt) if is_answer else None


def _failed_refund(
    order_id: str, payment: PaymentState, listed: Listed, saga: SagaState
) -> PaymentNotification | None:
    """Return the notification of a refund that has failed and that no operator can decide on yet:
    the log does not know of it, or its step is not parked."""
    decided_on = saga.settled | saga.parked.keys()
    is_open = any(each.step not in decided_on for each in failed_refunds(payment))
    if not is_open and not listed.lacking(payment.refunds):
        return None
    return PaymentNotification(order_id, payment.attempt, PaymentNotificationKind.REFUND)


def _believed(shipment: SystemComparison, settled: frozenset[str]) -> SystemComparison:
    """Take the carrier's record as the log's where an operator answers for it."""
    answers = (said for step, said in _BELIEVED.items() if step in settled)
    if not any(shipment.theirs in said for said in answers):
        return shipment
    return replace(shipment, ours=shipment.theirs)


def _parcel(status: ShipmentStatus | None) -> str:
    """Treat a parcel that was cancelled, or never created, as none."""
    return "none" if status is None else _PARCEL.get(status, "none")


def _their_parcel(
    theirs: ShipmentStatus | None, ours: ShipmentStatus | None, order: OrderState
) -> str:
    """Name the delivery of a parcel that was given up: an operator decides on it."""
    is_given_up = ours in _GIVEN_UP or (order.status in UNDONE and ours is not theirs)
    is_found = theirs is ShipmentStatus.DELIVERED and is_given_up
    return "delivered" if is_found else _parcel(theirs)


def _takes_back(order: OrderState) -> bool:
    """Return whether goods that come back now are refunded."""
    return order.returning is not None or (
        order.lapsed is not None and order.status not in UNDONE | {OrderStatus.CANCELLING}
    )


def _missed(order: OrderState, status: CarrierShipmentStatus) -> ShipmentNotificationKind | None:
    """Return what the saga has missed; of an ended order, what its aftercare records."""
    kind = _NOTIFICATIONS.get(status)
    if order.status not in FINAL:
        return kind
    is_taken_back = (
        kind is ShipmentNotificationKind.RETURNED_TO_SENDER
        and order.status in UNDONE
        and order.has_shipped
        and order.returned is None
    )
    return kind if is_taken_back else None
