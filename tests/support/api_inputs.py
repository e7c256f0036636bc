"""Valid inputs of clients, which tests change where they need to."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from providers.carrier_simulator.routes import NEVER_DISPATCHED
from providers.payment_simulator.methods import VISA

ADDRESS = {
    "name": "Ada Byron",
    "street": "12 Mill Lane",
    "city": "Bath",
    "postalCode": "BA1 1AA",
    "country": "GB",
}
TWO_MUGS = [{"sku": "mug", "quantity": 2}]
OUT_OF_STOCK = "vase"
"""A product at 2.50 EUR that is never in stock."""
UNCOLLECTED_ADDRESS = ADDRESS | {"postalCode": NEVER_DISPATCHED, "country": "DE"}
CONTACT = {
    "email": "ada@byron.example.org",
    "phone": "+442079460958",
    "locale": "en-GB",
    "timeZone": "Europe/London",
}


def an_order(**changes: object) -> dict[str, Any]:
    return {
        "idempotencyKey": str(uuid4()),
        "lines": TWO_MUGS,
        "paymentMethod": VISA,
        "shippingAddress": ADDRESS,
    } | changes


def line(sku: str, quantity: int = 1) -> dict[str, object]:
    return {"sku": sku, "quantity": quantity}


def a_waiting_order(**changes: object) -> dict[str, Any]:
    """Return an order that waits for stock: its saga changes nothing until the test does."""
    return an_order(lines=[line(OUT_OF_STOCK, 2)], backorder=True) | changes


def entry(key: str, value: str = "x") -> dict[str, str]:
    """Return an entry of an order's metadata."""
    return {"key": key, "value": value}
