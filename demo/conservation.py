"""Check that stock and money are conserved, according to every source.

The sources are the events of the stock, the events of the orders and payments, the read model of
the stock, and the records of the payment provider and of the carrier.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from demo.ledger import NO_STOCK, Ledger, OrderEntry, Stock
from demo.parts import Parts, faults, sum_of
from domain.order.state import OrderStatus

PAID: Final = frozenset(
    {OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED, OrderStatus.RETURNED}
)
"""A customer pays for the dispatched goods without the returned ones, and not for a lost parcel."""
HOLDING: Final = frozenset(
    {OrderStatus.RESERVED, OrderStatus.AUTHORIZED, OrderStatus.CONFIRMED, OrderStatus.CANCELLING}
)


@dataclass(frozen=True, slots=True)
class Effect:
    """The number of times that an effect happened to an order, and the sum of its amounts."""

    count: int = 0
    amount: int = 0


Effects = Mapping[str, Mapping[str, Effect]]
"""The effects in a provider's records, by order id and name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    ledger: Ledger
    stock_view: Mapping[str, Stock]
    payments: Effects = field(default_factory=dict)
    shipments: Effects = field(default_factory=dict)
    orders: Sequence[str] = ()
    """The ids of this run's orders, whose money and parcels are checked after their end."""


def discrepancies(evidence: Evidence) -> list[str]:
    """Return each discrepancy with its order or SKU and the figures."""
    return [*_stock(evidence), *_holds(evidence.ledger), *_orders(evidence)]


def kept(evidence: Evidence) -> Parts:
    """Return the parts of this run's prices that were paid and not refunded."""
    orders = [evidence.ledger.orders[order_id] for order_id in evidence.orders]
    return sum_of(
        order.sale.price.minus(order.sale.refunded)
        for order in orders
        if order.sale and order.status in PAID
    )


def _stock(evidence: Evidence) -> Iterator[str]:
    ledger = evidence.ledger
    out = _units_out(ledger.orders.values())
    for sku in sorted(ledger.stock.keys() | evidence.stock_view.keys()):
        logged, viewed = ledger.stock.get(sku, NO_STOCK), evidence.stock_view.get(sku, NO_STOCK)
        for witness, stock in (("log", logged), ("inventory_view", viewed)):
            if not _adds_up(stock):
                yield f"SKU {sku}: {witness}: {_sum(stock)}"
        if logged != viewed:
            yield f"SKU {sku}: log has {_sum(logged)}; inventory_view has {_sum(viewed)}"
        if logged.shipped != out[sku]:
            yield f"SKU {sku}: {logged.shipped} shipped, but the orders sent hold {out[sku]}"


def _adds_up(stock: Stock) -> bool:
    available = stock.on_hand - stock.reserved
    is_sum = stock.received + stock.adjusted == stock.on_hand + stock.shipped
    return is_sum and min(available, stock.reserved, stock.shipped) >= 0


def _sum(stock: Stock) -> str:
    return (
        f"received {stock.received} + adjusted {stock.adjusted} = {stock.on_hand} on hand"
        f" ({stock.reserved} reserved) + {stock.shipped} shipped"
    )


def _units_out(orders: Iterable[OrderEntry]) -> Counter[str]:
    """Count the units that were dispatched and not returned, lost ones included."""
    out: Counter[str] = Counter()
    for order in orders:
        if order.has_left:
            out.update(order.units)
            out.subtract(order.came_back)
    return out


def _holds(ledger: Ledger) -> Iterator[str]:
    for (sku, order_id), units in ledger.holds.items():
        order = ledger.orders.get(order_id, OrderEntry())
        if order.status not in HOLDING:
            yield f"order {order_id} is {order.status} and still holds {units} of {sku}"
        elif units != order.units.get(sku):
            yield f"order {order_id} holds {units} of {sku} and wants {order.units.get(sku, 0)}"


def _orders(evidence: Evidence) -> Iterator[str]:
    for order_id in evidence.orders:
        order = evidence.ledger.orders.get(order_id, OrderEntry())
        paid, carried = evidence.payments.get(order_id, {}), evidence.shipments.get(order_id, {})
        parts = faults(order.sale) if order.sale else ()
        found = (*_money(order, paid), *parts, *_parcel(order, carried))
        yield from (f"order {order_id} is {order.status}: {fault}" for fault in found)


def _money(order: OrderEntry, effects: Mapping[str, Effect]) -> Iterator[str]:
    due = order.total - order.refund_due if order.status in PAID else 0
    kept = sum(order.captures) - sum(order.refunds)
    authorized, voided = effects.get("authorized", Effect()), effects.get("voided", Effect())
    captured, refunded = effects.get("captured", Effect()), effects.get("refunded", Effect())
    if kept != due:
        yield f"{due} due, {sum(order.captures)} - {sum(order.refunds)} captured by our log"
    if captured.amount - refunded.amount != due:
        yield f"{due} due, {captured.amount} - {refunded.amount} captured by the provider's records"
    for whose, count in (("our log", len(order.captures)), ("the provider", captured.count)):
        if count > 1:
            yield f"captured {count} times by {whose}"
    if held := authorized.amount - captured.amount - voided.amount:
        yield f"{held} authorised and neither captured nor voided"


def _parcel(order: OrderEntry, effects: Mapping[str, Effect]) -> Iterator[str]:
    dispatched, returned = effects.get("dispatched", Effect()), effects.get("returned", Effect())
    wanted = sum(order.units.values()) if order.has_left else 0
    if dispatched.amount != wanted:
        yield f"{wanted} units to be sent, {dispatched.amount} sent by the carrier"
    if returned.amount != sum(order.came_back.values()):
        back = sum(order.came_back.values())
        yield f"{back} units came back, {returned.amount} brought back by the carrier"
    for name, effect in effects.items():
        if effect.count > 1:
            yield f"{name} {effect.count} times by the carrier"
