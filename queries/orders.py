"""Orders as clients see them: the order, its payment and its shipment, without the address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.order.price import Price
from domain.order.promises import Promises
from domain.order.state import FINAL, OrderStatus
from domain.payment.state import PaymentStatus
from domain.shipping.state import ShipmentStatus
from projections.tables import (
    backorder_view,
    order_view,
    parked_step,
    payment_view,
    saga_discrepancy,
    shipment_view,
)
from queries.keyset import Page, PageRequest, fetch_page


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
    """The saga of the order is parked, or a provider's record differs from the log.

    It is None for an order as it was earlier.
    """
    placed_at: datetime
    updated_at: datetime
    placed_position: int
    position: int


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter whose None values do not restrict."""

    customer_id: str | None = None
    statuses: Collection[OrderStatus] | None = None
    reference: str | None = None
    metadata: tuple[str, str] | None = None
    """A key and its value."""


OrderRow = Row[Any] | SimpleNamespace

_backordered = (
    exists().where(backorder_view.c.order_id == order_view.c.order_id).correlate(order_view)
)
_needs_attention = or_(
    *(
        exists().where(table.c.order_id == order_view.c.order_id).correlate(order_view)
        for table in (parked_step, saga_discrepancy)
    )
)
_ORDERS: Final[Select[Any]] = (
    select(
        order_view,
        *(c.label(f"payment_{c.name}") for c in payment_view.c),
        *(c.label(f"shipment_{c.name}") for c in shipment_view.c),
        _backordered.label("backordered"),
        _needs_attention.label("needs_attention"),
    )
    .outerjoin(payment_view, payment_view.c.order_id == order_view.c.order_id)
    .outerjoin(shipment_view, shipment_view.c.order_id == order_view.c.order_id)
)


class OrderQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, order_id: str) -> OrderView | None:
        return await self._one(order_view.c.order_id == order_id)

    async def by_number(self, number: str) -> OrderView | None:
        return await self._one(order_view.c.number == number)

    async def _one(self, condition: ColumnElement[bool]) -> OrderView | None:
        statement = _ORDERS.where(condition)
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else order_of(row)

    async def has_open(self, customer_id: str) -> bool:
        """Return whether the customer has an order that is not final."""
        theirs = order_view.c.customer_id == customer_id
        statement = select(exists().where(theirs, order_view.c.status.not_in(FINAL)))
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(statement))

    async def page(
        self, wanted: OrderFilter, request: PageRequest[int], *, newest_first: bool = True
    ) -> Page[OrderView]:
        """Return orders in the order they were placed; the keys are their `placed_position`."""
        async with self._engine.connect() as connection:
            page = await fetch_page(
                connection,
                _matching(wanted),
                order_view.c.placed_position,
                request,
                descending=newest_first,
            )
        return Page([order_of(row) for row in page.items], page.has_next, page.has_previous)


def _matching(wanted: OrderFilter) -> Select[Any]:
    statement = _ORDERS
    if wanted.customer_id is not None:
        statement = statement.where(order_view.c.customer_id == wanted.customer_id)
    if wanted.statuses is not None:
        statement = statement.where(order_view.c.status.in_(wanted.statuses))
    if wanted.reference is not None:
        statement = statement.where(order_view.c.reference == wanted.reference)
    if wanted.metadata is not None:
        statement = statement.where(order_view.c.metadata.contains(dict([wanted.metadata])))
    return statement


def order_of(row: OrderRow) -> OrderView:
    """Return the order of a row of `_ORDERS`, or of an object with the same attributes."""
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
        needs_attention=row.needs_attention,
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        placed_position=row.placed_position,
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
