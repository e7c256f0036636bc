from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

from domain.inventory import events as e
from domain.inventory.allocation import Allocation, allocate

RETURNS_REMEMBERED: Final = 100
"""A repeated return comes within moments; the order itself remembers its return for good."""


Reservations = Annotated[
    Mapping[str, int],
    BeforeValidator(dict),
    PlainSerializer(lambda held: list(held.items()), return_type=list[tuple[str, int]]),
]
"""Pieces by order id, the oldest reservation first. A snapshot of a mapping would lose this order,
so it is a list there."""


@dataclass(frozen=True, slots=True, order=True)
class Backorder:
    """Backorders sort by the time at which their orders began to wait."""

    since: datetime
    order_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class InventoryState:
    """The stock of one SKU. Open items are held by order id, so the state stays small.

    These always hold: on_hand = received + adjusted - shipped, and on_hand = reserved + available.
    Returned pieces are no longer shipped. `available` is negative while orders are short.
    """

    received: int = 0
    adjusted: int = 0
    """The sum of all adjustments; negative if more pieces were taken away than added."""
    shipped: int = 0
    reservations: Reservations = field(default_factory=dict)
    backorders: tuple[Backorder, ...] = ()
    """The oldest first."""
    returns: tuple[str, ...] = ()
    """The orders of the latest returns, to recognize a repeat."""

    @property
    def waiting(self) -> Mapping[str, int]:
        """Return the number of pieces that orders wait for, by order id, the oldest first."""
        return {backorder.order_id: backorder.quantity for backorder in self.backorders}

    @property
    def reserved(self) -> int:
        return sum(self.reservations.values())

    @property
    def on_hand(self) -> int:
        """Return the number of pieces in the warehouse, reserved ones included."""
        return self.received + self.adjusted - self.shipped

    @property
    def available(self) -> int:
        """Return the number of pieces on hand that no order has reserved."""
        return self.on_hand - self.reserved

    @property
    def kept(self) -> Allocation:
        """Return the waiting orders that the available pieces are kept for."""
        return allocate(self.waiting, self.available)

    @property
    def short(self) -> Mapping[str, int]:
        """Return the reservations for which there are no pieces on hand, by order id.

        The pieces on hand belong to the oldest reservations.
        """
        if self.available >= 0:
            return {}
        return allocate(self.reservations, self.on_hand).short

    def suffices_for(self, order_id: str, quantity: int) -> bool:
        """Return whether the order may have these pieces now. Orders that wait come first."""
        if order_id in (kept := self.kept).served:
            return True
        return order_id not in kept.short and quantity <= kept.left


def _without(pieces: Mapping[str, int], order_id: str) -> Mapping[str, int]:
    return {key: value for key, value in pieces.items() if key != order_id}


def evolve(state: InventoryState, event: e.InventoryEvent) -> InventoryState:  # noqa: PLR0911 - one for each event
    match event:
        case e.StockReceived():
            return replace(state, received=state.received + event.quantity)
        case e.StockAdjusted():
            return replace(state, adjusted=state.adjusted + event.difference)
        case e.InventoryReserved():
            held = {**state.reservations, event.order_id: event.quantity}
            return replace(state, reservations=held)
        case e.InventoryReleased():
            return replace(state, reservations=_without(state.reservations, event.order_id))
        case e.InventoryCommitted():
            return replace(
                state,
                reservations=_without(state.reservations, event.order_id),
                shipped=state.shipped + event.quantity,
            )
        case e.StockReturned():
            return replace(
                state,
                shipped=state.shipped - event.quantity,
                returns=(*state.returns, event.order_id)[-RETURNS_REMEMBERED:],
            )
        case e.BackorderQueued():
            queued = Backorder(event.since, event.order_id, event.quantity)
            return replace(state, backorders=tuple(sorted((*state.backorders, queued))))
        case e.BackorderEnded():
            others = tuple(b for b in state.backorders if b.order_id != event.order_id)
            return replace(state, backorders=others)
