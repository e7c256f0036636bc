"""Make orders of the benchmarks and the tests.

A benchmark's order has two of so many products that running orders rarely share one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Final

from activities.command_handler import CommandHandler, Step
from domain.ids import line_id_for, order_id_for
from domain.inventory.commands import ReceiveStock
from domain.money import Money
from domain.order.commands import PlaceOrder
from domain.order.lines import Address, OrderLine
from domain.order.price import Price
from domain.order.promises import Promises
from domain.product.commands import ListProduct
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import VISA

PRODUCTS: Final = 200
STOCK: Final = 1_000_000
CENTS: Final = 250
LINES: Final = 2

CUSTOMER: Final = "customer-1"

DAY: Final = timedelta(days=1)
PROMISES: Final = Promises(
    backorder=DAY,
    payment_window=DAY,
    dispatch=DAY,
    delivery=DAY,
    return_window=DAY,
    return_delivery=DAY,
)


async def stock_up(handler: CommandHandler) -> None:
    """List the products, and receive more stock of each than the orders need."""
    for number in range(PRODUCTS):
        await stock(handler, _sku(number))


async def stock(handler: CommandHandler, sku: str) -> None:
    price = Money(amount=CENTS, currency="EUR")
    await handler.handle(
        Step(f"stock-{sku}", "stock", sku),
        ListProduct(aggregate_id=sku, name="Thing", price=price),
        ReceiveStock(aggregate_id=sku, quantity=STOCK),
    )


def orders() -> Iterator[PlaceOrder]:
    """Yield orders without end, each of them new."""
    run = uuid.uuid4().hex
    for number in count():
        lines = [(_sku(number * LINES + line), 1) for line in range(LINES)]
        yield order_of(f"{run}-{number}", lines)


def order_of(
    key: str,
    units: Sequence[tuple[str, int]],
    method: str = VISA,
    postal_code: str = NORMAL,
    *,
    backorder: bool = False,
) -> PlaceOrder:
    """Make an order of these SKUs and quantities, each piece at the same price."""
    order_id = order_id_for(CUSTOMER, key)
    lines = tuple(
        OrderLine(id=line_id_for(order_id, index), sku=sku, name=sku, quantity=n, unit_price=CENTS)
        for index, (sku, n) in enumerate(units)
    )
    return PlaceOrder(
        aggregate_id=order_id,
        customer_id=CUSTOMER,
        lines=lines,
        price=Price.of(lines, "EUR"),
        payment_method=method,
        shipping_address=Address(
            name="Ada Lovelace",
            street="1 Example Street",
            city="Sampleton",
            postal_code=postal_code,
            country="DE",
        ),
        fingerprint=key,
        promises=PROMISES,
        backorder=backorder,
    )


def a_product() -> str:
    """Return the SKU of a product that is in stock."""
    return _sku(0)


def _sku(number: int) -> str:
    return f"sku-{number % PRODUCTS:03}"
