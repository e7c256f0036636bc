"""Offer a product for sale, also one that was discontinued, or change one that is on sale."""

from __future__ import annotations

import strawberry

from api.context import Context
from api.direct_commands import command_on_product, execute_on_product
from api.idempotency import key_of
from api.products.inputs import ListProductInput
from api.products.prices import payable
from api.products.types import ListProductPayload
from domain.product.commands import ListProduct


async def list_product(listing: ListProductInput, context: Context) -> ListProductPayload:
    key = listing.idempotency_key
    command = command_on_product(
        ListProduct, key, listing.sku, name=listing.name, price=strawberry.asdict(listing.price)
    )
    if isinstance(command, list):
        return ListProductPayload(user_errors=command)
    return await execute_on_product(
        command,
        key_of("listProduct", listing, context),
        context,
        ListProductPayload,
        payable(command, context),
    )
