"""Add up stock, orders and payments from the event log.

The code does not use the domain's state, because it could then not find a fault in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from demo.parts import Sale
from domain.event import Event
from domain.inventory import events as i
from domain.order import events as o
from domain.order.state import KEEPING_STATUS, OrderStatus, status_after
from domain.payment import events as p


@dataclass(frozen=True, slots=True)
class Stock:
    """The units of one SKU."""

    received: int = 0
    adjusted: int = 0
    on_hand: int = 0
    reserved: int = 0
    shipped: int = 0


NO_STOCK: Final = Stock()


@dataclass(slots=True)
class OrderEntry:
    """One order according to its events and its payment's events. Amounts are in minor units."""

    status: OrderStatus | None = None
    total: int = 0
    units: dict[str, int] = field(default_factory=dict)
    captures: list[int] = field(default_factory=list)
    refunds: list[int] = field(default_factory=list)
    has_left: bool = False
    """True after the dispatch of its parcel."""
    came_back: dict[str, int] = field(default_factory=dict)
    """The returned units by SKU."""
    refund_due: int = 0
    """The refund for the returned units."""
    sale: Sale | None = None
    """Its price and refunds in parts. None if the log lacks its first event."""


class Ledger:
    def __init__(self) -> None:
        self.stock: defaultdict[str, Stock] = defaultdict(Stock)
        self.holds: dict[tuple[str, str], int] = {}
        """The reserved units by SKU and order id."""
        self.orders: defaultdict[str, OrderEntry] = defaultdict(OrderEntry)

    def add_all(self, events: Iterable[Event]) -> Ledger:
        for event in events:
            self.add(event)
        return self

    def add(self, event: Event) -> None:
        if isinstance(event, i.InventoryEvent):
            self.stock[event.sku] = _moved(self.stock[event.sku], event)
            self._hold(event)
        elif isinstance(event, p.PaymentCaptured):
            self.orders[event.order_id].captures.append(event.amount.amount)
        elif isinstance(event, p.PaymentRefunded | p.PaymentRefundedElsewhere):
            self.orders[event.order_id].refunds.append(event.amount.amount)
        elif isinstance(event, p.PaymentRefundFailed):
            self.orders[event.order_id].refunds.append(-event.amount.amount)
        elif isinstance(event, o.OrderEvent):
            self._move(self.orders[event.order_id], event)

    def _move(self, order: OrderEntry, event: o.OrderEvent) -> None:
        if isinstance(event, KEEPING_STATUS):
            return
        order.status = status_after(event)
        match event:
            case o.OrderCreated():
                self._placed(event)
            case o.OrderShipped():
                order.has_left = True
            case o.OrderReturned():
                order.came_back = {line.sku: line.quantity for line in event.lines}
                order.refund_due = event.refund.total
                if order.sale:
                    order.sale = replace(order.sale, returns=(*order.sale.returns, event))

    def _placed(self, event: o.OrderCreated) -> None:
        order = self.orders[event.order_id]
        order.total = event.total.amount
        order.sale = Sale(event)
        order.units = {line.sku: line.quantity for line in event.lines}

    def _hold(self, event: i.InventoryEvent) -> None:
        match event:
            case i.InventoryReserved():
                self._add_hold(event.sku, event.order_id, event.quantity)
            case i.InventoryReleased() | i.InventoryCommitted():
                self._add_hold(event.sku, event.order_id, -event.quantity)

    def _add_hold(self, sku: str, order_id: str, units: int) -> None:
        held = self.holds.pop((sku, order_id), 0) + units
        if held:
            self.holds[sku, order_id] = held


def _moved(stock: Stock, event: i.InventoryEvent) -> Stock:  # noqa: PLR0911 - one for each event
    match event:
        case i.StockReceived(quantity=units):
            return replace(stock, received=stock.received + units, on_hand=stock.on_hand + units)
        case i.StockAdjusted(difference=units):
            return replace(stock, adjusted=stock.adjusted + units, on_hand=stock.on_hand + units)
        case i.InventoryReserved(quantity=units):
            return replace(stock, reserved=stock.reserved + units)
        case i.InventoryReleased(quantity=units):
            return replace(stock, reserved=stock.reserved - units)
        case i.InventoryCommitted(quantity=units):
            return replace(
                stock,
                on_hand=stock.on_hand - units,
                reserved=stock.reserved - units,
                shipped=stock.shipped + units,
            )
        case i.StockReturned(quantity=units):
            return replace(stock, on_hand=stock.on_hand + units, shipped=stock.shipped - units)
        case i.BackorderQueued() | i.BackorderEnded():
            return stock
