"""A file of products is loaded through the API, and again, and back."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from rich.console import Console

from demo.catalogue_file import InvalidFile, PlacedRow, Row
from demo.client import Client
from demo.load_catalogue import NotLoaded, Outcome, load
from tests.support.api_client import Api

CONSOLE = Console(file=io.StringIO())


@pytest.fixture
async def client(api: Api) -> AsyncIterator[Client]:
    bearer = api.viewer("admin").headers["authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(timeout=20) as http:
        yield Client(http, api.url, bearer)


@pytest.fixture
def sku() -> str:
    return f"cup-{uuid4()}"


def row(sku: str, price: int = 450, **changes: object) -> PlacedRow:
    facts = {"sku": sku, "name": "Cup", "price_minor_units": price, "currency": "EUR"}
    return PlacedRow("line 2", Row.model_validate(facts | changes))


async def test_a_file_that_is_loaded_again_changes_nothing(
    api: Api, client: Client, sku: str
) -> None:
    rows = [row(sku, initial_stock=7), row(f"{sku}-2")]

    first = await load(rows, client, CONSOLE)
    again = await load(rows, client, CONSOLE)

    assert first == {Outcome.LISTED: 2, Outcome.STOCKED: 1, Outcome.UNCHANGED: 0}
    assert again == {Outcome.UNCHANGED: 2}
    assert await api.events_of(sku, "product") == ["ProductListed"]
    assert await api.events_of(sku, "inventory") == ["StockReceived"]


async def test_a_price_is_changed_back_by_the_earlier_file(
    api: Api, client: Client, sku: str
) -> None:
    counts = [await load([row(sku, price)], client, CONSOLE) for price in (450, 500, 450)]

    changed = Counter({Outcome.PRICE_CHANGED: 1, Outcome.UNCHANGED: 0})
    assert counts[1:] == [changed, changed]
    stored = await api.log.store.load_events(f"product-{sku}")
    assert [event.data["price"]["amount"] for event in stored] == [450, 500, 450]


async def test_another_currency_changes_no_product_of_the_file(
    api: Api, client: Client, sku: str
) -> None:
    await load([row(sku)], client, CONSOLE)

    with pytest.raises(InvalidFile):
        await load([row(f"{sku}-2"), row(sku, currency="SEK")], client, CONSOLE)

    assert await api.events_of(f"{sku}-2", "product") == []
    assert await api.events_of(sku, "product") == ["ProductListed"]


async def test_a_customer_loads_nothing(api: Api, sku: str) -> None:
    bearer = api.viewer().headers["authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient() as http:
        with pytest.raises(Exception, match="FORBIDDEN"):
            await load([row(sku)], Client(http, api.url, bearer), CONSOLE)

    assert await api.events_of(sku, "product") == []


async def test_an_operator_who_may_not_list_is_told_which_product_failed(
    api: Api, sku: str
) -> None:
    bearer = api.viewer("operator").headers["authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(timeout=20) as http:
        with pytest.raises(NotLoaded, match=f"1 products are not loaded, the first is {sku}: "):
            await load([row(sku)], Client(http, api.url, bearer), CONSOLE)

    assert await api.events_of(sku, "product") == []
