from __future__ import annotations

import strawberry

from api.context import Info, Services
from api.inventory.inputs import ReceiveStockInput
from api.inventory.types import ReceiveStockPayload
from api.lost import check_is_recorded
from api.products.types import Product
from api.scalars import Position
from api.user_errors import UserError, bad_key, input_error
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_identifier
from domain.inventory.commands import MAX_RECEIPT, ReceiveStock


@strawberry.type
class StockMutation:
    @strawberry.mutation(description="For operators: goods have come in.")
    async def receive_stock(self, info: Info, input: ReceiveStockInput) -> ReceiveStockPayload:  # noqa: A002 - its name in the contract
        try:
            return await _receive(input, info.context.viewer.actor, info.context.services)
        except Refused as refused:
            return ReceiveStockPayload(user_errors=[UserError.of(refused)])


async def _receive(
    receipt: ReceiveStockInput, actor: str, services: Services
) -> ReceiveStockPayload:
    if errors := await _check(receipt, services):
        return ReceiveStockPayload(user_errors=errors)
    command = ReceiveStock(aggregate_id=receipt.sku, quantity=receipt.quantity)
    position = await services.orchestrator.execute(
        command, idempotency_key=receipt.idempotency_key, actor=actor
    )
    await check_is_recorded(position, services)
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
        message = "there is no product of this SKU"
        errors.append(input_error(ErrorCode.UNKNOWN_SKU, message, "sku"))
    return errors
