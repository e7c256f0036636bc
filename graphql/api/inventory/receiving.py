"""Record a receipt of stock once, even if the request is repeated."""

from __future__ import annotations

from api.context import Context
from api.direct_commands import execute_on_product
from api.idempotency import key_of
from api.inventory.checks import check_key_and_product
from api.inventory.inputs import ReceiveStockInput
from api.inventory.types import ReceiveStockPayload
from api.user_errors import input_error
from domain.errors import ErrorCode
from domain.inventory.commands import MAX_RECEIPT, ReceiveStock


async def receive_stock(receipt: ReceiveStockInput, context: Context) -> ReceiveStockPayload:
    errors = await check_key_and_product(receipt.idempotency_key, receipt.sku, context)
    if not 1 <= receipt.quantity <= MAX_RECEIPT:
        message = f"a quantity is from 1 to {MAX_RECEIPT}"
        errors.append(input_error(ErrorCode.INVALID_QUANTITY, message, "quantity"))
    if errors:
        return ReceiveStockPayload(user_errors=errors)
    command = ReceiveStock(aggregate_id=receipt.sku, quantity=receipt.quantity)
    key = key_of("receiveStock", receipt, context)
    return await execute_on_product(command, key, context, ReceiveStockPayload)
