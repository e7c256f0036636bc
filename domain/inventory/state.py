from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from domain.inventory import events as e

RETURNS_REMEMBERED: Final = 100
"""A repeated return comes within moments; the order itself remembers its return for good."""


@dataclass(frozen=True, slots=True)
class Backorder:
    order_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class InventoryState:
    """The stock of one SKU. Open items are held by order id, so the state stays small.

    These always hold: on_hand = received + adjusted - shipped, and on_hand = reserved + available.
    Returned pieces are no longer shipped.
    """

    received: int = 0
    adjusted: int = 0
    """The sum of all adjustments; negative if more pieces were taken away than added."""
    shipped: int = 0
    reservations: Mapping[str, int] = field(default_factory=dict)
    backorders: tuple[Backorder, ...] = ()
    """The oldest first. A tuple, because a snapshot of a mapping would lose this order."""
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
            queued = Backorder(event.order_id, event.quantity)
            return replace(state, backorders=(*state.backorders, queued))
        case e.BackorderEnded():
            others = tuple(b for b in state.backorders if b.order_id != event.order_id)
            return replace(state, backorders=others)
