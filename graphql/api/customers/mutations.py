from __future__ import annotations

import strawberry

from api.context import Info
from api.customers.erasing import erase_customer
from api.customers.inputs import EraseCustomerInput
from api.customers.types import EraseCustomerPayload


@strawberry.type
class CustomerMutation:
    @strawberry.mutation(
        description="For admins: make the customer's personal data permanently unreadable. Refused "
        "while the customer has an open order."
    )
    async def erase_customer(self, info: Info, input: EraseCustomerInput) -> EraseCustomerPayload:  # noqa: A002 - its name in the contract
        return await erase_customer(input, info.context)
