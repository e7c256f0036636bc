"""Find the disputes that the provider knows of and the log does not: their webhooks were lost.

A dispute comes up to months after its order has ended, when no comparison reads the order again. So
the provider is asked for its new disputes, and again for those that are open in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from activities.aftercare.bank import is_recorded
from activities.command_handler import CommandHandler
from domain.payment.decide import PAYMENT
from domain.provider_notifications import PaymentNotification, PaymentNotificationKind
from kit.bounded_gather import bounded_gather
from kit.pool import Pool
from providers.errors import ProviderError
from providers.payments import PaymentProvider, ProviderDispute

logger = logging.getLogger(__name__)

NEW_FOR: Final = timedelta(days=7)
"""The age up to which each run reads the provider's disputes: longer than a webhook is retried."""
MAX_OPEN: Final = 100
"""The open disputes of the log that one run asks for."""
MAX_SECONDS: Final = 20.0

_OPEN: Final = """
    SELECT reference FROM readmodel.payment_view
    WHERE disputed > 0
    ORDER BY random()
    LIMIT $1
"""
_OF_REFERENCES: Final = """
    SELECT reference, order_id FROM readmodel.payment_view WHERE reference = ANY ($1)
"""


class DisputedOrders:
    def __init__(self, pool: Pool, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._pool = pool
        self._handler = handler
        self._provider = provider

    async def missed(self) -> Sequence[PaymentNotification]:
        """Return the notifications of disputes that the log does not know as they are.

        A provider that does not answer is asked in the next run: the comparison goes on.
        """
        try:
            disputes = await self._disputes()
        except ProviderError as error:
            logger.warning("the disputes are left to the next run: %s", error)
            return []
        orders = await self._orders_of({each.reference for each in disputes})
        missed = [
            await self._missed(order_id, [each for each in disputes if each.reference == reference])
            for reference, order_id in orders.items()
        ]
        return [notification for notification in missed if notification is not None]

    async def _disputes(self) -> Sequence[ProviderDispute]:
        new = await self._provider.new_disputes(since=datetime.now(UTC) - NEW_FOR)
        left = await self._open_references() - {each.reference for each in new}
        asked = await bounded_gather(left, self._of, seconds=MAX_SECONDS)
        return [*new, *(each for some in asked.results.values() for each in some)]

    async def _of(self, reference: str) -> Sequence[ProviderDispute]:
        return await self._provider.disputes(reference=reference)

    async def _missed(
        self, order_id: str, disputes: Sequence[ProviderDispute]
    ) -> PaymentNotification | None:
        payment = await self._handler.load(PAYMENT, order_id)
        if all(is_recorded(dispute, payment) for dispute in disputes):
            return None
        return PaymentNotification(order_id, payment.attempt, PaymentNotificationKind.DISPUTE)

    async def _open_references(self) -> set[str]:
        async with self._pool.acquire() as connection:
            return {row[0] for row in await connection.fetch(_OPEN, MAX_OPEN)}

    async def _orders_of(self, references: set[str]) -> dict[str, str]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_OF_REFERENCES, sorted(references))
        return {row["reference"]: row["order_id"] for row in rows}
