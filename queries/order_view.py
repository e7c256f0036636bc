"""Orders as clients see them: the order, its payment and its shipment, without the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row

from domain.money import Money
from domain.order.price import Price
from domain.order.promises import Promises
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from domain.shipping.state import ShipmentStatus

OrderRow = Row[Any] | SimpleNamespace


@dataclass(frozen=True, slots=True)
class LineView:
    id: str
    sku: str
    name: str
    quantity: int
    unit_price: Money
    total: Money
    discount: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class PaymentView:
    """`amount` belongs to the current attempt; `captured` and `refunded` to the whole payment."""

    status: PaymentStatus
    attempt: int
    amount: Money
    captured: Money
    refunded: Money
    disputed: Money
    """The open disputes; the next two are the disputes that are decided."""
    dispute_won: Money
    dispute_lost: Money
    refunded_elsewhere: Money
    """The part of `refunded` that Waybill did not ask for."""
    action_url: str | None
    decline_code: str | None


@dataclass(frozen=True, slots=True)
class ShipmentView:
    status: ShipmentStatus
    tracking_number: str | None
    """It is None until the carrier gives the parcel a number."""
    carrier: str | None
    tracking_url: str | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """`position` is of the last event that changed any field shown here."""

    id: str
    number: str
    status: OrderStatus
    reason: str | None
    customer_id: str
    fingerprint: str
    total: Money
    price: Price
    refunded: Price
    """The parts of the price that were refunded."""
    discount_code: str | None
    lines: Sequence[LineView]
    promises: Promises
    reference: str | None
    metadata: Mapping[str, str]
    payment: PaymentView | None
    shipment: ShipmentView | None
    return_requested: bool
    """A return is under way."""
    backordered: bool | None
    """The order waits for stock. It is None for an order as it was earlier."""
    needs_attention: bool | None
    """The saga of the order is parked, or a difference from a provider's record is not accepted.

    It is None for an order as it was earlier.
    """
    attention_since: datetime | None
    """The time from which the order needs attention."""
    placed_at: datetime
    updated_at: datetime
    placed_position: int
    updated_position: int
    """The position of the last event of the order's own stream."""
    position: int


def order_of(row: OrderRow) -> OrderView:
    """Return the order of a row of `queries/orders.py`, or of an object with the same attributes.

    `backordered` is None for an order as it was earlier.
    """
    is_past = row.backordered is None
    return OrderView(
        id=row.order_id,
        number=row.number,
        status=OrderStatus(row.status),
        reason=row.reason,
        customer_id=row.customer_id,
        fingerprint=row.fingerprint,
        total=_money(row.total, row.currency),
        lines=[_line(line, row.currency) for line in row.lines],
        promises=Promises.model_validate(row.promises),
        reference=row.reference,
        metadata=row.metadata or {},
        price=_price(row.price),
        refunded=_refunded(row),
        discount_code=row.discount_code,
        payment=_payment(row),
        shipment=_shipment(row),
        return_requested=row.return_requested,
        backordered=row.backordered,
        needs_attention=None if is_past else row.attention_since is not None,
        attention_since=row.attention_since,
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        placed_position=row.placed_position,
        updated_position=row.position,
        position=max(row.position, row.payment_position or 0, row.shipment_position or 0),
    )


def _line(line: dict[str, Any], currency: str) -> LineView:
    return LineView(
        id=line["id"],
        sku=line["sku"],
        name=line["name"],
        quantity=line["quantity"],
        unit_price=_money(line["unit_price"], currency),
        total=_money(line["unit_price"] * line["quantity"], currency),
        discount=_money(line["discount"], currency),
        tax=_money(line["tax"], currency),
    )


def _refunded(row: OrderRow) -> Price:
    """Return the refunds of the returns; or the price, once all captured money is refunded."""
    if row.payment_captured and row.payment_refunded == row.payment_captured:
        return _price(row.price)
    nothing = Price(currency=row.currency, lines=0, total=0)
    return sum((_price(refund) for refund in row.refunds), start=nothing)


def _payment(row: OrderRow) -> PaymentView | None:
    if row.payment_status is None:
        return None
    return PaymentView(
        status=PaymentStatus(row.payment_status),
        attempt=row.payment_attempt,
        amount=_money(row.payment_amount, row.payment_currency),
        captured=_money(row.payment_captured, row.payment_currency),
        refunded=_money(row.payment_refunded, row.payment_currency),
        disputed=_money(row.payment_disputed, row.payment_currency),
        dispute_won=_money(row.payment_dispute_won, row.payment_currency),
        dispute_lost=_money(row.payment_dispute_lost, row.payment_currency),
        refunded_elsewhere=_money(row.payment_refunded_elsewhere, row.payment_currency),
        action_url=row.payment_action_url,
        decline_code=row.payment_decline_code,
    )


def _shipment(row: OrderRow) -> ShipmentView | None:
    if row.shipment_status is None:
        return None
    return ShipmentView(
        status=ShipmentStatus(row.shipment_status),
        tracking_number=row.shipment_tracking_number,
        carrier=row.shipment_carrier,
        tracking_url=row.shipment_tracking_url,
    )


def _price(parts: dict[str, Any]) -> Price:
    return Price.model_construct(**parts)


def _money(amount: int, currency: str) -> Money:
    # The values in a read model were checked when their event was made.
    return Money.model_construct(amount=amount, currency=currency)
