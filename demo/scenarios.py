"""Define the outcomes of an order, and the actions of its customer, bank and carrier."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from demo.client import PAUSES_SECONDS, Client, Failed, Json
from domain.errors import ErrorCode
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from providers.carrier_simulator.routes import DOWN, LOST, NEVER_DISPATCHED, REFUSED
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA

ANYWHERE: Final = "10115"

SCARCE: Final = "RARE-01"
"""The demonstration receives no stock of it, and every order asks for more than there is."""
AWAITED: Final = "NEW-01"
"""Out of stock until an order waits for it."""

Basket = Mapping[str, int]
"""The units of an order by SKU."""


@dataclass(frozen=True, slots=True)
class People:
    """The clients of an order's customer and of the operator."""

    customer: Client
    operator: Client


Seen = Callable[[Json], bool]
Act = Callable[[People, Json], Awaitable[None]]


async def _nothing(_: People, __: Json) -> None:
    """Do nothing: the customer only waits."""


def _at_once(_: Json) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way of an order. `act` runs once, when `when` is first true of the order."""

    name: str
    status: OrderStatus
    reason: CancellationReason | RejectionReason | None = None
    method: str = VISA
    postal_code: str = ANYWHERE
    when: Seen = _at_once
    act: Act = _nothing
    is_short: bool = False
    """True for an order of more units than are in stock."""
    basket: Basket | None = field(default=None, hash=False)
    """The units that it must order; None if any basket will do."""
    waits: bool = False
    """True for an order that waits for stock."""

    @property
    def expected(self) -> str:
        return outcome(self.status, self.reason)


def outcome(status: str, reason: str | None) -> str:
    return status if reason is None else f"{status} {reason}"


def _payment_is(status: PaymentStatus) -> Seen:
    return lambda order: (order["payment"] or {}).get("status") == status


def _parcel_waits(order: Json) -> bool:
    return order["shipment"] is not None


def _has_arrived(order: Json) -> bool:
    return bool(order["status"] == OrderStatus.DELIVERED)


async def _pay_again(people: People, order: Json) -> None:
    """Pay with another card. Retry while the payment window is not yet open."""
    key = f"again-{order['id']}"
    for pause in PAUSES_SECONDS:
        try:
            await people.customer.change(
                "RetryPayment", idempotencyKey=key, orderId=order["id"], paymentMethod=VISA
            )
        except Failed as failed:
            if failed.code != ErrorCode.PAYMENT_NOT_RETRYABLE:
                raise
            await asyncio.sleep(pause)
        else:
            return


async def _approve(people: People, order: Json) -> None:
    await people.customer.visit(order["payment"]["actionUrl"], outcome="approve")


async def _cancel(people: People, order: Json) -> None:
    key = f"not-{order['id']}"
    await people.customer.change("CancelOrder", idempotencyKey=key, orderId=order["id"])


async def _return(people: People, order: Json) -> None:
    key = f"back-{order['id']}"
    await people.customer.change("RequestReturn", idempotencyKey=key, orderId=order["id"])


async def _return_one(people: People, order: Json) -> None:
    await people.customer.change(
        "RequestReturn",
        idempotencyKey=f"back-{order['id']}",
        orderId=order["id"],
        lines=[{"sku": order["lines"][0]["sku"], "quantity": 1}],
    )


async def _receive_what_is_awaited(people: People, order: Json) -> None:
    """Receive one unit for each waiting order, after the order is seen to wait."""
    for pause in PAUSES_SECONDS:
        order = await people.customer.ask("Order", id=order["id"])
        if order["backordered"] or order["status"] != OrderStatus.PLACED:
            break
        await asyncio.sleep(pause)
    key = f"for-{order['id']}"
    await people.operator.change("ReceiveStock", idempotencyKey=key, sku=AWAITED, quantity=1)


_Status, _Reason = OrderStatus, CancellationReason

COMPLETED: Final = Scenario("completed", _Status.COMPLETED)
PAID_AGAIN: Final = Scenario(
    "declined, then paid again",
    _Status.COMPLETED,
    method=DECLINED,
    when=_payment_is(PaymentStatus.DECLINED),
    act=_pay_again,
)
APPROVED: Final = Scenario(
    "approved at the bank",
    _Status.COMPLETED,
    method=APPROVAL,
    when=_payment_is(PaymentStatus.PENDING),
    act=_approve,
)
OUT_OF_STOCK: Final = Scenario(
    "out of stock", _Status.REJECTED, RejectionReason.OUT_OF_STOCK, is_short=True
)
BACKORDERED: Final = Scenario(
    "waited for stock",
    _Status.COMPLETED,
    act=_receive_what_is_awaited,
    basket={AWAITED: 1},
    waits=True,
)
RETURNED: Final = Scenario("returned", _Status.RETURNED, when=_has_arrived, act=_return)
RETURNED_IN_PART: Final = Scenario(
    "returned in part",
    _Status.COMPLETED,
    when=_has_arrived,
    act=_return_one,
    basket={"MUG-01": 2, "TIN-01": 1},
)
PARCEL_LOST: Final = Scenario(
    "parcel lost", _Status.CANCELLED, _Reason.PARCEL_LOST, postal_code=LOST
)
# A cancellation that races with the parcel has two valid outcomes, so these parcels stay.
CANCELLED_AT_ONCE: Final = Scenario(
    "cancelled at once",
    _Status.CANCELLED,
    _Reason.CUSTOMER_REQUEST,
    postal_code=NEVER_DISPATCHED,
    act=_cancel,
)
CANCELLED_LATER: Final = Scenario(
    "cancelled before dispatch",
    _Status.CANCELLED,
    _Reason.CUSTOMER_REQUEST,
    postal_code=NEVER_DISPATCHED,
    when=_parcel_waits,
    act=_cancel,
)
ADDRESS_REFUSED: Final = Scenario(
    "address refused",
    _Status.CANCELLED,
    _Reason.SHIPMENT_FAILED,
    postal_code=REFUSED,
)
CARRIER_FAILS: Final = Scenario(
    "carrier out of order",
    _Status.CANCELLED,
    _Reason.SHIPMENT_FAILED,
    postal_code=DOWN,
)
NEVER_PAID: Final = Scenario(
    "payment window missed",
    _Status.CANCELLED,
    _Reason.PAYMENT_WINDOW_CLOSED,
    method=DECLINED,
)
NEVER_SENT: Final = Scenario(
    "dispatch deadline missed",
    _Status.CANCELLED,
    _Reason.DISPATCH_DEADLINE_MISSED,
    postal_code=NEVER_DISPATCHED,
)
