from __future__ import annotations

from typing import Final

import pytest

from domain.money import Money
from domain.product.commands import ListProduct
from domain.product.decide import PRODUCT
from domain.product.events import ProductListed
from domain.product.state import ProductState
from tests.unit.domain.specification import Specification

product = Specification(PRODUCT)

PRICE: Final = Money(amount=450, currency="EUR")
LIST: Final = ListProduct(aggregate_id="cup", name="Cup", price=PRICE)
LISTED: Final = ProductListed(sku="cup", name="Cup", price=PRICE)


def test_a_product_is_listed() -> None:
    product.given([]).when(LIST).then([LISTED])
    assert PRODUCT.fold([LISTED]) == ProductState(name="Cup", price=PRICE)


def test_an_unchanged_product_is_not_listed_again() -> None:
    product.given([LISTED]).when(LIST).then([])


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Mug"},
        {"price": Money(amount=451, currency="EUR")},
        {"price": Money(amount=450, currency="SEK")},
    ],
)
def test_a_changed_name_or_price_is_listed(change: dict[str, object]) -> None:
    product.given([LISTED]).when(LIST.model_copy(update=change)).then(
        [LISTED.model_copy(update=change)]
    )


def test_a_product_can_come_back_to_an_earlier_price() -> None:
    dearer = LISTED.model_copy(update={"price": Money(amount=451, currency="EUR")})
    product.given([LISTED, dearer]).when(LIST).then([LISTED])
