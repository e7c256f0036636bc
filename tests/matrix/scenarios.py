"""Define the ways through a saga, and what customers, banks and carriers do on each of them.

`play` may wait for an event that never comes, where a fault sends the order another way. The case
cancels it at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from benchmarks.saga.orders import CENTS
from domain.order.state import OrderStatus
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import (
    DISPATCHED_AT_SECOND,
    NEVER_COMES_BACK,
    NEVER_DISPATCHED,
    NORMAL,
    REFUSED,
)
from providers.carrier_simulator.routes import (
    LOST as LOST_THERE,
)
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.matrix.world import QUANTITY

if TYPE_CHECKING:
    from tests.matrix.actors import People

Play = Callable[["People"], Coroutine[None, None, None]]
Status, Notification = OrderStatus, ShipmentNotificationKind

SOON: Final = timedelta(seconds=2)


async def _nothing(_: People) -> None:
    """Do nothing: the saga needs no action."""


@dataclass(frozen=True)
class Scenario:
    """`end` is the order's status when no fault occurs."""

    name: str
    end: OrderStatus
    method: str = VISA
    postal_code: str = NORMAL
    in_stock: int = QUANTITY
    backorder: bool = False
    withheld: frozenset[ShipmentNotificationKind] = frozenset()
    """The notifications that the API does not get until `play` delivers them."""
    deadlines: dict[str, timedelta] = field(default_factory=dict)
    refused: str | None = None
    """The operation that the payment provider refuses until the operator removes the cause."""
    refunded: int = 0
    """The amount that an operator promises to give back of an order that is kept."""
    settled_by_hand: bool = False
    """The operator does what is refused in the provider's dashboard, and resolves the step."""
    attempts: int = 1
    """The number of payment attempts: each may be voided once."""
    holds: int = 1
    """The number of holds that are authorized, and of parcels that are booked with each."""
    cancellations: int = 0
    """The number of cancellations that are requested in this scenario."""
    parkings: int = 0
    """The number of parkings that a refusal causes."""
    receipts: int = 1
    """The number of stock receipts."""
    play: Play = _nothing


async def _approve(people: People) -> None:
    await people.approves()


async def _pay_again(people: People) -> None:
    await people.pays_again(VISA)


async def _return_all(people: People) -> None:
    await people.sends_back()


async def _return_nothing(people: People) -> None:
    """Close the return window by hand, so that the speed of this machine does not matter."""
    await people.sends_back()
    await people.logged("order", "OrderReturnLapsed")
    await people.close_the_window()


def cancel_after(category: str, event_type: str) -> Play:
    async def play(people: People) -> None:
        await people.logged(category, event_type)
        await people.cancels()

    return play


async def _cancel_in_temporal(people: People) -> None:
    await people.logged("shipment", "ShipmentCreated")
    await people.cancels_in_temporal()


async def _cancel_too_late(people: People) -> None:
    await people.until_dispatched()
    await people.cancels()
    await people.logged("order", "OrderCancellationWithdrawn")
    await people.deliver_withheld()


async def _cancel_too_late_in_temporal(people: People) -> None:
    await people.until_dispatched()
    await people.cancels_in_temporal()
    await people.logged("order", "OrderCancellationWithdrawn")
    await people.deliver_withheld()


async def _bring_stock(people: People) -> None:
    await people.logged("inventory", "BackorderQueued")
    await people.bring_stock()


async def _lose_the_hold(people: People) -> None:
    await people.logged("shipment", "ShipmentCreated")
    await people.loses_the_hold()
    await people.pays_again(VISA, after="PaymentHoldEnded")


async def _refund_a_part(people: People) -> None:
    """Request a refund; the order is not delivered before it has ended."""
    await people.logged("payment", "PaymentCaptured")
    await people.requests_refund()
    await people.logged("order", "OrderRefundEnded")
    await people.deliver_withheld()


async def _owe(people: People) -> None:
    await people.until_dispatched()
    await people.loses_the_hold()
    await people.deliver_withheld()
    await people.pays_again(VISA, after="PaymentHoldEnded")


STRAIGHT = Scenario("straight", Status.COMPLETED)
SECURE = Scenario("3-D Secure", Status.COMPLETED, method=APPROVAL, play=_approve)
PAID_AGAIN = Scenario("paid again", Status.COMPLETED, method=DECLINED, attempts=2, play=_pay_again)
HOLD_ENDED = Scenario(
    "hold ended",
    Status.COMPLETED,
    postal_code=DISPATCHED_AT_SECOND,
    attempts=2,
    holds=2,
    play=_lose_the_hold,
)
OWED = Scenario(
    "owed",
    Status.COMPLETED,
    withheld=frozenset({Notification.DISPATCHED, Notification.DELIVERED}),
    attempts=2,
    holds=2,
    parkings=1,
    play=_owe,
)
DISPATCH_POLLED = Scenario(
    "dispatch polled",
    Status.COMPLETED,
    withheld=frozenset({Notification.DISPATCHED, Notification.DELIVERED}),
    deadlines={"dispatch": SOON, "delivery": SOON},
)
DELIVERY_POLLED = Scenario(
    "delivery polled",
    Status.COMPLETED,
    withheld=frozenset({Notification.DELIVERED}),
    deadlines={"delivery": SOON},
)
OPEN_WINDOW: Final = {"return_window": timedelta(minutes=5)}
RETURNED = Scenario("returned", Status.RETURNED, deadlines=OPEN_WINDOW, play=_return_all)
RETURN_POLLED = Scenario(
    "return polled",
    Status.RETURNED,
    withheld=frozenset({Notification.RETURNED}),
    deadlines={**OPEN_WINDOW, "return_delivery": SOON},
    play=_return_all,
)
RETURN_LAPSED = Scenario(
    "return lapsed",
    Status.COMPLETED,
    postal_code=NEVER_COMES_BACK,
    deadlines={**OPEN_WINDOW, "return_delivery": SOON},
    play=_return_nothing,
)
SHORT = Scenario("short of stock", Status.REJECTED, in_stock=1)
BACKORDERED = Scenario(
    "backordered", Status.COMPLETED, in_stock=1, backorder=True, receipts=2, play=_bring_stock
)
BACKORDER_CANCELLED = Scenario(
    "cancelled waiting for stock",
    Status.CANCELLED,
    in_stock=1,
    backorder=True,
    cancellations=1,
    play=cancel_after("inventory", "BackorderQueued"),
)
CANCELLED = Scenario(
    "cancelled",
    Status.CANCELLED,
    postal_code=NEVER_DISPATCHED,
    cancellations=1,
    play=cancel_after("shipment", "ShipmentCreated"),
)
CANCELLED_IN_TEMPORAL = replace(CANCELLED, name="cancelled in Temporal", play=_cancel_in_temporal)
PENDING_CANCELLED = Scenario(
    "cancelled while the bank asks",
    Status.CANCELLED,
    method=APPROVAL,
    cancellations=1,
    play=cancel_after("payment", "PaymentPending"),
)
DECLINED_CANCELLED = Scenario(
    "cancelled after a decline",
    Status.CANCELLED,
    method=DECLINED,
    cancellations=1,
    play=cancel_after("payment", "PaymentDeclined"),
)
PAYMENT_REFUSED = Scenario("payment refused", Status.CANCELLED, refused="confirm", cancellations=1)
TOO_LATE = Scenario(
    "cancelled too late",
    Status.COMPLETED,
    withheld=frozenset({Notification.DISPATCHED, Notification.DELIVERED}),
    cancellations=1,
    play=_cancel_too_late,
)
TOO_LATE_IN_TEMPORAL = replace(
    TOO_LATE, name="cancelled in Temporal too late", play=_cancel_too_late_in_temporal
)
ADDRESS_REFUSED = Scenario(
    "address refused", Status.CANCELLED, postal_code=REFUSED, cancellations=1
)
LOST = Scenario("lost", Status.CANCELLED, postal_code=LOST_THERE, cancellations=1)
PARKED = Scenario("capture refused", Status.COMPLETED, refused="capture", parkings=1)
REFUND_SETTLED = Scenario(
    "refund by hand",
    Status.RETURNED,
    deadlines=OPEN_WINDOW,
    refused="refund",
    settled_by_hand=True,
    parkings=1,
    play=_return_all,
)
REFUND_REQUESTED = Scenario(
    "refund requested",
    Status.COMPLETED,
    withheld=frozenset({Notification.DELIVERED}),
    refunded=CENTS,
    play=_refund_a_part,
)
REQUEST_SETTLED = replace(
    REFUND_REQUESTED,
    name="requested refund by hand",
    refused="refund",
    settled_by_hand=True,
    parkings=1,
)
