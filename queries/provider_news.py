"""What the log knows of a notification: its order, and whether it holds what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.order.state import FINAL, OrderStatus
from domain.payment.state import ENDED, TAKEN, UNSETTLED, PaymentStatus
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga.plan import CAPTURE, GIVE_BACK, RELEASE_HOLD
from domain.shipping.state import HAS_LEFT, ShipmentStatus
from kit.pool import Pool

_KNOWN: Final = """
    SELECT o.status, p.status, coalesce(p.refunded, 0), s.status,
           jsonb_array_length(o.refunds) > 0,
           (SELECT count(*) FROM eventstore.event
            WHERE stream_id = 'shipment-' || o.order_id AND type = 'ShipmentStopped'),
           ARRAY (SELECT step FROM readmodel.parked_step AS k WHERE k.order_id = o.order_id)
    FROM readmodel.order_view AS o
    LEFT JOIN readmodel.payment_view AS p USING (order_id)
    LEFT JOIN readmodel.shipment_view AS s USING (order_id)
    WHERE o.order_id = $1
"""
_OF_REFERENCE: Final = """
    SELECT order_id, attempt FROM readmodel.payment_view WHERE reference = $1
"""

_DECIDED: Final = {*TAKEN, PaymentStatus.AUTHORIZED, PaymentStatus.VOIDED}
"""No further hold can follow. Of a payment that an operator has settled, one can."""
_UNDONE: Final = {OrderStatus.CANCELLING, OrderStatus.CANCELLED, OrderStatus.REJECTED}

_Payment = PaymentNotificationKind
_Shipment = ShipmentNotificationKind


@dataclass(frozen=True, slots=True)
class Known:
    """The statuses of an order in the read models; None while there is no payment or shipment."""

    order: str
    payment: str | None
    refunded: int
    shipment: str | None
    is_back: bool
    stopped: int
    """The number of bookings that were stopped; a later one has taken the place of each."""
    parked: Sequence[str] = ()
    """The parked steps. A capture or a cancellation by hand at the provider may end one."""

    def holds_payment(self, report: PaymentNotification) -> bool:
        match report.kind:
            case _Payment.AUTHORIZED:
                return self.payment in _DECIDED
            case _Payment.NEEDS_CUSTOMER | _Payment.DECLINED:
                return self.payment is not None and self.payment not in UNSETTLED
            case _Payment.CAPTURED:
                # The answer to the step of a running order, unless that step is parked.
                is_answer = self.order not in FINAL and CAPTURE.name not in self.parked
                return self.payment in TAKEN or is_answer
            case _Payment.CANCELED:
                is_over = self.payment in ENDED or self.order in _UNDONE
                return is_over and not {GIVE_BACK.name, RELEASE_HOLD.name} & {*self.parked}
            case _Payment.REFUND:
                return report.refunded is not None and report.refunded <= self.refunded
            case _:
                return False

    def holds_shipment(self, report: ShipmentNotification) -> bool:
        is_of_stopped = report.booking is not None and report.booking <= self.stopped
        if is_of_stopped and report.kind is not _Shipment.CANCELLED:
            return False
        match report.kind:
            case _Shipment.DISPATCHED:
                return self.shipment in HAS_LEFT
            case _Shipment.CANCELLED:
                return self.order in FINAL and self.shipment not in HAS_LEFT
            case _Shipment.RETURNED:
                return self.is_back
            case _:
                return self.shipment == ShipmentStatus(report.kind.upper())


class ProviderNewsQueries:
    """Read from the primary: a notification may follow its own record by moments."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def is_known(self, notification: PaymentNotification | ShipmentNotification) -> bool:
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(_KNOWN, notification.order_id)
        if row is None:
            return False
        known = Known(*row)
        if isinstance(notification, PaymentNotification):
            return known.holds_payment(notification)
        return known.holds_shipment(notification)

    async def order_of(self, reference: str) -> tuple[str, int] | None:
        """Return the order and the attempt of a payment, by the provider's id of it."""
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(_OF_REFERENCE, reference)
        return None if row is None else (row[0], row[1])
