"""Refund money at the provider, once, however often that is tried."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from activities.command_handler import CommandHandler
from domain.errors import ErrorCode, Refused
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState
from domain.saga.decide import SAGA
from providers import idempotency_keys
from providers.errors import ProviderRefused
from providers.payments import PaymentProvider

_DISPUTED: Final = "charge_disputed"
"""The provider's code, when the log does not know of the dispute yet."""


class Refunds:
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider

    async def give(self, order_id: str, step: str, reference: str, due: int) -> int:
        """Refund until `due` has been refunded in total, whether by this call or an earlier one.

        Return the total that is refunded then: less than `due` where lost disputes have given money
        back already. Raises Refused while the charge is disputed.

        A provider repeats its first answer to a key for a day. It repeats a refusal long after the
        cause is gone, and a success after the refund has failed at the bank. So each intervention
        on the parked step makes a new key. The provider's record, which this method reads first,
        includes the refunds made under earlier keys. Concurrent attempts know the same facts and so
        make the same key. Raises ProviderRefused when the provider accepts the refund but its
        record does not show it.
        """
        payment = await self._handler.load(PAYMENT, order_id)
        due = _still_due(due, payment)
        intervention_counts = (await self._handler.load(SAGA, order_id)).intervention_counts.get(
            step, 0
        )
        recorded = await self._provider.get(reference=reference)
        if recorded.refunded >= due:
            return due
        if payment.disputed:
            raise _disputed(order_id)
        key = idempotency_keys.refund(order_id, step, intervention_counts, recorded.refunded)
        try:
            recorded = await self._provider.refund(
                reference=reference,
                amount=due - recorded.refunded,
                currency=recorded.currency,
                key=key,
            )
        except ProviderRefused as refused:
            if refused.code != _DISPUTED:
                raise
            raise _disputed(order_id) from None
        if recorded.refunded < due:
            raise ProviderRefused("payments", "refund", "refund_failed", HTTPStatus.OK)
        return due


def _still_due(due: int, payment: PaymentState) -> int:
    """Return the total to refund: together with lost disputes, never more than was captured.

    The capture may not be in the log yet; then no dispute is.
    """
    return min(due, payment.refundable) if payment.lost else due


def _disputed(order_id: str) -> Refused:
    return Refused(
        ErrorCode.CHARGE_DISPUTED,
        f"the customer's bank disputes the charge of order {order_id}: the refund waits until the"
        " dispute is closed, or until it is settled by other means",
    )
