"""Record that the provider refused to create a payment, and try once it creates again.

The record is what the undo goes by: it asks the provider nothing of an attempt that never existed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from activities.payments.record import PaymentRecord
from activities.types.payment import AuthorizeInput
from domain.errors import ErrorCode, Refused
from domain.order.state import CANCELLABLE
from domain.payment.state import PaymentState
from providers.errors import CreationDenied, CreationRefused
from providers.payments import PaymentProvider


class Creation:
    def __init__(self, record: PaymentRecord, provider: PaymentProvider) -> None:
        self._record = record
        self._provider = provider

    @asynccontextmanager
    async def recorded(
        self, order_id: str, attempt: int, *, is_first: bool = False
    ) -> AsyncIterator[None]:
        """Record a refusal to create this attempt, and raise it again.

        A provider that refuses the request would have answered with the payment, had an earlier
        call made it under the same key. One that denies the API key says nothing of earlier calls:
        so that is recorded only where `is_first` says that there were none.
        """
        try:
            yield
        except CreationRefused as refused:
            await self._record.refusal(order_id, attempt, refused.code)
            raise
        except CreationDenied as denied:
            if is_first:
                await self._record.refusal(order_id, attempt, denied.reason)
            raise

    async def renewed(self, order_id: str, payment: PaymentState) -> PaymentState:
        """Return the payment with an attempt after the refused one, which the provider has created.

        Creating holds nothing, so the provider is asked before the attempt is in the log: while it
        refuses, the log does not change. Raises Refused when the order is not to be paid.
        """
        order = await self._record.order(order_id)
        if order.status not in CANCELLABLE:
            raise Refused(
                ErrorCode.WRONG_STATE, f"order {order_id} is {order.status}: it must not be paid"
            )
        attempt, amount = payment.attempt + 1, payment.amount
        await self._provider.find(
            order_id=order_id, attempt=attempt, amount=amount.amount, currency=amount.currency
        )
        authorize = AuthorizeInput(order_id, attempt, method=payment.method)
        await self._record.request(authorize, order)
        return await self._record.load(order_id)
