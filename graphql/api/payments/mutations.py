from __future__ import annotations

import strawberry

from api.context import Info
from api.payments.inputs import RetryPaymentInput
from api.payments.retrying import retry_payment
from api.payments.types import RetryPaymentPayload


@strawberry.type
class PaymentMutation:
    @strawberry.mutation(description="Try another payment method while the payment window is open.")
    async def retry_payment(self, info: Info, input: RetryPaymentInput) -> RetryPaymentPayload:  # noqa: A002 - its name in the contract
        return await retry_payment(input, info.context)
