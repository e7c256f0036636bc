"""List every event type by name, and the aggregate that each command belongs to."""

from __future__ import annotations

from typing import Any, Final, get_args

from domain.aggregate import Aggregate
from domain.command import Command
from domain.customer.commands import CustomerCommand
from domain.customer.decide import CUSTOMER
from domain.customer.events import CustomerEvent
from domain.event import Event
from domain.inventory.commands import InventoryCommand
from domain.inventory.decide import INVENTORY
from domain.inventory.events import InventoryEvent
from domain.note.commands import NoteCommand
from domain.note.decide import NOTE
from domain.note.events import NoteEvent
from domain.order.commands import OrderCommand
from domain.order.decide import ORDER
from domain.order.events import OrderEvent
from domain.payment.commands import PaymentCommand
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentEvent
from domain.product.commands import ProductCommand
from domain.product.decide import PRODUCT
from domain.product.events import ProductEvent
from domain.saga.commands import SagaCommand
from domain.saga.decide import SAGA
from domain.saga.events import SagaEvent
from domain.shipping.commands import ShipmentCommand
from domain.shipping.decide import SHIPMENT
from domain.shipping.events import ShipmentEvent

EVENT_TYPES: Final[dict[str, type[Event]]] = {
    event.__name__: event
    for event in (
        CustomerEvent,
        NoteEvent,
        *get_args(ProductEvent),
        *get_args(InventoryEvent),
        *get_args(OrderEvent),
        *get_args(PaymentEvent),
        *get_args(SagaEvent),
        *get_args(ShipmentEvent),
    )
}

AGGREGATES: Final[dict[type[Command], Aggregate[Any]]] = {
    ProductCommand: PRODUCT,
    CustomerCommand: CUSTOMER,
    InventoryCommand: INVENTORY,
    NoteCommand: NOTE,
    OrderCommand: ORDER,
    PaymentCommand: PAYMENT,
    SagaCommand: SAGA,
    ShipmentCommand: SHIPMENT,
}


def aggregate_of(command: Command) -> Aggregate[Any]:
    for kind, aggregate in AGGREGATES.items():
        if isinstance(command, kind):
            return aggregate
    raise TypeError(f"no aggregate supports {command.command_type}")
