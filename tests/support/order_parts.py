"""Make the parts of an order."""

from __future__ import annotations

from domain.order.lines import OrderLine


def a_line(
    sku: str = "mug", quantity: int = 1, unit_price: int = 250, *, name: str | None = None
) -> OrderLine:
    """Return a line whose id is unique in an order, because each SKU is on one line only."""
    return OrderLine(
        id=f"line-of-{sku}",
        sku=sku,
        name=name or f"A {sku}",
        quantity=quantity,
        unit_price=unit_price,
    )
