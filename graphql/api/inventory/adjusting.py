"""Correct the stock of a product once, even if the request is repeated."""

from __future__ import annotations

from api.context import Context
from api.direct_commands import execute
from api.idempotency import key_of
from api.inventory.checks import check_key_and_product
from api.inventory.inputs import AdjustStockInput
from api.inventory.types import AdjustStockPayload, Stock
from api.user_errors import UserError, input_error
from domain.errors import ErrorCode
from domain.inventory.commands import MAX_RECEIPT, AdjustStock, is_possible


async def adjust_stock(adjustment: AdjustStockInput, context: Context) -> AdjustStockPayload:
    sku = adjustment.sku
    errors = await check_key_and_product(adjustment.idempotency_key, sku, context)
    if errors := [*errors, *_check_difference(adjustment)]:
        return AdjustStockPayload(user_errors=errors)
    command = AdjustStock(
        aggregate_id=sku, difference=adjustment.difference, reason=adjustment.reason
    )
    key = key_of("adjustStock", adjustment, context)
    answer = await execute(command, key, context, AdjustStockPayload)
    if not answer.user_errors:
        answer.stock = Stock.of_any(await context.services.stock.get(sku))
    return answer


def _check_difference(adjustment: AdjustStockInput) -> list[UserError]:
    difference, reason = adjustment.difference, adjustment.reason
    if abs(difference) > MAX_RECEIPT:
        message = f"a difference is from -{MAX_RECEIPT} to {MAX_RECEIPT}"
    elif difference == 0:
        message = "a difference of 0 changes nothing"
    elif not is_possible(reason, difference):
        sign = "negative" if difference > 0 else "positive"
        message = f"{reason} takes a {sign} difference"
    else:
        return []
    return [input_error(ErrorCode.INVALID_QUANTITY, message, "difference")]
