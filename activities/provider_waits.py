"""Wait for a provider that is down for everybody, at the cost of one activity."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import interface
from activities.types.failures import PROVIDER_PAUSED
from activities.types.payment import ProviderWaitInput
from providers.breaker import CARRIER
from providers.carrier import Carrier
from providers.errors import ProviderPaused, ProviderRefused, ProviderUnavailable
from providers.payments import PaymentProvider

MIN_RETRY: Final = timedelta(seconds=5)
MAX_RETRY: Final = timedelta(seconds=15)
"""The bounds of the time until another attempt, when the breaker of this process is closed."""


class ProviderActivitiesImpl(interface.ProviderActivities):
    def __init__(self, payments: PaymentProvider, carrier: Carrier) -> None:
        self._payments = payments
        self._carrier = carrier

    @activity.defn
    async def await_provider(self, wait: ProviderWaitInput) -> None:
        """Ask about the order, without effect: while the breaker is open, this is its probe.

        An answer that is no outage ends the wait, and the step itself then meets it.
        """
        try:
            await self._ask(wait)
        except ProviderRefused:
            return
        except ProviderUnavailable as error:
            if error.is_outage:
                raise _retried(wait, error) from None

    async def _ask(self, wait: ProviderWaitInput) -> None:
        if wait.provider == CARRIER:
            await self._carrier.find(order_id=wait.order_id)
        else:
            await self._payments.search(order_id=wait.order_id, attempt=1)


def _retried(wait: ProviderWaitInput, error: ProviderUnavailable) -> ApplicationError:
    if isinstance(error, ProviderPaused):
        delay = timedelta(seconds=error.retry_after_seconds)
    else:
        delay = MIN_RETRY + (MAX_RETRY - MIN_RETRY) * random.random()  # noqa: S311 - no secret
    return ApplicationError(str(error), wait.provider, type=PROVIDER_PAUSED, next_retry_delay=delay)
