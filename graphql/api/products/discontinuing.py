"""Stop the sale of a product; orders that were placed before continue."""

from __future__ import annotations

from api.context import Context
from api.direct_commands import command_on_product, execute_on_product
from api.idempotency import key_of
from api.products.inputs import DiscontinueProductInput
from api.products.types import DiscontinueProductPayload
from domain.product.commands import DiscontinueProduct


async def discontinue_product(
    request: DiscontinueProductInput, context: Context
) -> DiscontinueProductPayload:
    key = request.idempotency_key
    command = command_on_product(DiscontinueProduct, key, request.sku)
    if isinstance(command, list):
        return DiscontinueProductPayload(user_errors=command)
    return await execute_on_product(
        command, key_of("discontinueProduct", request, context), context, DiscontinueProductPayload
    )
