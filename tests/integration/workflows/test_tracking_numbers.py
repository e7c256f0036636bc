"""A tracking number gets into the log on every way by which the saga hears of its parcel."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from activities.types.shipping import ParcelInput
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from domain.shipping.tracking import TrackingInfo
from providers.carrier_simulator.routes import (
    NEVER_DISPATCHED,
    NORMAL,
    NUMBERED_AT_CREATION,
    NUMBERED_AT_DELIVERY,
)
from providers.http_carrier import HttpCarrier
from tests.support.sagas import Sagas, an_order

DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
FIRST: Final = TrackingInfo(number="T-1", carrier="Post", url="https://post.example/T-1")
SECOND: Final = TrackingInfo(number="T-2", carrier="Local Post")
NUMBERED: Final = "TrackingNumberAssigned"
SOON: Final = timedelta(milliseconds=50)


async def created(sagas: Sagas, postal_code: str = NEVER_DISPATCHED) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def delivered(sagas: Sagas, postal_code: str = NORMAL) -> str:
    """Return an order whose parcel the carrier has delivered, without a notification."""
    order_id = await created(sagas, postal_code)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    return order_id


async def confirm(
    sagas: Sagas, order_id: str, kind: ShipmentNotificationKind, tracking: TrackingInfo | None
) -> None:
    await sagas.orchestrator.handle_event(ShipmentNotification(order_id, kind, tracking=tracking))


async def numbers(sagas: Sagas, order_id: str) -> list[str]:
    stored = await sagas.store.load_events(f"shipment-{order_id}")
    return [event.data["tracking_number"] for event in stored if event.type == NUMBERED]


async def of_the_carrier(carrier: HttpCarrier, order_id: str) -> list[str]:
    """Return the number in the carrier's records, as a list."""
    found = await carrier.find(order_id=order_id)
    assert found is not None
    assert found.tracking is not None
    return [found.tracking.number]


async def test_a_confirmed_dispatch_brings_the_number_without_a_call_to_the_carrier(
    sagas: Sagas,
) -> None:
    order_id = await created(sagas)
    assert await numbers(sagas, order_id) == []

    await confirm(sagas, order_id, DISPATCHED, FIRST)
    await confirm(sagas, order_id, DELIVERED, FIRST)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"shipment-{order_id}") == [
        "ShipmentCreated",
        "ShipmentDispatched",
        NUMBERED,
        "ShipmentDelivered",
    ]
    [numbered] = [
        event
        for event in await sagas.store.load_events(f"shipment-{order_id}")
        if event.type == NUMBERED
    ]
    assert numbered.data == {
        "order_id": order_id,
        "tracking_number": "T-1",
        "carrier": "Post",
        "tracking_url": "https://post.example/T-1",
    }
    assert "track" not in await sagas.activities_of(order_id)


async def test_a_number_that_comes_with_the_delivery_only_is_recorded_then(sagas: Sagas) -> None:
    order_id = await created(sagas)

    await confirm(sagas, order_id, DISPATCHED, None)
    await sagas.until(f"order-{order_id}", "OrderShipped")
    assert await numbers(sagas, order_id) == []
    await confirm(sagas, order_id, DELIVERED, FIRST)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == ["T-1"]


async def test_a_number_that_changes_on_the_way_is_recorded_again(sagas: Sagas) -> None:
    order_id = await created(sagas)

    await confirm(sagas, order_id, DISPATCHED, FIRST)
    await sagas.until(f"order-{order_id}", "OrderShipped")
    await confirm(sagas, order_id, DELIVERED, SECOND)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == ["T-1", "T-2"]


async def test_a_parcel_that_is_delivered_at_once_has_its_number(sagas: Sagas) -> None:
    order_id = await created(sagas)

    await confirm(sagas, order_id, DELIVERED, FIRST)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == ["T-1"]


async def test_a_number_of_the_creation_is_in_the_log_before_the_dispatch(
    sagas: Sagas, carrier: HttpCarrier
) -> None:
    order_id = await delivered(sagas, NUMBERED_AT_CREATION)
    assert await sagas.events(f"shipment-{order_id}") == ["ShipmentCreated", NUMBERED]

    found = await carrier.find(order_id=order_id)
    assert found is not None
    await confirm(sagas, order_id, DELIVERED, found.tracking)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == await of_the_carrier(carrier, order_id)


async def test_an_unconfirmed_notification_makes_the_saga_ask_for_the_number(
    sagas: Sagas, carrier: HttpCarrier
) -> None:
    order_id = await delivered(sagas)

    await sagas.hint(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == await of_the_carrier(carrier, order_id)


@pytest.mark.parametrize("postal_code", [NORMAL, NUMBERED_AT_DELIVERY])
async def test_the_number_is_found_at_the_deadline_without_any_notification(
    sagas: Sagas, carrier: HttpCarrier, postal_code: str
) -> None:
    order_id = await delivered(sagas.within(dispatch=SOON, delivery=SOON), postal_code)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == await of_the_carrier(carrier, order_id)


async def test_a_recovered_saga_gets_the_number_that_it_has_missed(
    sagas: Sagas, carrier: HttpCarrier
) -> None:
    order_id = await delivered(sagas)
    await sagas.terminate(order_id)

    await sagas.recover(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == await of_the_carrier(carrier, order_id)


async def test_a_saga_that_is_recovered_after_the_dispatch_gets_the_number(
    sagas: Sagas, carrier: HttpCarrier
) -> None:
    order_id = await delivered(sagas)
    await confirm(sagas, order_id, DISPATCHED, None)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.terminate(order_id)
    assert await numbers(sagas, order_id) == []

    await sagas.recover(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await numbers(sagas, order_id) == await of_the_carrier(carrier, order_id)


async def test_an_attempt_that_comes_after_the_end_records_no_old_number(sagas: Sagas) -> None:
    order_id = await created(sagas)
    await confirm(sagas, order_id, DISPATCHED, SECOND)
    await confirm(sagas, order_id, DELIVERED, SECOND)
    assert await sagas.end(order_id) == "COMPLETED"

    for late in ("capture", "deliver"):
        await sagas.stray(late, order_id, ParcelInput(order_id, FIRST))

    assert await numbers(sagas, order_id) == ["T-2"]


async def test_a_cancelled_order_takes_no_number(sagas: Sagas) -> None:
    order_id = await created(sagas)
    await sagas.cancel(order_id)
    assert await sagas.end(order_id) == "CANCELLED"

    await confirm(sagas, order_id, DISPATCHED, FIRST)

    assert await sagas.events(f"shipment-{order_id}") == ["ShipmentCreated", "ShipmentCancelled"]
