from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any, Final, TypeVar

import pytest
from pydantic import BaseModel

import domain
from domain.aggregate import Aggregate
from domain.command import Command
from domain.customer.decide import CUSTOMER
from domain.event import Event
from domain.inventory.decide import INVENTORY
from domain.note.decide import NOTE
from domain.order.decide import ORDER
from domain.order.events import OrderMilestone
from domain.payment.decide import PAYMENT
from domain.payment.events import AttemptEvent, DisputeEvent, RefundEvent
from domain.product.decide import PRODUCT
from domain.registry import EVENT_TYPES, aggregate_of
from domain.saga.decide import SAGA
from domain.saga.events import SagaStepIntervened
from domain.shipping.decide import SHIPMENT

AREAS: Final[dict[str, Aggregate[Any]]] = {
    "product": PRODUCT,
    "customer": CUSTOMER,
    "inventory": INVENTORY,
    "note": NOTE,
    "order": ORDER,
    "payment": PAYMENT,
    "saga": SAGA,
    "shipping": SHIPMENT,
}


M = TypeVar("M", bound=BaseModel)


class UnheardOf(Command):
    """An event that belongs to no aggregate."""


def _defined_in(module: str, base: type[M]) -> set[type[M]]:
    values = vars(import_module(module)).values()
    return {
        value
        for value in values
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module
    }


def test_every_area_of_the_domain_is_known_here() -> None:
    assert {module.name for module in pkgutil.iter_modules(domain.__path__) if module.ispkg} == (
        set(AREAS)
    )


BASES = {AttemptEvent, DisputeEvent, OrderMilestone, RefundEvent, SagaStepIntervened}


def test_every_event_of_every_area_can_be_read_by_its_name() -> None:
    defined = [event for area in AREAS for event in _defined_in(f"domain.{area}.events", Event)]
    defined = [event for event in defined if event not in BASES]
    assert {event.__name__: event for event in defined} == EVENT_TYPES
    assert len(defined) == len(EVENT_TYPES), "two events of one name"


def test_an_event_begins_with_schema_version_1() -> None:
    class Fresh(Event):
        pass

    assert Fresh.schema_version == 1


@pytest.mark.parametrize("area", AREAS)
def test_every_command_of_an_area_is_for_its_aggregate(area: str) -> None:
    for kind in _defined_in(f"domain.{area}.commands", Command):
        assert aggregate_of(kind.model_construct(aggregate_id="a")) is AREAS[area]


@pytest.mark.parametrize("area", ["customer", "inventory", "note", "payment", "saga", "shipping"])
def test_an_aggregate_decides_nothing_on_a_command_that_it_does_not_know(area: str) -> None:
    with pytest.raises(TypeError, match=f"{area} does not support UnheardOf"):
        AREAS[area].decide(UnheardOf(aggregate_id="a"), AREAS[area].initial)


def test_each_aggregate_has_its_own_streams() -> None:
    streams = [aggregate.stream("a-1") for aggregate in AREAS.values()]
    assert streams == [
        *("product-a-1", "customer-a-1", "inventory-a-1"),
        "note-a-1",
        *("order-a-1", "payment-a-1", "saga-a-1", "shipment-a-1"),
    ]
