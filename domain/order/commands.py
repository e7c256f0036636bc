from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from domain.command import Command, Identifier
from domain.money import MinorUnits, Money
from domain.order.contact import Contact
from domain.order.lines import MAX_LINES, Address, OrderLine, ReturnedLine
from domain.order.price import DiscountCode, Price, check_parts, check_payment_method
from domain.order.promises import Promises
from domain.order.references import Metadata, Reference
from domain.saga.commands import Explanation

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
    PARCEL_RETURNED = "PARCEL_RETURNED"
    """The parcel could not be delivered, and came back to the sender."""


class RejectionReason(StrEnum):
    OUT_OF_STOCK = "OUT_OF_STOCK"


class OrderCommand(Command):
    pass


class PlaceOrder(OrderCommand):
    """`fingerprint` is a digest of the client's own input; it separates a repeat from a reuse.

    `backorder` makes the order wait when stock is short, instead of being rejected.
    `promises` are the deadlines in the settings of the caller.
    `number_candidate` is above 0 when other orders have the first candidates for its number.

    `payment_method` is None for a total of 0, which is an order without payment.

    Raises Refused when the parts of the lines do not add up to the price, or when a payment method
    is missing.
    """

    customer_id: Identifier
    lines: Annotated[tuple[OrderLine, ...], Field(min_length=1, max_length=MAX_LINES)]
    price: Price
    payment_method: PaymentMethod | None = None
    shipping_address: Address
    contact: Contact | None = None
    fingerprint: str
    promises: Promises
    backorder: bool = False
    reference: Reference | None = None
    metadata: Metadata = Field(default_factory=dict)
    discount_code: DiscountCode | None = None
    number_candidate: Annotated[int, Field(strict=True, ge=0)] = 0

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if len({line.sku for line in self.lines}) != len(self.lines):
            raise ValueError("each SKU may be on one line only")
        if len({line.id for line in self.lines}) != len(self.lines):
            raise ValueError("each line needs an id of its own")
        check_parts(self.lines, self.price)
        check_payment_method(self.price, self.payment_method)
        return self

    @property
    def total(self) -> Money:
        return self.price.money


class MarkReserved(OrderCommand):
    pass


class MarkAuthorized(OrderCommand):
    pass


class ConfirmOrder(OrderCommand):
    pass


class WithdrawConfirmation(OrderCommand):
    """Withdraw the confirmation: the payment's hold has ended before the dispatch.

    An order that has no confirmation, or whose parcel has left, is not changed.
    """


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
    """`lines` is None for everything.

    An order has one return. After it lapsed it may be requested again, for the same goods.
    """

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

    refunded: MinorUnits
    """The amount that Waybill has given back for them."""


class ResumeReturn(OrderCommand):
    """Resume a return that has lapsed: the goods have come back after all."""


class LapseReturn(OrderCommand):
    """Record that the goods never came back: nothing is refunded, and the order continues."""


class RequestRefund(OrderCommand):
    """Promise the customer money back: an amount, or the price of some pieces. No stock changes.

    `key` identifies the request of one person: a repeat of it changes nothing. The fields below
    `reason` come from the payment in the log, which the activity that runs this reads. They are in
    minor units.
    """

    key: str
    amount: Annotated[int, Field(strict=True, ge=1)] | None = None
    lines: Annotated[tuple[ReturnedLine, ...], Field(min_length=1, max_length=MAX_LINES)] | None = (
        None
    )
    reason: Explanation
    captured: MinorUnits = 0
    """What was captured, if Waybill may refund it."""
    given_back: MinorUnits = 0
    """What the customer has got back: refunds, lost disputes, and what operators have given."""
    given_for: dict[str, MinorUnits] = Field(default_factory=dict)
    """The part of it that Waybill has refunded, by step."""
    failed: MinorUnits = 0
    """What failed at the customer's bank and is still to be made good."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.amount is None) == (self.lines is None):
            raise ValueError("name either an amount or lines")
        lines = self.lines or ()
        if len({line.sku for line in lines}) != len(lines):
            raise ValueError("each SKU may be on one line only")
        return self


class EndRefund(OrderCommand):
    """Record that a requested refund has ended, and what Waybill has given back for it.

    `is_given_up`: an operator has skipped the step, so that the customer gets no more.
    """

    refund: int
    refunded: MinorUnits
    is_given_up: bool = False
