"""A pricing that is at fault places no order, and names the part that does not add up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from api.orders.pricing import priced, standard_pricing
from domain.order.lines import OrderLine
from domain.order.price import Price
from domain.order.pricing import PricedOrder
from settings import Settings
from tests.support.order_parts import a_line

LINES: Final = (a_line(sku="cup", quantity=2, unit_price=450),)


class Faulty:
    """A pricing that forgets to give the lines their share of the tax."""

    def price(
        self,
        lines: Sequence[OrderLine],
        currency: str,
        discount_code: str | None = None,  # noqa: ARG002 - of the protocol
    ) -> PricedOrder:
        return PricedOrder(tuple(lines), Price(currency=currency, lines=900, tax=171, total=1_071))


def test_parts_that_do_not_add_up_are_an_error_of_the_price() -> None:
    result = priced(Faulty(), LINES, "EUR", None)
    assert not isinstance(result, PricedOrder)
    [error] = result
    assert (error.code, error.field) == ("PRICE_MISMATCH", ["price", "tax"])
    assert error.message == (
        "the price has tax 171, and its parts add up to 0: correct the pricing"
    )


def test_the_settings_are_the_rules_of_the_standard_pricing() -> None:
    settings = Settings(
        _env_file=None,
        shipping_price={"EUR": 490},
        free_shipping_from={"EUR": 5_000},
        tax_percent=Decimal(19),
        discount_codes={"WELCOME": Decimal(10)},
    )
    result = priced(standard_pricing(settings), LINES, "EUR", "WELCOME")
    assert isinstance(result, PricedOrder)
    assert result.price == Price(
        currency="EUR",
        lines=900,
        discount=90,
        shipping=490,
        tax=247,
        shipping_tax=93,
        total=1_547,
    )
