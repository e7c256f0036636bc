"""Money given back at the provider, once, however often that is tried."""

from __future__ import annotations

from http import HTTPStatus

from activities.command_handler import CommandHandler
from domain.saga.decide import SAGA
from providers.errors import ProviderRefused
from providers.payments import PaymentProvider


class Refunds:
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider

    async def give(self, order_id: str, step: str, reference: str, due: int) -> None:
        """See that `due` has been given back in all, by whomever.

        A provider repeats its first answer to a key for a day: a refusal long after its cause is
        gone, a success after the refund has failed at the bank. So each decision on the parked
        step makes another key, and the books, read after it, tell what came of the keys before.
        Attempts at the same time know the same facts: they make the same key. Raises
        ProviderRefused when the provider says yes and its books say no.
        """
        intervention_counts = (await self._handler.load(SAGA, order_id)).intervention_counts.get(
            step, 0
        )
        books = await self._provider.get(reference=reference)
        if books.refunded >= due:
            return
        books = await self._provider.refund(
            reference=reference,
            amount=due - books.refunded,
            key=f"{order_id}/{step}/{intervention_counts}/{books.refunded}",
        )
        if books.refunded < due:
            raise ProviderRefused("payments", "refund", "refund_failed", HTTPStatus.OK)
