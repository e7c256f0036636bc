"""The answer of `placeOrder`, and what the order shows."""

from __future__ import annotations

import pytest

from domain.ids import line_id_for, order_id_for
from tests.support.api_client import Api, Viewer
from tests.support.api_inputs import (
    OUT_OF_STOCK,
    a_waiting_order,
    entry,
    line,
)

NO_PARTS = {"discount": {"amount": 0}, "tax": {"amount": 0}}


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def test_a_placed_order_is_answered_with_the_catalogues_prices(api: Api, ada: Viewer) -> None:
    order = a_waiting_order(lines=[line("mug", 2), line("pot"), line(OUT_OF_STOCK)])

    payload = await ada.run("PlaceOrder", input=order)

    assert payload["userErrors"] == []
    placed = payload["order"]
    assert placed["id"] == order_id_for(ada.sub, order["idempotencyKey"])
    assert (placed["status"], placed["total"]) == ("PLACED", {"amount": 1749, "currency": "EUR"})
    first, second, third = (line_id_for(placed["id"], index) for index in range(3))
    assert placed["lines"] == [
        {"id": id_, "sku": sku, "name": name, "quantity": n, "total": {"amount": total}, **NO_PARTS}
        for id_, sku, name, n, total in (
            (first, "mug", "Mug", 2, 500),
            (second, "pot", "Pot", 1, 999),
            (third, "vase", "Vase", 1, 250),
        )
    ]
    assert payload["position"] == placed["position"]
    assert await api.events_of(placed["id"]) == ["OrderCreated"]
    assert await api.actors_of(f"order-{placed['id']}") == [f"customer:{ada.sub}"]
    assert api.temporal.workflow_ids == [f"order-{placed['id']}"]


async def test_an_order_keeps_the_shops_reference_and_metadata(api: Api, ada: Viewer) -> None:
    metadata = [entry("till", "4"), entry("channel", " Läden "), entry("empty", "")]
    order = a_waiting_order(reference=" PO 7 ", metadata=metadata)

    placed = (await ada.run("PlaceOrder", input=order))["order"]

    assert placed["reference"] == "PO 7"
    assert placed["metadata"] == [metadata[1], metadata[2], metadata[0]]
    (created,) = await api.log.store.load_events(f"order-{placed['id']}")
    assert created.data["reference"] == "PO 7"
    assert created.data["metadata"] == {"till": "4", "channel": " Läden ", "empty": ""}


async def test_an_order_shows_what_it_was_promised(api: Api, ada: Viewer) -> None:
    payload = await ada.run("PlaceOrder", input=a_waiting_order())

    assert payload["order"]["promises"] == {
        "paymentWindow": "PT5M",
        "dispatch": "PT5M",
        "delivery": "PT5M",
        "returnWindow": "PT5M",
    }
    (created,) = await api.log.store.load_events(f"order-{payload['order']['id']}")
    assert created.data["promises"] == {
        "backorder": "PT5M",
        "payment_window": "PT5M",
        "dispatch": "PT5M",
        "delivery": "PT5M",
        "return_window": "PT5M",
        "return_delivery": "PT5M",
    }


async def test_a_renamed_product_changes_no_order(api: Api, ada: Viewer) -> None:
    placed = (await ada.run("PlaceOrder", input=a_waiting_order()))["order"]

    await api.log.list_product(OUT_OF_STOCK, name="Amphora", price=250)
    seen = await ada.run("Order", id=placed["id"])
    later = (await ada.run("PlaceOrder", input=a_waiting_order()))["order"]
    await api.log.list_product(OUT_OF_STOCK, name="Vase", price=250)

    assert [line["name"] for line in placed["lines"]] == ["Vase"]
    assert {name: seen[name] for name in placed} == placed
    assert [line["name"] for line in later["lines"]] == ["Amphora"]
