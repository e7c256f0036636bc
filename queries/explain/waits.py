"""What an order waits for now, since when and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.order.promises import Promises
from domain.order.state import OrderStatus
from eventstore.envelope import StoredEvent
from queries.order_view import OrderView
from queries.order_waits import Wait, WaitingFor, waits_of
from queries.saga_history import History

_RETURN_REQUESTED: Final = "OrderReturnRequested"
_BOOKED: Final = "ShipmentCreated"


class WaitsFor(StrEnum):
    DISPATCH = "DISPATCH"
    DELIVERY = "DELIVERY"
    PAYMENT = "PAYMENT"
    STOCK = "STOCK"
    OPERATOR = "OPERATOR"
    RETURNED_GOODS = "RETURNED_GOODS"
    RETURN_WINDOW = "RETURN_WINDOW"


@dataclass(frozen=True, slots=True)
class ExplainedWait:
    waits_for: WaitsFor
    since: datetime
    until: datetime | None
    """The deadline; None for a wait that has none."""
    text: str


_BEGIN: Final[Mapping[WaitingFor, tuple[OrderStatus, str]]] = {
    WaitingFor.DISPATCH: (OrderStatus.CONFIRMED, "dispatch"),
    WaitingFor.DELIVERY: (OrderStatus.SHIPPED, "delivery"),
    WaitingFor.PAYMENT: (OrderStatus.RESERVED, "payment_window"),
    WaitingFor.STOCK: (OrderStatus.PLACED, "backorder"),
}
"""The status from which each deadline counts, and the promise with its duration."""
_TEXTS: Final = {
    WaitsFor.DISPATCH: "the carrier to collect the parcel",
    WaitsFor.DELIVERY: "the carrier to deliver the parcel",
    WaitsFor.PAYMENT: "the customer to approve the payment or to choose another method",
    WaitsFor.STOCK: "stock",
    WaitsFor.OPERATOR: "an operator",
    WaitsFor.RETURNED_GOODS: "the carrier to bring the returned goods back",
    WaitsFor.RETURN_WINDOW: "the return window to close",
}


def explained_waits(
    order: OrderView, history: History, events: Iterable[StoredEvent]
) -> list[ExplainedWait]:
    events = list(events)
    booked = [each.recorded_at for each in events if each.type == _BOOKED]
    waits = [_with_deadline(wait, order.promises, history, booked) for wait in waits_of(order)]
    return [*waits, *_after_delivery(order, history, events)]


def _with_deadline(
    wait: Wait, promises: Promises, history: History, booked: Sequence[datetime]
) -> ExplainedWait:
    status, promise = _BEGIN.get(wait.waiting_for, (None, ""))
    begun = None if status is None else history.reached.get(status)
    if begun is not None and wait.waiting_for is WaitingFor.DISPATCH:
        begun = max([begun, *booked])  # a parcel may have waited for its goods
    duration: timedelta | None = getattr(promises, promise) if promise else None
    until = None if begun is None or duration is None else begun + duration
    return _wait(WaitsFor(wait.waiting_for), wait.since, until, _reasons(history))


def _reasons(history: History) -> str:
    """Return why an operator is needed."""
    parked = (f"parked at {step} ({parking.code})" for step, parking in history.parked.items())
    differing = (
        f"{each.system} differs (the log says {each.ours}, the system {each.theirs})"
        for each in history.discrepancies.values()
        if each.accepted is None
    )
    return ", ".join([*parked, *differing])


def _after_delivery(
    order: OrderView, history: History, events: Iterable[StoredEvent]
) -> Iterator[ExplainedWait]:
    if order.status is not OrderStatus.DELIVERED:
        return
    promises = order.promises
    if order.return_requested:
        asked = max(each.recorded_at for each in events if each.type == _RETURN_REQUESTED)
        yield _wait(WaitsFor.RETURNED_GOODS, asked, asked + promises.return_delivery)
    elif delivered := history.reached.get(OrderStatus.DELIVERED):
        yield _wait(WaitsFor.RETURN_WINDOW, delivered, delivered + promises.return_window)


def _wait(
    waits_for: WaitsFor, since: datetime, until: datetime | None, reasons: str = ""
) -> ExplainedWait:
    why = f": {reasons}" if waits_for is WaitsFor.OPERATOR and reasons else ""
    return ExplainedWait(waits_for, since, until, f"Waits for {_TEXTS[waits_for]}{why}.")
