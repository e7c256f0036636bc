"""Record a receipt of stock once, even if the request is repeated."""

from __future__ import annotations

from api.context import Context, Services
from api.inventory.inputs import ReceiveStockInput
from api.inventory.types import ReceiveStockPayload
from api.lost import check_is_recorded
from api.products.types import Product
from api.scalars import Position
from api.user_errors import UserError, bad_key, input_error
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_identifier
from domain.inventory.commands import MAX_RECEIPT, ReceiveStock


async def receive_stock(receipt: ReceiveStockInput, context: Context) -> ReceiveStockPayload:
    services = context.services
    if errors := await _check(receipt, services):
        return ReceiveStockPayload(user_errors=errors)
    try:
        position = await services.orchestrator.execute(
            ReceiveStock(aggregate_id=receipt.sku, quantity=receipt.quantity),
            idempotency_key=receipt.idempotency_key,
            actor=context.viewer.actor,
        )
        await check_is_recorded(position, services)
    except Refused as refused:
        return ReceiveStockPayload(user_errors=[UserError.of(refused)])
    product = await services.products.get(receipt.sku)
    return ReceiveStockPayload(
        product=None if product is None else Product.of(product), position=Position(position)
    )


async def _check(receipt: ReceiveStockInput, services: Services) -> list[UserError]:
    errors = []
    if not is_identifier(receipt.idempotency_key):
        errors.append(bad_key())
    if not 1 <= receipt.quantity <= MAX_RECEIPT:
        message = f"a quantity is from 1 to {MAX_RECEIPT}"
        errors.append(input_error(ErrorCode.INVALID_QUANTITY, message, "quantity"))
    if not is_identifier(receipt.sku) or await services.products.get(receipt.sku) is None:
        message = "there is no product with this SKU"
        errors.append(input_error(ErrorCode.UNKNOWN_SKU, message, "sku"))
    return errors
