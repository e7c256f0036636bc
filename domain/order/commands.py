from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.command import Command, Identifier
from domain.money import Money
from domain.order.contact import Contact
from domain.order.lines import MAX_LINES, Address, OrderLine, ReturnedLine

PaymentMethod = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,100}$")]
"""A payment provider's token for a way to pay, never a card number."""


class CancellationReason(StrEnum):
    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    OPERATOR_REQUEST = "OPERATOR_REQUEST"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PAYMENT_WINDOW_CLOSED = "PAYMENT_WINDOW_CLOSED"
    SHIPMENT_FAILED = "SHIPMENT_FAILED"
    DISPATCH_DEADLINE_MISSED = "DISPATCH_DEADLINE_MISSED"
    PARCEL_LOST = "PARCEL_LOST"


class RejectionReason(StrEnum):
    OUT_OF_STOCK = "OUT_OF_STOCK"


class OrderCommand(Command):
    pass


class PlaceOrder(OrderCommand):
    """`fingerprint` is a digest of the client's own input; it separates a repeat from a reuse.

    `backorder` makes the order wait when stock is short, instead of being rejected.
    """

    customer_id: Identifier
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=MAX_LINES)]
    total: Money
    payment_method: PaymentMethod
    shipping_address: Address
    contact: Contact | None = None
    fingerprint: str
    backorder: bool = False

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if len({line.sku for line in self.lines}) != len(self.lines):
            raise ValueError("each SKU may be on one line only")
        if sum(line.total for line in self.lines) != self.total.amount:
            raise ValueError("the total is not the sum of the lines")
        return self


class MarkReserved(OrderCommand):
    pass


class MarkAuthorized(OrderCommand):
    pass


class ConfirmOrder(OrderCommand):
    pass


class MarkShipped(OrderCommand):
    pass


class MarkDelivered(OrderCommand):
    pass


class CompleteOrder(OrderCommand):
    pass


class RejectOrder(OrderCommand):
    reason: RejectionReason
    sku: Identifier | None = None


class RequestCancellation(OrderCommand):
    """`after_dispatch` also cancels an order whose parcel has left; no customer can request
    that."""

    reason: CancellationReason
    after_dispatch: bool = False


class CancelOrder(OrderCommand):
    """Close the cancellation: every completed step is undone."""


class WithdrawCancellation(OrderCommand):
    """Withdraw the cancellation: the parcel left before the carrier could stop it, and the order
    continues."""


class RequestReturn(OrderCommand):
    """`lines` is None for everything. An order has one return, for any outcome."""

    lines: Annotated[tuple[ReturnedLine, ...], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )

    @model_validator(mode="after")
    def _names_each_product_once(self) -> Self:
        lines = self.lines or ()
        if len({line.sku for line in lines}) != len(lines):
            raise ValueError("each SKU may be on one line only")
        return self


class FinishReturn(OrderCommand):
    """Record that the goods of the return are back, and their money is refunded."""


class LapseReturn(OrderCommand):
    """Record that the goods never came back: nothing is refunded, and the order continues."""
