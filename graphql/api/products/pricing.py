"""Change the price of a product for orders from now on."""

from __future__ import annotations

import strawberry

from api.context import Context
from api.direct_commands import command_on_product, execute_on_product
from api.idempotency import key_of
from api.products.inputs import ChangePriceInput
from api.products.prices import payable
from api.products.types import ChangePricePayload
from domain.product.commands import ChangePrice


async def change_price(change: ChangePriceInput, context: Context) -> ChangePricePayload:
    key = change.idempotency_key
    command = command_on_product(
        ChangePrice, key, change.sku, price=strawberry.asdict(change.price)
    )
    if isinstance(command, list):
        return ChangePricePayload(user_errors=command)
    return await execute_on_product(
        command,
        key_of("changePrice", change, context),
        context,
        ChangePricePayload,
        payable(command, context),
    )
