from __future__ import annotations

import strawberry

from api.context import Info, Services
from api.customers.inputs import EraseCustomerInput
from api.customers.types import EraseCustomerPayload
from api.lost import check_is_recorded
from api.scalars import Position
from api.user_errors import UserError, bad_key, input_error
from domain.customer.commands import EraseCustomer
from domain.errors import ErrorCode, Refused
from domain.identifiers import is_identifier


@strawberry.type
class CustomerMutation:
    @strawberry.mutation(
        description="For admins: makes the customer's personal data unreadable for good. Refused "
        "while an order of theirs is open."
    )
    async def erase_customer(self, info: Info, input: EraseCustomerInput) -> EraseCustomerPayload:  # noqa: A002 - its name in the contract
        try:
            return await _erase(input, info.context.viewer.actor, info.context.services)
        except Refused as refused:
            return EraseCustomerPayload(user_errors=[UserError.of(refused)])


async def _erase(
    erasure: EraseCustomerInput, actor: str, services: Services
) -> EraseCustomerPayload:
    if errors := await _check(erasure, services):
        return EraseCustomerPayload(user_errors=errors)
    command = EraseCustomer(aggregate_id=erasure.customer_id, reason=erasure.reason)
    position = await services.orchestrator.execute(
        command, idempotency_key=erasure.idempotency_key, actor=actor
    )
    await check_is_recorded(position, services)
    return EraseCustomerPayload(position=Position(position))


async def _check(erasure: EraseCustomerInput, services: Services) -> list[UserError]:
    errors = []
    if not is_identifier(erasure.idempotency_key):
        errors.append(bad_key())
    if not is_identifier(erasure.customer_id):
        message = "a customer's id is 1 to 100 letters, digits, dots, underscores, colons, dashes"
        errors.append(input_error(ErrorCode.INVALID_INPUT, message, "customerId"))
    # An order placed at this very moment may slip through. Nobody can then read where to send it,
    # and it is cancelled: the erasure has the last word.
    elif await services.orders.has_open(erasure.customer_id):
        message = "an order of this customer is open: cancel it, or wait until it is completed"
        errors.append(input_error(ErrorCode.CUSTOMER_HAS_OPEN_ORDERS, message, "customerId"))
    return errors
