"""Run single shipping activities: their requests to the carrier, and what they record."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import pytest
from temporalio.testing import ActivityEnvironment

from activities.command_handler import CommandHandler, Step
from activities.shipping import ShippingActivitiesImpl
from activities.tracking import record_tracking
from activities.types.shipping import TrackedStatus
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.order import commands as o
from domain.order.commands import CancellationReason
from domain.order.lines import ReturnedLine
from domain.shipping.decide import SHIPMENT
from domain.shipping.tracking import TrackingInfo
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections.inline import InlineReadModels
from providers.carrier import ShipmentAddress, ShipmentItem
from providers.carrier_simulator.routes import (
    CANCELLED_BY_CARRIER,
    LOST,
    NEVER_COMES_BACK,
    NEVER_DELIVERED,
    NEVER_DISPATCHED,
    NORMAL,
    NUMBERED_AT_CREATION,
    NUMBERED_AT_DELIVERY,
    RENUMBERED_AT_DELIVERY,
)
from providers.errors import ProviderRefused
from providers.http_carrier import HttpCarrier
from tests.support.keys import a_vault
from tests.support.sagas import an_order

if TYPE_CHECKING:
    from tests.support.simulators import Receiver, SimulatorProcess

NUMBERED = ["ShipmentCreated", "TrackingNumberAssigned"]
PART = (ReturnedLine(sku="cup", quantity=1),)

T = TypeVar("T")
Activity = Callable[[ShippingActivitiesImpl, str], Awaitable[T]]


@dataclass
class Parcel:
    """One confirmed order of two cups and a pot, with the shipping activities."""

    store: PostgresEventStore
    activities: ShippingActivitiesImpl
    receiver: Receiver
    simulator: SimulatorProcess
    order_id: str = ""

    async def ordered(self, postal_code: str) -> None:
        place = an_order(("cup", 2), ("pot", 1), postal_code=postal_code)
        self.order_id = place.aggregate_id
        milestones = (o.MarkReserved, o.MarkAuthorized, o.ConfirmOrder)
        await self.does(place, *(kind(aggregate_id=self.order_id) for kind in milestones))

    async def returned(self, postal_code: str) -> None:
        await self.ordered(postal_code)
        await self.run(ShippingActivitiesImpl.create_shipment)
        await self.webhooks(2)
        await self.does(
            o.MarkShipped(aggregate_id=self.order_id),
            o.MarkDelivered(aggregate_id=self.order_id),
            o.RequestReturn(aggregate_id=self.order_id, lines=PART),
        )

    async def does(self, *commands: Command) -> None:
        step = Step("test", uuid.uuid4().hex, self.order_id)
        await CommandHandler(self.store).handle(step, *commands)

    async def request_cancellation(self) -> None:
        reason = CancellationReason.CUSTOMER_REQUEST
        await self.does(o.RequestCancellation(aggregate_id=self.order_id, reason=reason))

    async def run(self, activity: Activity[T]) -> T:
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, workflow_id=f"order-{self.order_id}")
        return await environment.run(activity.__get__(self.activities), self.order_id)

    async def webhooks(self, count: int) -> set[str]:
        return await self.receiver.types(self.order_id, count)

    async def events(self) -> list[str]:
        return [e.type for e in await self.store.load_events(f"shipment-{self.order_id}")]

    async def tracking(self) -> TrackingInfo | None:
        return (await CommandHandler(self.store).load(SHIPMENT, self.order_id)).tracking

    async def effects(self) -> dict[str, tuple[int, int]]:
        return await self.simulator.effects(self.order_id)


@pytest.fixture
def parcel(
    pool: Pool, carrier: HttpCarrier, receiver: Receiver, carrier_simulator: SimulatorProcess
) -> Parcel:
    vault = a_vault(pool)
    store = PostgresEventStore(pool, [InlineReadModels()], vault)
    activities = ShippingActivitiesImpl(CommandHandler(store), store, vault, carrier)
    return Parcel(store, activities, receiver, carrier_simulator)


async def test_a_shipment_is_created_and_recorded_once(parcel: Parcel) -> None:
    await parcel.ordered(NEVER_DISPATCHED)

    for _ in range(2):
        await parcel.run(ShippingActivitiesImpl.create_shipment)

    assert await parcel.events() == ["ShipmentCreated"]
    assert await parcel.effects() == {"created": (1, 3)}


async def test_no_shipment_is_created_once_the_order_compensates(parcel: Parcel) -> None:
    await parcel.ordered(NEVER_DISPATCHED)
    await parcel.request_cancellation()

    with pytest.raises(Refused) as refusal:
        await parcel.run(ShippingActivitiesImpl.create_shipment)

    assert refusal.value.code is ErrorCode.WRONG_STATE
    assert (await parcel.events(), await parcel.effects()) == ([], {})


async def test_a_shipment_is_stopped_once(parcel: Parcel) -> None:
    await parcel.ordered(NEVER_DISPATCHED)
    await parcel.run(ShippingActivitiesImpl.create_shipment)
    await parcel.request_cancellation()

    assert [await parcel.run(ShippingActivitiesImpl.cancel_shipment) for _ in range(2)] == [
        True,
        True,
    ]

    assert await parcel.events() == ["ShipmentCreated", "ShipmentCancelled"]
    assert await parcel.effects() == {"created": (1, 3), "cancelled": (1, 3)}


async def test_a_shipment_that_was_never_requested_is_fenced(parcel: Parcel) -> None:
    await parcel.ordered(NEVER_DISPATCHED)
    await parcel.request_cancellation()

    assert await parcel.run(ShippingActivitiesImpl.cancel_shipment)

    assert await parcel.events() == ["ShipmentCancelled"]
    assert await parcel.effects() == {"cancelled": (1, 0)}


async def test_a_shipment_without_a_record_is_recorded_when_it_has_left(
    parcel: Parcel, carrier: HttpCarrier
) -> None:
    await parcel.ordered(NEVER_DELIVERED)
    address = ShipmentAddress("Ada", "1 Example Street", "Sampleton", NEVER_DELIVERED, "DE")
    await carrier.create_shipment(
        order_id=parcel.order_id, address=address, items=[ShipmentItem("cup", 2)]
    )
    assert await parcel.webhooks(1) == {"shipment.dispatched"}
    assert await parcel.events() == []
    await parcel.request_cancellation()

    stopped = [await parcel.run(ShippingActivitiesImpl.cancel_shipment) for _ in range(2)]

    assert stopped == [False, False]
    assert await parcel.events() == NUMBERED
    assert "cancelled" not in await parcel.effects()


@pytest.mark.parametrize(
    ("postal_code", "count", "status", "events"),
    [
        (NEVER_DISPATCHED, 0, TrackedStatus.WAITING, ["ShipmentCreated"]),
        (NEVER_DELIVERED, 1, TrackedStatus.DISPATCHED, NUMBERED),
        (NORMAL, 2, TrackedStatus.DELIVERED, NUMBERED),
        (NUMBERED_AT_CREATION, 2, TrackedStatus.DELIVERED, NUMBERED),
        (NUMBERED_AT_DELIVERY, 2, TrackedStatus.DELIVERED, NUMBERED),
        (CANCELLED_BY_CARRIER, 1, TrackedStatus.CANCELLED, ["ShipmentCreated"]),
        (LOST, 2, TrackedStatus.LOST, [*NUMBERED, "ShipmentLost"]),
    ],
)
async def test_the_carrier_reports_the_status_of_the_parcel(
    parcel: Parcel, postal_code: str, count: int, status: TrackedStatus, events: list[str]
) -> None:
    await parcel.ordered(postal_code)
    await parcel.run(ShippingActivitiesImpl.create_shipment)
    await parcel.webhooks(count)

    assert [await parcel.run(ShippingActivitiesImpl.track) for _ in range(2)] == [status, status]
    assert await parcel.events() == events


async def test_a_number_that_the_carrier_gives_at_once_is_recorded_with_the_shipment(
    parcel: Parcel, carrier: HttpCarrier
) -> None:
    await parcel.ordered(NUMBERED_AT_CREATION)

    await parcel.run(ShippingActivitiesImpl.create_shipment)

    assert await parcel.events() == NUMBERED
    found = await carrier.find(order_id=parcel.order_id)
    assert found is not None
    assert await parcel.tracking() == found.tracking


async def test_the_carriers_id_of_a_shipment_is_no_tracking_number(parcel: Parcel) -> None:
    await parcel.ordered(NEVER_DISPATCHED)

    await parcel.run(ShippingActivitiesImpl.create_shipment)
    await parcel.run(ShippingActivitiesImpl.track)

    assert await parcel.tracking() is None


async def test_a_changed_number_is_recorded_again(parcel: Parcel) -> None:
    await parcel.ordered(RENUMBERED_AT_DELIVERY)
    await parcel.run(ShippingActivitiesImpl.create_shipment)
    numbers = []
    for _ in ("dispatched", "delivered"):
        delivery = await parcel.receiver.next(parcel.order_id)
        numbers.append(delivery.body["data"]["tracking_number"])
    await record_tracking(
        CommandHandler(parcel.store), parcel.order_id, TrackingInfo(number=numbers[0])
    )

    await parcel.run(ShippingActivitiesImpl.track)

    assert numbers[0] != numbers[1]
    tracking = await parcel.tracking()
    assert tracking is not None
    assert tracking.number == numbers[1]
    assert await parcel.events() == [*NUMBERED, "TrackingNumberAssigned"]


async def test_a_late_number_of_a_cancelled_shipment_changes_nothing(parcel: Parcel) -> None:
    await parcel.ordered(NEVER_DISPATCHED)
    await parcel.run(ShippingActivitiesImpl.create_shipment)
    await parcel.request_cancellation()
    await parcel.run(ShippingActivitiesImpl.cancel_shipment)

    late = TrackingInfo(number="LATE-1")
    await record_tracking(CommandHandler(parcel.store), parcel.order_id, late)

    assert await parcel.events() == ["ShipmentCreated", "ShipmentCancelled"]
    assert await parcel.tracking() is None


async def test_an_order_that_the_carrier_does_not_know_waits(parcel: Parcel) -> None:
    await parcel.ordered(NORMAL)

    assert await parcel.run(ShippingActivitiesImpl.track) is TrackedStatus.WAITING
    assert await parcel.events() == []


async def test_a_lost_parcel_is_not_stopped(parcel: Parcel) -> None:
    await parcel.ordered(LOST)
    await parcel.run(ShippingActivitiesImpl.create_shipment)
    await parcel.webhooks(2)

    assert not await parcel.run(ShippingActivitiesImpl.cancel_shipment)
    assert await parcel.events() == [*NUMBERED, "ShipmentLost"]


async def test_a_shipment_that_the_carrier_cancelled_itself_is_refused_and_undone(
    parcel: Parcel, carrier: HttpCarrier
) -> None:
    await parcel.ordered(CANCELLED_BY_CARRIER)
    lines = [ShipmentItem("cup", 2), ShipmentItem("pot", 1)]
    address = ShipmentAddress(
        "Ada Lovelace", "1 Example Street", "Sampleton", CANCELLED_BY_CARRIER, "DE"
    )
    await carrier.create_shipment(order_id=parcel.order_id, address=address, items=lines)
    await parcel.webhooks(1)

    with pytest.raises(ProviderRefused) as refusal:
        await parcel.run(ShippingActivitiesImpl.create_shipment)
    assert refusal.value.code == "shipment_cancelled"
    assert await parcel.run(ShippingActivitiesImpl.cancel_shipment)
    assert await parcel.events() == ["ShipmentCancelled"]


async def test_a_recorded_shipment_needs_no_carrier_when_its_saga_is_recovered(
    parcel: Parcel,
) -> None:
    await parcel.ordered(NEVER_DISPATCHED)
    await parcel.run(ShippingActivitiesImpl.create_shipment)

    with parcel.simulator.failing(parcel.order_id, "*", "down"):
        await parcel.run(ShippingActivitiesImpl.create_shipment)

    assert await parcel.events() == ["ShipmentCreated"]
    assert await parcel.effects() == {"created": (1, 3)}


async def test_a_return_is_requested_once_from_the_carrier(parcel: Parcel) -> None:
    await parcel.returned(NORMAL)

    for _ in range(2):
        await parcel.run(ShippingActivitiesImpl.collect_return)
    assert await parcel.webhooks(1) == {"return.returned"}

    assert await parcel.run(ShippingActivitiesImpl.track_return)
    assert await parcel.events() == ["ShipmentCreated", "ShipmentReturnRequested"]
    effects = await parcel.effects()
    assert (effects["return_requested"], effects["returned"]) == ((1, 1), (1, 1))


async def test_goods_that_do_not_come_are_not_back(parcel: Parcel) -> None:
    await parcel.returned(NEVER_COMES_BACK)
    assert not await parcel.run(ShippingActivitiesImpl.track_return)

    await parcel.run(ShippingActivitiesImpl.collect_return)

    assert not await parcel.run(ShippingActivitiesImpl.track_return)


async def test_an_ended_return_requests_nothing_from_the_carrier(parcel: Parcel) -> None:
    await parcel.returned(NORMAL)
    await parcel.does(o.LapseReturn(aggregate_id=parcel.order_id))

    await parcel.run(ShippingActivitiesImpl.collect_return)

    assert await parcel.events() == ["ShipmentCreated"]
    assert "return_requested" not in await parcel.effects()


async def test_a_return_that_the_carrier_refuses_is_not_recorded(parcel: Parcel) -> None:
    await parcel.returned(NORMAL)

    with (
        parcel.simulator.failing(parcel.order_id, "return", "refuse"),
        pytest.raises(ProviderRefused) as refusal,
    ):
        await parcel.run(ShippingActivitiesImpl.collect_return)

    assert refusal.value.code == "refused_on_request"
    assert await parcel.events() == ["ShipmentCreated"]
