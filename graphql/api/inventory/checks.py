"""Check what every change of a product's stock needs."""

from __future__ import annotations

from api.context import Context
from api.user_errors import UserError, bad_key, input_error
from domain.errors import ErrorCode
from domain.identifiers import is_idempotency_key, is_identifier


async def check_key_and_product(
    idempotency_key: str, sku: str, context: Context
) -> list[UserError]:
    """Return the errors of the key and of the SKU. The product may be discontinued."""
    errors = [] if is_idempotency_key(idempotency_key) else [bad_key()]
    if not is_identifier(sku) or await context.services.products.get(sku) is None:
        message = "there is no product with this SKU"
        errors.append(input_error(ErrorCode.UNKNOWN_SKU, message, "sku"))
    return errors
