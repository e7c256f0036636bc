"""Make the event that every side writes: an event of an order with complete metadata."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from pydantic_core import to_json

from domain.order.events import OrderReserved
from eventstore.envelope import EventMetadata, NewEvent

TYPE: Final = OrderReserved.__name__
EVENTS_OF_AN_ORDER: Final = 10
TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CAUSATION_ID: Final = "6f1c1b52-0d55-5e0e-8a7e-1b0e6f0a9d3c"


class Orders:
    """The consecutive orders of one writer, each a stream of EVENTS_OF_AN_ORDER events."""

    def __init__(self) -> None:
        self._order_id, self._version = "", EVENTS_OF_AN_ORDER

    def advance(self, events: int = 1) -> tuple[str, int]:
        """Return the order that receives the next events, and its version before them."""
        if self._version >= EVENTS_OF_AN_ORDER:
            self._order_id, self._version = str(uuid4()), 0
        expected, self._version = self._version, self._version + events
        return self._order_id, expected


def new_events(order_id: str, count: int = 1) -> list[NewEvent]:
    """Make events as an activity does, with one metadata for all events of one step."""
    metadata = EventMetadata(
        correlation_id=order_id,
        causation_id=CAUSATION_ID,
        traceparent=TRACEPARENT,
        actor="system",
        workflow_id=f"order-{order_id}",
        step="reserve_stock",
    )
    return [NewEvent(uuid4(), OrderReserved(order_id=order_id), metadata) for _ in range(count)]


def data_json(order_id: str) -> bytes:
    """Return the same bytes by the fastest way, for the peers."""
    return to_json({"order_id": order_id})


def metadata_json(order_id: str) -> bytes:
    return to_json(
        {
            "correlation_id": order_id,
            "causation_id": CAUSATION_ID,
            "traceparent": TRACEPARENT,
            "actor": "system",
            "workflow_id": f"order-{order_id}",
            "step": "reserve_stock",
        }
    )
