from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.inventory import events as e


@dataclass(frozen=True, slots=True)
class InventoryState:
    """One SKU. `reservations` holds open ones only, by order id, so it stays small.

    Always: received = on_hand + reserved + shipped.
    """

    received: int = 0
    shipped: int = 0
    reservations: Mapping[str, int] = field(default_factory=dict)

    @property
    def reserved(self) -> int:
        return sum(self.reservations.values())

    @property
    def on_hand(self) -> int:
        return self.received - self.shipped - self.reserved

    def without(self, order_id: str) -> Mapping[str, int]:
        return {key: value for key, value in self.reservations.items() if key != order_id}


def evolve(state: InventoryState, event: e.InventoryEvent) -> InventoryState:
    match event:
        case e.StockReceived():
            return replace(state, received=state.received + event.quantity)
        case e.InventoryReserved():
            held = {**state.reservations, event.order_id: event.quantity}
            return replace(state, reservations=held)
        case e.InventoryReleased():
            return replace(state, reservations=state.without(event.order_id))
        case e.InventoryCommitted():
            return replace(
                state,
                reservations=state.without(event.order_id),
                shipped=state.shipped + event.quantity,
            )
