"""The simulator's HTTP follows docs/CARRIER.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.simulators import SimulatorProcess

SHIPMENTS = "/v1/shipments"
ADDRESS = {
    "name": "Ada",
    "street": "1 Main Street",
    "city": "Bern",
    "postal_code": "00001",
    "country": "CH",
}


def shipment(order_id: str, **change: object) -> dict[str, Any]:
    items = [{"sku": "TEA-01", "quantity": 2}]
    return {"reference": order_id, "address": ADDRESS, "items": items, **change}


async def post(http: httpx.AsyncClient, body: dict[str, Any], key: str = "") -> httpx.Response:
    return await http.post(SHIPMENTS, json=body, headers={"Idempotency-Key": key} if key else {})


async def test_a_repeated_key_returns_the_first_answer(
    carrier_http: httpx.AsyncClient, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    first = await post(carrier_http, shipment(order_id), order_id)
    again = await post(carrier_http, shipment(order_id), order_id)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert await carrier_simulator.effects(order_id) == {"created": (1, 2)}


async def test_a_reference_has_one_shipment_under_any_key(
    carrier_http: httpx.AsyncClient, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    first = await post(carrier_http, shipment(order_id), f"{order_id}/a")
    other = await post(carrier_http, shipment(order_id), f"{order_id}/b")

    assert (first.status_code, other.status_code) == (201, 200)
    assert other.json() == first.json()
    assert await carrier_simulator.effects(order_id) == {"created": (1, 2)}


async def test_another_body_under_the_same_key_is_an_error(
    carrier_http: httpx.AsyncClient, carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    await post(carrier_http, shipment(order_id), order_id)

    items = [{"sku": "TEA-01", "quantity": 9}]
    answer = await post(carrier_http, shipment(order_id, items=items), order_id)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_error")
    assert await carrier_simulator.effects(order_id) == {"created": (1, 2)}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"items": []}, "body"),
        ({"items": [{"sku": "TEA-01", "quantity": 0}]}, "items.0.quantity"),
        ({"address": {**ADDRESS, "country": "Switzerland"}}, "address.country"),
        ({"address": {**ADDRESS, "phone": "030 901820"}}, "address.phone"),
        ({"address": {**ADDRESS, "floor": "3"}}, "address.floor"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_a_wrong_body_is_refused_by_the_names_of_its_fields_only(
    carrier_http: httpx.AsyncClient,
    carrier_simulator: SimulatorProcess,
    order_id: str,
    change: dict[str, object],
    fields: str,
) -> None:
    answer = await post(carrier_http, shipment(order_id, **change))

    assert answer.status_code == 400
    message = f"Correct these fields: {fields}."
    assert answer.json()["error"]["message"] == message
    assert await carrier_simulator.effects(order_id) == {}


async def test_an_address_without_a_postal_code_is_taken(
    carrier_http: httpx.AsyncClient, order_id: str
) -> None:
    more = {"line2": None, "region": "Gaborone", "company": None, "phone": "+26771234987"}
    address = {**ADDRESS, **more, "postal_code": None, "country": "BW"}

    assert (await post(carrier_http, shipment(order_id, address=address))).status_code == 201


async def test_an_unknown_shipment_is_not_found(carrier_http: httpx.AsyncClient) -> None:
    answer = await carrier_http.get(f"{SHIPMENTS}/shp_nobody")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_a_shipment_shows_nothing_of_the_customer(
    carrier_http: httpx.AsyncClient, order_id: str
) -> None:
    answer = await post(carrier_http, shipment(order_id))

    assert set(answer.json()) == {
        "id",
        "reference",
        "status",
        "tracking_number",
        "carrier",
        "tracking_url",
    }


async def test_the_simulator_has_no_effect_of_an_unknown_order(
    carrier_simulator: SimulatorProcess, order_id: str
) -> None:
    assert await carrier_simulator.effects(order_id) == {}
