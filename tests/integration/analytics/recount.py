"""Count the analytics from a list of events, in plain Python and without any span or bucket."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.event import Event
from domain.inventory import events as i
from domain.order import events as o
from domain.payment import events as p
from eventstore.envelope import StoredEvent

STAGES: Mapping[str, int] = {
    "OrderReserved": 1,
    "OrderAuthorized": 2,
    "OrderConfirmed": 3,
    "OrderCancellationWithdrawn": 3,
    "OrderShipped": 4,
    "OrderDelivered": 5,
    "OrderCompleted": 6,
}
NAMES = ("reserved", "authorized", "confirmed", "shipped", "delivered", "completed")


class Recount:
    def __init__(self, log: Sequence[StoredEvent]) -> None:
        self.facts = [(event.decode(), event.recorded_at) for event in log]
        self.created = {
            event.order_id: (event, at)
            for event, at in self.facts
            if isinstance(event, o.OrderCreated)
        }

    def currencies(self, start: datetime, end: datetime) -> set[str]:
        """Return the currencies with anything but zeros."""
        known = {event.total.currency for event, _ in self.created.values()} | {"EUR", "USD", "JPY"}
        return {c for c in known if any(self.figures(start, end, c).values())}

    def figures(self, start: datetime, end: datetime, currency: str) -> dict[str, int]:
        def within(kind: type[Event]) -> list[Any]:
            return [
                event
                for event, at in self.facts
                if isinstance(event, kind)
                and start <= at < end
                and self._currency(event) == currency
            ]

        def amounts(kind: type[Event], amount: Callable[[Any], int]) -> int:
            return sum(amount(event) for event in within(kind))

        counted = {
            "placed": len(within(o.OrderCreated)),
            "placed_amount": amounts(o.OrderCreated, lambda e: e.price.total),
            "captured_amount": amounts(p.PaymentCaptured, lambda e: e.amount.amount),
            "refunds": len(within(p.PaymentRefunded))
            + len(within(p.PaymentRefundedElsewhere))
            - len(within(p.PaymentRefundFailed))
            - len(within(p.PaymentRefundElsewhereFailed)),
            "refunded_amount": amounts(p.PaymentRefunded, lambda e: e.amount.amount)
            + amounts(p.PaymentRefundedElsewhere, lambda e: e.amount.amount)
            - amounts(p.PaymentRefundFailed, lambda e: e.amount.amount)
            - amounts(p.PaymentRefundElsewhereFailed, lambda e: e.amount.amount),
            "declines": len(within(p.PaymentDeclined)),
            "rejected": len(within(o.OrderRejected)),
            "stock_outs": len([e for e in within(o.OrderRejected) if e.reason == "OUT_OF_STOCK"]),
            "cancelled": len(within(o.OrderCancelled)),
            "completed": len(within(o.OrderCompleted)),
            "returns_requested": len(within(o.OrderReturnRequested)),
            "returns_lapsed": len(within(o.OrderReturnLapsed)),
            "returned": len(within(o.OrderReturned)),
            "returned_whole": len([e for e in within(o.OrderReturned) if e.is_whole]),
        }
        placed = [event.order_id for event in within(o.OrderCreated)]
        reached = {
            f"reached_{name}": sum(self._stage(order_id) >= stage for order_id in placed)
            for stage, name in enumerate(NAMES, start=1)
        }
        return counted | reached

    def reasons(
        self, start: datetime, end: datetime, currency: str | None
    ) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {
            kind: Counter() for kind in ("CANCELLATION", "REJECTION", "DECLINE")
        }
        for event, at in self.facts:
            if start <= at < end and currency in {None, self._currency(event)}:
                match event:
                    case o.OrderCancelled():
                        found["CANCELLATION"][str(event.reason)] += 1
                    case o.OrderRejected():
                        found["REJECTION"][str(event.reason)] += 1
                    case p.PaymentDeclined():
                        found["DECLINE"][event.code] += 1
        return found

    def products(
        self, start: datetime, end: datetime, currency: str | None
    ) -> dict[tuple[str, str], tuple[int, int]]:
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for event, at in self.created.values():
            if start <= at < end and currency in {None, event.price.currency}:
                for line in event.lines:
                    key = (event.price.currency, line.sku)
                    pieces, amount = found.get(key, (0, 0))
                    price = line.quantity * line.unit_price - line.discount
                    found[key] = (pieces + line.quantity, amount + price)
        return found

    def durations(
        self, start: datetime, end: datetime, currency: str | None
    ) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        waits: dict[tuple[str, str], datetime] = {}
        for event, at in self.facts:
            kind, since = None, at
            match event:
                case i.BackorderQueued():
                    waits[event.order_id, event.sku] = at
                case i.BackorderEnded():
                    kind, since = "BACKORDER", waits.pop((event.order_id, event.sku))
                case o.OrderCompleted() | o.OrderCancelled() | o.OrderRejected():
                    kind = type(event).__name__.removeprefix("Order").upper()
                    since = self.created[event.order_id][1]
                case o.OrderReturned(is_whole=True):
                    kind, since = "RETURNED", self.created[event.order_id][1]
            is_of_currency = kind == "BACKORDER" or currency in {None, self._currency(event)}
            if kind and start <= at < end and is_of_currency:
                found.setdefault(kind, []).append(
                    max(at - since, timedelta(milliseconds=1)) / timedelta(seconds=1)
                )
        return found

    def _stage(self, order_id: str) -> int:
        return max(
            (
                STAGES.get(type(event).__name__, 0)
                for event, _ in self.facts
                if getattr(event, "order_id", None) == order_id
            ),
            default=0,
        )

    def _currency(self, event: Event) -> str | None:
        match event:
            case o.OrderCreated():
                return event.price.currency
            case (
                p.PaymentRequested()
                | p.PaymentCaptured()
                | p.PaymentRefunded()
                | p.PaymentRefundFailed()
                | p.PaymentRefundedElsewhere()
                | p.PaymentRefundElsewhereFailed()
            ):
                return event.amount.currency
            case p.PaymentDeclined():
                return next(
                    e.amount.currency
                    for e, _ in self.facts
                    if isinstance(e, p.PaymentRequested) and e.order_id == event.order_id
                )
            case i.StockReceived():
                return None
            case _:
                created = self.created.get(getattr(event, "order_id", ""))
                return created and created[0].price.currency


def exact_percentile(durations: Sequence[float], percent: int) -> float:
    return sorted(durations)[math.ceil(len(durations) * percent / 100) - 1]
