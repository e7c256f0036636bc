"""Refund money at the provider, once, however often that is tried."""

from __future__ import annotations

from http import HTTPStatus

from activities.command_handler import CommandHandler
from domain.saga.decide import SAGA
from providers import idempotency_keys
from providers.errors import ProviderRefused
from providers.payments import PaymentProvider


class Refunds:
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider

    async def give(self, order_id: str, step: str, reference: str, due: int) -> None:
        """Refund until `due` has been refunded in total, whether by this call or an earlier one.

        A provider repeats its first answer to a key for a day. It repeats a refusal long after the
        cause is gone, and a success after the refund has failed at the bank. So each intervention
        on the parked step makes a new key. The provider's record, which this method reads first,
        includes the refunds made under earlier keys. Concurrent attempts know the same facts and so
        make the same key. Raises ProviderRefused when the provider accepts the refund but its
        record does not show it.
        """
        intervention_counts = (await self._handler.load(SAGA, order_id)).intervention_counts.get(
            step, 0
        )
        recorded = await self._provider.get(reference=reference)
        if recorded.refunded >= due:
            return
        recorded = await self._provider.refund(
            reference=reference,
            amount=due - recorded.refunded,
            currency=recorded.currency,
            key=idempotency_keys.refund(order_id, step, intervention_counts, recorded.refunded),
        )
        if recorded.refunded < due:
            raise ProviderRefused("payments", "refund", "refund_failed", HTTPStatus.OK)
