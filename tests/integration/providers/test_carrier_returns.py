"""Create and cancel returns, over HTTP to the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from providers.carrier import CarrierReturn, ReturnStatus, ShipmentAddress, ShipmentItem
from providers.carrier_simulator.routes import NEVER_COMES_BACK, NEVER_DELIVERED
from providers.errors import ProviderRefused, ProviderUnavailable
from providers.http_carrier import HttpCarrier

if TYPE_CHECKING:
    import httpx

    from tests.support.simulators import Receiver, SimulatorProcess

SENT = [ShipmentItem("TEA-01", 2), ShipmentItem("CUP-01", 1)]
BACK = [ShipmentItem("TEA-01", 1)]


async def deliver(
    carrier: HttpCarrier, receiver: Receiver, order_id: str, postal_code: str = "3011"
) -> None:
    address = ShipmentAddress("Ada", "1 Main Street", "Bern", postal_code, "CH")
    await carrier.create_shipment(order_id=order_id, address=address, items=SENT)
    await receiver.types(order_id, 2)


async def test_the_carrier_creates_one_return_for_an_order(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    await deliver(carrier, receiver, order_id)

    first = await carrier.create_return(order_id=order_id, items=BACK)
    assert await receiver.types(order_id, 1) == {"return.returned"}
    again = await carrier.create_return(order_id=order_id, items=BACK)

    assert first == CarrierReturn(first.id, order_id, ReturnStatus.REQUESTED)
    assert again == CarrierReturn(first.id, order_id, ReturnStatus.RETURNED)
    assert await carrier.find_return(order_id=order_id) == again
    effects = await carrier_simulator.effects(order_id)
    assert (effects["return_requested"], effects["returned"]) == ((1, 1), (1, 1))


async def test_a_second_return_request_is_refused(
    carrier_http: httpx.AsyncClient, carrier: HttpCarrier, receiver: Receiver, order_id: str
) -> None:
    await deliver(carrier, receiver, order_id)
    first = await carrier.create_return(order_id=order_id, items=BACK)

    items = [{"sku": "CUP-01", "quantity": 1}]
    other = await carrier_http.post("/v1/returns", json={"reference": order_id, "items": items})

    assert (other.status_code, other.json()["id"]) == (200, first.id)


async def test_goods_may_never_come_back(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, receiver: Receiver, order_id: str
) -> None:
    await deliver(carrier, receiver, order_id, NEVER_COMES_BACK)

    await carrier.create_return(order_id=order_id, items=BACK)

    found = await carrier.find_return(order_id=order_id)
    assert found is not None
    assert found.status is ReturnStatus.REQUESTED
    assert "returned" not in await carrier_simulator.effects(order_id)


async def test_an_order_without_a_return_has_none(carrier: HttpCarrier, order_id: str) -> None:
    assert await carrier.find_return(order_id=order_id) is None


async def test_undelivered_goods_are_not_returned(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    address = ShipmentAddress("Ada", "1 Main Street", "Bern", NEVER_DELIVERED, "CH")
    await carrier.create_shipment(order_id=order_id, address=address, items=SENT)

    with pytest.raises(ProviderRefused) as refusal:
        await carrier.create_return(order_id=order_id, items=BACK)

    assert (refusal.value.code, refusal.value.status) == ("not_delivered", 409)
    assert "return_requested" not in await carrier_simulator.effects(order_id)


@pytest.mark.parametrize(
    ("operation", "how"), [("return", "refuse"), ("return", "down"), ("look", "down")]
)
async def test_a_return_can_fail_for_a_single_order(
    carrier: HttpCarrier,
    carrier_simulator: SimulatorProcess,
    receiver: Receiver,
    operation: str,
    how: str,
) -> None:
    order_id, other = f"order-{uuid4()}", f"order-{uuid4()}"
    for each in (order_id, other):
        await deliver(carrier, receiver, each)

    async def return_it(of: str) -> None:
        await carrier.create_return(order_id=of, items=BACK)
        await carrier.find_return(order_id=of)

    with carrier_simulator.failing(order_id, operation, how):
        with pytest.raises(ProviderRefused if how == "refuse" else ProviderUnavailable):
            await return_it(order_id)
        await return_it(other)
    await return_it(order_id)

    assert (await carrier_simulator.effects(order_id))["return_requested"] == (1, 1)


@pytest.mark.parametrize("how", ["refuse", "down"])
async def test_a_cancellation_can_be_made_to_fail_also_where_there_is_no_shipment(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess, order_id: str, how: str
) -> None:
    with (
        carrier_simulator.failing(order_id, "cancel", how),
        pytest.raises((ProviderRefused, ProviderUnavailable)),
    ):
        await carrier.cancel(order_id=order_id)

    assert await carrier_simulator.effects(order_id) == {}


async def test_a_return_of_nothing_is_refused(
    carrier_http: httpx.AsyncClient, order_id: str
) -> None:
    answer = await carrier_http.post("/v1/returns", json={"reference": order_id, "items": []})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Correct these fields: items."
