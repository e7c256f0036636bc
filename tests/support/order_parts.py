"""Make the parts of an order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.order.lines import OrderLine
from domain.order.promises import Promises

PLACED_AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
PROMISES: Final = Promises(
    backorder=timedelta(days=1),
    payment_window=timedelta(minutes=15),
    dispatch=timedelta(days=2),
    delivery=timedelta(days=5),
    return_window=timedelta(days=14),
    return_delivery=timedelta(days=30),
)


def a_line(  # noqa: PLR0913 - the fields of a line
    sku: str = "mug",
    quantity: int = 1,
    unit_price: int = 250,
    *,
    name: str | None = None,
    discount: int = 0,
    tax: int = 0,
) -> OrderLine:
    """Return a line whose id is unique in an order, because each SKU is on one line only."""
    return OrderLine(
        id=f"line-of-{sku}",
        sku=sku,
        name=name or f"A {sku}",
        quantity=quantity,
        unit_price=unit_price,
        discount=discount,
        tax=tax,
    )
