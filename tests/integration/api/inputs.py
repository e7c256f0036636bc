"""What a client sends, right in every way unless a test says otherwise."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

ADDRESS = {
    "name": "Ada Byron",
    "street": "12 Mill Lane",
    "city": "Bath",
    "postalCode": "BA1 1AA",
    "country": "GB",
}
TWO_MUGS = [{"sku": "mug", "quantity": 2}]
OUT_OF_STOCK = "vase"
"""A product of 2.50 EUR that is never in stock."""
NEVER_DISPATCHED = ADDRESS | {"postalCode": "00001"}


def an_order(**changes: object) -> dict[str, Any]:
    return {
        "idempotencyKey": str(uuid4()),
        "lines": TWO_MUGS,
        "paymentMethod": "pm_card_visa",
        "shippingAddress": ADDRESS,
    } | changes


def line(sku: str, quantity: int = 1) -> dict[str, object]:
    return {"sku": sku, "quantity": quantity}


def a_waiting_order(**changes: object) -> dict[str, Any]:
    """An order that waits for stock: its saga changes nothing until the test does."""
    return an_order(lines=[line(OUT_OF_STOCK, 2)], backorder=True) | changes
