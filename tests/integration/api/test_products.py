"""Each viewer sees a different part of the stock."""

from __future__ import annotations

import pytest

from settings import Settings
from tests.support.api_client import Api, Json


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_stock_limit": 3})


async def a_spoon(api: Api, on_hand: int) -> Json:
    sku = f"spoon-{on_hand}"
    await api.log.list_product(sku, name="Spoon", price=90)
    if on_hand:
        await api.log.receive(sku, on_hand)
    return {
        "sku": sku,
        "name": "Spoon",
        "price": {"amount": 90, "currency": "EUR"},
        "discontinued": False,
    }


@pytest.mark.parametrize(("on_hand", "shown"), [(0, 0), (1, 1), (3, 3), (4, 3), (5000, 3)])
async def test_customers_see_the_stock_up_to_a_limit_and_staff_all_of_it(
    api: Api, on_hand: int, shown: int
) -> None:
    ada, spoon = api.viewer(), await a_spoon(api, on_hand)

    assert await ada.run("Product", sku=spoon["sku"]) == {**spoon, "available": shown}
    listed = (await ada.run("Products", first=100))["edges"]
    assert {**spoon, "available": shown} in [edge["node"] for edge in listed]
    for role in ("operator", "admin"):
        seen = await api.viewer(role).run("Product", sku=spoon["sku"])
        assert seen == {**spoon, "available": on_hand}


def test_the_limit_is_ten_where_it_is_not_set() -> None:
    assert Settings.model_fields["public_stock_limit"].default == 10
