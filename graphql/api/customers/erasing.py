"""Erase a customer's personal data, or refuse while the customer has an open order."""

from __future__ import annotations

from api.context import Context, Services
from api.customers.inputs import EraseCustomerInput
from api.customers.types import EraseCustomerPayload
from api.direct_commands import execute
from api.idempotency import key_of
from api.user_errors import UserError, bad_key, input_error
from domain.customer.commands import EraseCustomer
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_idempotency_key, is_identifier


async def erase_customer(erasure: EraseCustomerInput, context: Context) -> EraseCustomerPayload:
    if errors := _check(erasure):
        return EraseCustomerPayload(user_errors=errors)
    command = EraseCustomer(aggregate_id=erasure.customer_id, reason=erasure.reason)

    async def has_ended() -> None:
        await _check_orders(erasure.customer_id, context.services)

    key = key_of("eraseCustomer", erasure, context)
    return await execute(command, key, context, EraseCustomerPayload, has_ended)


def _check(erasure: EraseCustomerInput) -> list[UserError]:
    errors = []
    if not is_idempotency_key(erasure.idempotency_key):
        errors.append(bad_key())
    if not is_identifier(erasure.customer_id):
        message = (
            "a customer's id is 1 to 100 letters, digits, dots, underscores, colons and dashes, and"
            " begins with a letter or a digit"
        )
        errors.append(input_error(ErrorCode.INVALID_INPUT, message, "customerId"))
    return errors


async def _check_orders(customer_id: str, services: Services) -> None:
    """Raise Refused while the customer has an open order.

    This check may miss an order that is placed concurrently. The erasure still takes effect: the
    saga can no longer read the order's address, and cancels the order.
    """
    if await services.orders.has_open(customer_id):
        message = "an order of this customer is open: cancel it, or wait until it is completed"
        code = ErrorCode.CUSTOMER_HAS_OPEN_ORDERS
        raise Refused(code, message, ("input", "customerId"))
