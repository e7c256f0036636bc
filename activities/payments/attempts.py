"""Make, look up and void a payment's attempts at the provider, without recording them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.errors import ErrorCode, Refused
from domain.payment.state import PaymentState
from kit.bounded_gather import bounded_gather
from providers.errors import CreationRefused, ProviderRefused
from providers.payments import PaymentProvider, ProviderPayment, ProviderPaymentState

_HOLDING: Final = {ProviderPaymentState.AUTHORIZED, ProviderPaymentState.CAPTURED}
_OPEN: Final = {ProviderPaymentState.CREATED, ProviderPaymentState.PENDING}


class Attempts:
    """An attempt without a reference is searched for by its label as well as by its key.

    A provider forgets a key after a day, and the age of an attempt is unknown. Another clock
    recorded it, which may have been wrong, or the log was restored since.
    """

    def __init__(self, provider: PaymentProvider) -> None:
        self._provider = provider

    async def make(self, order_id: str, payment: PaymentState) -> ProviderPayment:
        """Make the latest attempt, after the earlier ones are void.

        Raises Refused when one of them has been captured: the order is paid.
        """
        # Void them first: the customer may still have the page of an earlier attempt open.
        if await self.free_until(order_id, payment, payment.attempt - 1) is not None:
            raise Refused(
                ErrorCode.WRONG_STATE,
                f"an earlier attempt to pay order {order_id} has been captured: refund it",
            )
        return await self._provider.authorize(
            order_id=order_id,
            attempt=payment.attempt,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
            method=payment.method,
        )

    async def look(self, order_id: str, payment: PaymentState) -> ProviderPayment:
        """Return the latest attempt at the provider; CREATED if it was never made."""
        reference = payment.references.get(payment.attempt)
        if reference is None:
            labelled = await self._provider.search(order_id=order_id, attempt=payment.attempt)
            if (started := _started(labelled)) is not None:
                return started
        return await self._find(order_id, payment, payment.attempt, reference)

    async def end_open(self, order_id: str, payment: PaymentState) -> None:
        """Void the latest attempt if the customer can still approve it; leave a hold as it is."""
        if not payment.attempt or payment.attempt in payment.refused:
            return
        try:
            latest = await self.look(order_id, payment)
        except CreationRefused:
            return  # it was never made
        if latest.state in _OPEN:
            await self.free(order_id, payment, payment.attempt, latest.reference)

    async def free_until(
        self, order_id: str, payment: PaymentState, attempt: int
    ) -> ProviderPayment | None:
        """Void all attempts up to this one; return a captured one, if there is one.

        They are voided in parallel: slow answers one after the other would exceed the activity's
        time-out.
        """

        async def free(one: int) -> ProviderPayment | None:
            return await self.free(order_id, payment, one)

        made = [one for one in range(attempt, 0, -1) if one not in payment.refused]
        freed = (await bounded_gather(made, free)).all()
        return next((captured for captured in freed if captured is not None), None)

    async def free(
        self, order_id: str, payment: PaymentState, attempt: int, reference: str | None = None
    ) -> ProviderPayment | None:
        """Make sure that the attempt holds nothing; if it was captured, return it.

        `reference` is for an answer that is not in the log.
        """
        reference = reference or payment.references.get(attempt)
        references: list[str | None] = [reference]
        if reference is None:
            labelled = await self._provider.search(order_id=order_id, attempt=attempt)
            references += [found.reference for found in labelled]

        async def void(one: str | None) -> ProviderPayment | None:
            return await self._void(order_id, payment, attempt, one)

        freed = (await bounded_gather(references, void)).all()
        return next((captured for captured in freed if captured is not None), None)

    async def _void(
        self, order_id: str, payment: PaymentState, attempt: int, reference: str | None
    ) -> ProviderPayment | None:
        try:
            await self._provider.void(
                order_id=order_id,
                attempt=attempt,
                amount=payment.amount.amount,
                currency=payment.amount.currency,
                reference=reference,
            )
        except CreationRefused:
            return None  # it was never made, and no call in flight can make it
        except ProviderRefused:
            found = await self._find(order_id, payment, attempt, reference)
            if found.state is not ProviderPaymentState.CAPTURED:
                raise
            return found
        return None

    async def _find(
        self, order_id: str, payment: PaymentState, attempt: int, reference: str | None
    ) -> ProviderPayment:
        if reference is not None:
            return await self._provider.get(reference=reference)
        return await self._provider.find(
            order_id=order_id,
            attempt=attempt,
            amount=payment.amount.amount,
            currency=payment.amount.currency,
        )


def _started(found: Sequence[ProviderPayment]) -> ProviderPayment | None:
    """Return the payment that counts, of several under one label."""
    started = [payment for payment in found if payment.state is not ProviderPaymentState.CREATED]
    return max(started, key=lambda payment: payment.state in _HOLDING, default=None)
