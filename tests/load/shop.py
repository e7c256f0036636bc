"""Prepare a shop for the load: products, more stock than is bought, and the customers' tokens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from demo.client import Client, Failed
from providers.http import pooled_client
from stack.tokens import Role, token

PRODUCTS: Final = 50
"""So many that orders rarely wait for each other at the stock of one product."""
CUSTOMERS: Final = 200
STOCK: Final = 1_000_000
CENTS: Final = 1290
ALREADY_LISTED: Final = "PRODUCT_ALREADY_LISTED"


async def prepare(url: str, secret: str) -> Sequence[str]:
    """List new products with stock; return their SKUs. Raises demo.client.Failed."""
    async with pooled_client() as http:
        admin = Client(http, url, token(secret, Role.ADMIN, "load"))
        run = uuid.uuid4().hex[:8]
        skus = [f"LOAD-{run}-{number:02}" for number in range(PRODUCTS)]
        await asyncio.gather(*(_stock(admin, sku) for sku in skus))
    return skus


def customers(secret: str) -> Sequence[str]:
    return [token(secret, Role.CUSTOMER, f"load-{number}") for number in range(CUSTOMERS)]


async def _stock(admin: Client, sku: str) -> None:
    price = {"amount": CENTS, "currency": "EUR"}
    await admin.change(
        "ListProduct", idempotencyKey=f"list-{sku}", sku=sku, name="Load", price=price
    )
    await admin.change("ReceiveStock", idempotencyKey=f"stock-{sku}", sku=sku, quantity=STOCK)


__all__ = ["Failed", "customers", "prepare"]
