from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.money import Money
from domain.product.commands import ChangePrice, DiscontinueProduct, ListProduct, ProductCommand
from domain.product.decide import PRODUCT
from domain.product.events import (
    ProductDiscontinued,
    ProductListed,
    ProductPriceChanged,
    ProductRenamed,
)
from domain.product.state import ProductState
from tests.unit.domain.specification import Specification

product = Specification(PRODUCT)

PRICE: Final = Money(amount=450, currency="EUR")
DEARER: Final = Money(amount=451, currency="EUR")
KRONOR: Final = Money(amount=450, currency="SEK")
LIST: Final = ListProduct(aggregate_id="cup", name="Cup", price=PRICE)
CHANGE: Final = ChangePrice(aggregate_id="cup", price=DEARER)
DISCONTINUE: Final = DiscontinueProduct(aggregate_id="cup")
LISTED: Final = ProductListed(sku="cup", name="Cup", price=PRICE)
RENAMED: Final = ProductRenamed(sku="cup", name="Mug")
CHANGED: Final = ProductPriceChanged(sku="cup", price=DEARER)
CHANGED_BACK: Final = ProductPriceChanged(sku="cup", price=PRICE)
DISCONTINUED: Final = ProductDiscontinued(sku="cup")


def test_a_product_is_listed() -> None:
    product.given([]).when(LIST).then([LISTED])
    assert PRODUCT.fold([LISTED]) == ProductState(name="Cup", price=PRICE)


def test_an_unchanged_product_is_not_listed_again() -> None:
    product.given([LISTED]).when(LIST).then([])


@pytest.mark.parametrize(
    ("change", "events"),
    [
        ({"name": "Mug"}, [RENAMED]),
        ({"price": DEARER}, [CHANGED]),
        ({"name": "Mug", "price": DEARER}, [RENAMED, CHANGED]),
    ],
)
def test_listing_a_product_that_is_on_sale_changes_its_name_and_price(
    change: dict[str, object], events: list[Event]
) -> None:
    product.given([LISTED]).when(LIST.model_copy(update=change)).then(events)


def test_a_price_is_changed() -> None:
    product.given([LISTED]).when(CHANGE).then([CHANGED])
    assert PRODUCT.fold([LISTED, CHANGED]) == ProductState(name="Cup", price=DEARER)


def test_the_same_price_is_no_change() -> None:
    product.given([LISTED, CHANGED]).when(CHANGE).then([])


@pytest.mark.parametrize("command", [LIST, ChangePrice(aggregate_id="cup", price=PRICE)])
def test_a_price_can_be_changed_back(command: ProductCommand) -> None:
    product.given([LISTED, CHANGED]).when(command).then([CHANGED_BACK])


@pytest.mark.parametrize("command", [CHANGE, DISCONTINUE])
def test_a_product_that_was_never_listed_is_unknown(command: ProductCommand) -> None:
    refusal = product.given([]).when(command).then_refused(ErrorCode.UNKNOWN_SKU)
    assert refusal.field == ("input", "sku")
    assert refusal.message == "there is no product cup: list it"


@pytest.mark.parametrize(
    "command",
    [
        ChangePrice(aggregate_id="cup", price=KRONOR),
        LIST.model_copy(update={"name": "Mug", "price": KRONOR}),
    ],
)
def test_the_currency_of_a_product_on_sale_is_not_changed(command: ProductCommand) -> None:
    refusal = product.given([LISTED]).when(command).then_refused(ErrorCode.CURRENCY_MISMATCH)
    assert refusal.field == ("input", "price", "currency")


def test_a_product_is_discontinued_once() -> None:
    product.given([LISTED]).when(DISCONTINUE).then([DISCONTINUED])
    product.given([LISTED, DISCONTINUED]).when(DISCONTINUE).then([])
    assert PRODUCT.fold([LISTED, DISCONTINUED]) == ProductState("Cup", PRICE, is_discontinued=True)


@pytest.mark.parametrize("price", [PRICE, DEARER])
def test_the_price_of_a_discontinued_product_is_not_changed(price: Money) -> None:
    command = ChangePrice(aggregate_id="cup", price=price)
    refusal = (
        product.given([LISTED, DISCONTINUED])
        .when(command)
        .then_refused(ErrorCode.PRODUCT_DISCONTINUED)
    )
    assert refusal.field == ("input", "sku")


@pytest.mark.parametrize("price", [PRICE, DEARER, KRONOR])
def test_a_discontinued_product_is_listed_again_at_any_price(price: Money) -> None:
    again = LIST.model_copy(update={"price": price})
    listed = LISTED.model_copy(update={"price": price})
    product.given([LISTED, DISCONTINUED]).when(again).then([listed])
    assert PRODUCT.fold([LISTED, DISCONTINUED, listed]) == ProductState("Cup", price)
