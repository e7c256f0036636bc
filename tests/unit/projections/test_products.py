from __future__ import annotations

from typing import Final

from domain.money import Money
from domain.product import events as e
from projections.products import PRODUCTS
from projections.tables import product_view
from tests.support.projections import given

LISTED: Final = e.ProductListed(sku="cup", name="Cup", price=Money(amount=450, currency="EUR"))
DISCONTINUED: Final = e.ProductDiscontinued(sku="cup")
ROW: Final = {"sku": "cup", "name": "Cup", "currency": "EUR", "price": 450, "discontinued": False}


def test_a_product_is_listed() -> None:
    given(PRODUCTS, [LISTED]).then({product_view: [ROW | {"position": 1}]})


def test_a_product_has_its_newest_name_and_price() -> None:
    renamed = e.ProductRenamed(sku="cup", name="Mug")
    changed = e.ProductPriceChanged(sku="cup", price=Money(amount=5, currency="USD"))
    row = ROW | {"name": "Mug", "currency": "USD", "price": 5, "position": 3}
    given(PRODUCTS, [LISTED, renamed, changed]).then({product_view: [row]})


def test_a_product_that_is_listed_again_is_no_longer_discontinued() -> None:
    given(PRODUCTS, [LISTED, DISCONTINUED]).then({product_view: [ROW | {"discontinued": True}]})
    given(PRODUCTS, [LISTED, DISCONTINUED, LISTED]).then({product_view: [ROW]})
