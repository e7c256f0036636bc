from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from providers.carrier import CarrierShipment, CarrierShipmentStatus, ShipmentAddress, ShipmentItem
from providers.carrier_simulator.routes import (
    CANCELLED_BY_CARRIER,
    DOWN,
    LOST,
    NEVER_DELIVERED,
    NEVER_DISPATCHED,
    REFUSED,
    TIMES_OUT,
)
from providers.errors import AlreadyDispatched, ProviderRefused, ProviderUnavailable
from providers.http_carrier import HttpCarrier
from tests.support.scripted import answering

if TYPE_CHECKING:
    from tests.support.simulators import Receiver, SimulatorProcess

ITEMS = [ShipmentItem("TEA-01", 2), ShipmentItem("CUP-01", 1)]


async def create(
    carrier: HttpCarrier, order_id: str, postal_code: str = NEVER_DISPATCHED
) -> CarrierShipment:
    address = ShipmentAddress("Ada", "1 Main Street", "Bern", postal_code, "CH")
    return await carrier.create_shipment(order_id=order_id, address=address, items=ITEMS)


async def test_a_shipment_is_created_once_for_an_order(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    first = await create(carrier, order_id)

    assert first == CarrierShipment(first.id, order_id, CarrierShipmentStatus.CREATED, None)
    assert await create(carrier, order_id) == first
    assert await carrier.find(order_id=order_id) == first
    assert await carrier_simulator.effects(order_id) == {"created": (1, 3)}


async def test_an_order_the_carrier_does_not_know_is_not_found(
    carrier: HttpCarrier, order_id: str
) -> None:
    assert await carrier.find(order_id=order_id) is None


async def test_the_simulator_dispatches_and_delivers_a_shipment(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    await create(carrier, order_id, "3011")
    await receiver.types(order_id, 2)

    found = await carrier.find(order_id=order_id)

    assert found is not None
    assert found.status is CarrierShipmentStatus.DELIVERED
    assert found.tracking is not None
    assert found.tracking.number.startswith("WB")
    assert found.tracking.carrier == "Waybill Parcels"
    assert found.tracking.url == f"https://parcels.example/track/{found.tracking.number}"
    assert await carrier_simulator.effects(order_id) == {
        "created": (1, 3),
        "dispatched": (1, 3),
        "delivered": (1, 3),
    }


async def test_creating_again_returns_the_current_shipment(
    carrier: HttpCarrier, receiver: Receiver, order_id: str
) -> None:
    await create(carrier, order_id, "3011")
    await receiver.types(order_id, 2)

    assert (await create(carrier, order_id, "3011")).status is CarrierShipmentStatus.DELIVERED


async def test_a_parcel_may_never_arrive(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    await create(carrier, order_id, NEVER_DELIVERED)

    assert await receiver.types(order_id, 1) == {"shipment.dispatched"}
    assert await carrier_simulator.effects(order_id) == {"created": (1, 3), "dispatched": (1, 3)}


async def test_a_parcel_may_be_lost(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    await create(carrier, order_id, LOST)

    assert await receiver.types(order_id, 2) == {"shipment.dispatched", "shipment.lost"}
    found = await carrier.find(order_id=order_id)
    assert found is not None
    assert found.status is CarrierShipmentStatus.LOST
    with pytest.raises(AlreadyDispatched):
        await carrier.cancel(order_id=order_id)
    assert "delivered" not in await carrier_simulator.effects(order_id)


async def test_a_carrier_may_cancel_a_shipment_itself(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    await create(carrier, order_id, CANCELLED_BY_CARRIER)

    assert await receiver.types(order_id, 1) == {"shipment.cancelled"}
    assert (
        await create(carrier, order_id, CANCELLED_BY_CARRIER)
    ).status is CarrierShipmentStatus.CANCELLED
    assert await carrier_simulator.effects(order_id) == {"created": (1, 3), "cancelled": (1, 3)}


async def test_an_undeliverable_address_is_refused_without_being_shown(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    with pytest.raises(ProviderRefused) as refusal:
        await create(carrier, order_id, REFUSED)

    assert (refusal.value.code, refusal.value.status) == ("address_undeliverable", 422)
    assert "Main Street" not in str(refusal.value)
    assert await carrier_simulator.effects(order_id) == {}


async def test_the_text_form_of_an_address_hides_it() -> None:
    assert "Ada" not in repr(ShipmentAddress("Ada", "1 Main Street", "Bern", "3011", "CH"))


async def test_a_carrier_that_is_down_is_unavailable_and_can_be_fenced(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    for _ in range(2):
        with pytest.raises(ProviderUnavailable) as unavailable:
            await create(carrier, order_id, DOWN)
        assert unavailable.value.reason == "api_unavailable"

    assert (await carrier.cancel(order_id=order_id)).status is CarrierShipmentStatus.CANCELLED
    assert await carrier_simulator.effects(order_id) == {"cancelled": (1, 0)}


async def test_a_create_whose_answer_hangs_is_found_and_creates_nothing_more(
    carrier: HttpCarrier,
    impatient_carrier: HttpCarrier,
    carrier_simulator: SimulatorProcess,
    order_id: str,
) -> None:
    with pytest.raises(ProviderUnavailable) as unavailable:
        await create(impatient_carrier, order_id, TIMES_OUT)
    assert unavailable.value.reason == "timeout"

    found = await carrier.find(order_id=order_id)
    again = await create(carrier, order_id, TIMES_OUT)

    assert found is not None
    assert again.id == found.id
    assert (await carrier_simulator.effects(order_id))["created"] == (1, 3)


async def test_a_shipment_that_has_not_left_is_cancelled_once(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    shipment = await create(carrier, order_id)

    for _ in range(2):
        cancelled = await carrier.cancel(order_id=order_id)
        assert (cancelled.id, cancelled.status) == (shipment.id, CarrierShipmentStatus.CANCELLED)

    assert await carrier_simulator.effects(order_id) == {"created": (1, 3), "cancelled": (1, 3)}


async def test_a_shipment_that_has_left_is_not_cancelled(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    shipment = await create(carrier, order_id, NEVER_DELIVERED)
    await receiver.types(order_id, 1)

    for _ in range(2):
        with pytest.raises(AlreadyDispatched) as refusal:
            await carrier.cancel(order_id=order_id)
        assert refusal.value.shipment_id == shipment.id

    assert "cancelled" not in await carrier_simulator.effects(order_id)


async def test_a_create_that_arrives_after_the_cancel_stays_cancelled(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    fence = await carrier.cancel(order_id=order_id)

    late = await create(carrier, order_id, "3011")

    assert (late.id, late.status) == (fence.id, CarrierShipmentStatus.CANCELLED)
    assert await carrier_simulator.effects(order_id) == {"cancelled": (1, 0)}


async def test_a_concurrent_create_and_cancel_leave_no_live_shipment(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    with carrier_simulator.control(latency_ms=20):
        await asyncio.gather(create(carrier, order_id), carrier.cancel(order_id=order_id))

    found = await carrier.find(order_id=order_id)

    assert found is not None
    assert found.status is CarrierShipmentStatus.CANCELLED
    assert (await carrier_simulator.effects(order_id))["cancelled"][0] == 1


async def test_a_carrier_that_does_not_run_is_unavailable(unused_tcp_port: int) -> None:
    carrier = HttpCarrier("key", f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(ProviderUnavailable) as unavailable:
        await carrier.find(order_id="order-1")

    assert unavailable.value.reason == "connection"
    await carrier.close()


async def test_a_wrong_api_key_refuses_no_shipment(carrier_simulator: SimulatorProcess) -> None:
    stranger = HttpCarrier("another key", carrier_simulator.url)

    with pytest.raises(ProviderUnavailable) as unavailable:
        await stranger.find(order_id="order-1")

    assert unavailable.value.reason == "api_key_invalid"
    await stranger.close()


async def test_every_field_of_the_address_reaches_the_carrier_as_it_was_written() -> None:
    tokyo = ShipmentAddress(
        name="山田 太郎",
        street="千代田1-1",
        city="千代田区",
        postal_code="100-0001",
        country="JP",
        line2="ハイツ 301号室",
        region="東京都",
        phone="+81312345678",
    )
    created = {"id": "shp_1", "reference": "o-1", "status": "created", "tracking_number": None}
    received: list[bytes] = []
    async with answering({"POST /v1/shipments": (201, created)}, received) as url:
        carrier = HttpCarrier("key", url)
        await carrier.create_shipment(order_id="o-1", address=tokyo, items=ITEMS)
        await carrier.close()

    (body,) = received
    assert json.loads(body)["address"] == {
        "name": "山田 太郎",
        "street": "千代田1-1",
        "city": "千代田区",
        "postal_code": "100-0001",
        "country": "JP",
        "line2": "ハイツ 301号室",
        "region": "東京都",
        "company": None,
        "phone": "+81312345678",
    }


async def test_a_cancelled_parcel_is_booked_again_under_a_reference_of_its_own(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    first = await create(carrier, order_id, NEVER_DISPATCHED)
    await carrier.cancel(order_id=order_id)

    address = ShipmentAddress("Ada", "1 Example Street", "Sampleton", NEVER_DISPATCHED, "DE")
    again = await carrier.create_shipment(
        order_id=order_id, address=address, items=ITEMS, booking=2
    )

    assert again.id != first.id
    assert (again.order_id, again.status) == (order_id, CarrierShipmentStatus.CREATED)
    assert await carrier.find(order_id=order_id, booking=2) == again
    found = await carrier.find(order_id=order_id)
    assert found is not None
    assert found.status is CarrierShipmentStatus.CANCELLED
    effects = await carrier_simulator.effects(order_id)
    assert (effects["created"][0], effects["cancelled"][0]) == (2, 1)
