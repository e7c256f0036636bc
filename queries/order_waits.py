"""The parties that open orders wait for, and since when: one rule in SQL and in Python.

The events of a wait are recorded together: an order is CONFIRMED with the authorization of its
payment, and SHIPPED with the dispatch of its parcel. So the few orders of a wait are found by
partial indexes of the payments and the shipments. An order of nothing to pay has no payment: it is
found by a partial index of its own. The read model of the orders has no index on its status: see
docs/decisions/0023-order-search.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from domain.order.state import OrderStatus
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
from queries.order_view import OrderView


class WaitingFor(StrEnum):
    DISPATCH = "DISPATCH"
    DELIVERY = "DELIVERY"
    PAYMENT = "PAYMENT"
    STOCK = "STOCK"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Wait:
    waiting_for: WaitingFor
    since: datetime


UNPAID: Final = (PaymentStatus.PENDING, PaymentStatus.DECLINED)
"""The customer has to act."""

is_open: Final[ColumnElement[bool]] = saga_discrepancy.c.accepted_at.is_(None)
"""No operator has accepted the discrepancy."""

attention_since: Final[ColumnElement[datetime]] = func.least(
    *(
        select(func.min(since))
        .where(since.table.c.order_id == order_view.c.order_id, *conditions)
        .correlate(order_view)
        .scalar_subquery()
        for since, *conditions in (
            (parked_step.c.parked_at,),
            (saga_discrepancy.c.found_at, is_open),
        )
    )
)
"""The time from which an order needs an operator; NULL if it needs none."""

needing_attention: Final = union_all(
    select(parked_step.c.order_id), select(saga_discrepancy.c.order_id).where(is_open)
)
"""The ids of the orders that need an operator."""

_order = order_view.alias("waiting_order")


def waits_of(order: OrderView) -> Iterator[Wait]:
    """Yield the parties that the order waits for. An order may wait for several."""
    payment = order.payment and order.payment.status
    shipment = order.shipment and order.shipment.status
    waits = {
        WaitingFor.DISPATCH: order.status is OrderStatus.CONFIRMED
        and (payment is PaymentStatus.AUTHORIZED or order.total.amount == 0),
        WaitingFor.DELIVERY: order.status is OrderStatus.SHIPPED
        and shipment is ShipmentStatus.DISPATCHED,
        WaitingFor.PAYMENT: order.status is OrderStatus.RESERVED and payment in UNPAID,
        WaitingFor.STOCK: order.backordered,
    }
    for waiting_for, does_wait in waits.items():
        if does_wait:
            yield Wait(waiting_for, order.updated_at)
    if order.attention_since is not None:
        yield Wait(WaitingFor.OPERATOR, order.attention_since)


def waiting(wanted: Collection[WaitingFor], until: datetime | None) -> ColumnElement[bool]:
    """Select the orders that wait for one of these, since `until` or before."""
    sources = [source for each in wanted for source in _SOURCES[each]]
    return order_view.c.order_id.in_(union_all(*(source.ids(until) for source in sources)))


@dataclass(frozen=True, slots=True)
class _Source:
    """The ids of orders that wait, and the column with the time from which each does."""

    orders: Select[Any]
    since: ColumnElement[datetime]

    def ids(self, until: datetime | None) -> Select[Any]:
        return self.orders if until is None else self.orders.where(self.since <= until)


def _in_status(
    status: OrderStatus, side: FromClause, side_statuses: Collection[StrEnum]
) -> Sequence[_Source]:
    # The statuses are part of the statement's text, so that each plan may use a partial index.
    names = [str(each) for each in side_statuses]
    in_text: BindParameter[Any] = bindparam(None, names, expanding=True, literal_execute=True)
    conditions = side.c.status.in_(in_text), _order.c.status == status
    return [_Source(_joined(side).where(*conditions), _order.c.updated_at)]


def _confirmed_unpaid() -> _Source:
    """Return the confirmed orders of nothing to pay. They have no payment to be found by."""
    # The total is part of the statement's text, so that the plan may use the partial index.
    unpaid = _order.c.total == literal_column("0")
    confirmed = select(_order.c.order_id).where(unpaid, _order.c.status == OrderStatus.CONFIRMED)
    return _Source(confirmed, _order.c.updated_at)


def _joined(side: FromClause) -> Select[Any]:
    return select(side.c.order_id).join(_order, _order.c.order_id == side.c.order_id)


_SOURCES: Final[Mapping[WaitingFor, Sequence[_Source]]] = {
    WaitingFor.DISPATCH: [
        *_in_status(OrderStatus.CONFIRMED, payment_view, [PaymentStatus.AUTHORIZED]),
        _confirmed_unpaid(),
    ],
    WaitingFor.DELIVERY: _in_status(
        OrderStatus.SHIPPED, shipment_view, [ShipmentStatus.DISPATCHED]
    ),
    WaitingFor.PAYMENT: _in_status(OrderStatus.RESERVED, payment_view, UNPAID),
    WaitingFor.STOCK: [_Source(_joined(backorder_view), _order.c.updated_at)],
    WaitingFor.OPERATOR: [
        _Source(select(parked_step.c.order_id), parked_step.c.parked_at),
        _Source(select(saga_discrepancy.c.order_id).where(is_open), saga_discrepancy.c.found_at),
    ],
}
