"""Refund money at the provider, once, however often that is tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

from activities.command_handler import CommandHandler
from domain.errors import ErrorCode, Refused
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState
from domain.saga.decide import SAGA
from providers import idempotency_keys
from providers.errors import NotPermitted, ProviderRefused
from providers.payments import PaymentProvider, ProviderDisputeState, ProviderRefund

_DISPUTED: Final = "charge_disputed"
"""The provider's code, when the log does not know of the dispute yet."""
MAX_LOOKS: Final = 3
"""The tries to refund while others refund the same payment."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The refunds of a payment that count, as the provider lists them."""

    refunds: Sequence[ProviderRefund]

    @property
    def in_all(self) -> int:
        return sum(refund.amount for refund in self.refunds)

    @property
    def by_purpose(self) -> dict[str, int]:
        """Return what Waybill's own refunds have given back for each purpose."""
        given: dict[str, int] = {}
        for refund in self.refunds:
            if refund.purpose is not None:
                given[refund.purpose] = given.get(refund.purpose, 0) + refund.amount
        return given

    @property
    def elsewhere(self) -> dict[str, int]:
        """Return the refunds that Waybill did not ask for, by the provider's ids."""
        return {each.reference: each.amount for each in self.refunds if each.purpose is None}

    def lacking(self, given: Mapping[str, int]) -> Mapping[str, int]:
        """Return what remains of these refunds, by purpose, where it is less than was given."""
        remains = {purpose: self.by_purpose.get(purpose, 0) for purpose in given}
        return {purpose: amount for purpose, amount in remains.items() if amount < given[purpose]}


class _Asked(NamedTuple):
    order_id: str
    purpose: str
    step: str
    reference: str
    given: int
    """What was given for the purpose before."""
    amount: int


class Refunds:
    def __init__(self, handler: CommandHandler, provider: PaymentProvider) -> None:
        self._handler = handler
        self._provider = provider

    async def listed(self, reference: str) -> Listed:
        refunds = await self._provider.refunds(reference=reference)
        return Listed([refund for refund in refunds if refund.counts])

    async def give(  # noqa: PLR0913 - what a refund consists of
        self,
        order_id: str,
        purpose: str,
        reference: str,
        *,
        wanted: int,
        captured: int,
        step: str | None = None,
        listed: Listed | None = None,
    ) -> Listed:
        """Refund until `wanted` is given for this purpose, as far as the capture allows.

        `step` is the step that asks, where it is not the purpose itself; `listed` is a list that
        the caller has just read. What lost disputes and operators have given back counts against
        the captured amount. Raises Refused while the charge is disputed, and once an operator has
        settled the step.

        What was given for another purpose, or was refunded by hand, does not count as given. It
        counts against the captured amount alone.

        A provider repeats its first answer to a key for a day. It repeats a refusal long after the
        cause is gone, and a success after the refund has failed at the bank. So each intervention
        on the parked step, and each dispute that is closed, makes a new key. The provider's list,
        which is read first, includes the refunds made under earlier keys. Concurrent attempts know
        the same facts and so make the same key. Raises ProviderRefused when the provider accepts
        the refund but does not list it.
        """
        payment = await self._handler.load(PAYMENT, order_id)
        looks = 0
        while True:
            listed, looks = listed or await self.listed(reference), looks + 1
            given = listed.by_purpose.get(purpose, 0)
            amount = min(wanted - given, captured - payment.given_otherwise - listed.in_all)
            if amount <= 0:
                return listed
            if payment.disputed:
                raise _disputed(order_id)
            asked = _Asked(order_id, purpose, step or purpose, reference, given, amount)
            try:
                await self._refund(asked, payment)
            except ProviderRefused as refused:
                if refused.code == _DISPUTED and await self._is_disputed(reference):
                    raise _disputed(order_id) from None
                # Another refund of this payment may have come first, and left less.
                before, listed = listed, await self.listed(reference)
                if looks == MAX_LOOKS or listed.in_all == before.in_all:
                    raise
            else:
                return await self._shown(purpose, reference, given + amount)

    async def _is_disputed(self, reference: str) -> bool:
        """Return whether a dispute is open. Some providers refund nothing after a lost one."""
        try:
            disputes = await self._provider.disputes(reference=reference)
        except NotPermitted:
            return True
        return any(dispute.state is ProviderDisputeState.OPEN for dispute in disputes)

    async def _refund(self, asked: _Asked, payment: PaymentState) -> None:
        saga = await self._handler.load(SAGA, asked.order_id)
        if asked.step in saga.settled:  # while this attempt ran, or between two of its tries
            raise _settled(asked)
        decisions = saga.intervention_counts.get(asked.step, 0) + payment.closed_disputes
        await self._provider.refund(
            reference=asked.reference,
            amount=asked.amount,
            currency=payment.amount.currency,
            key=idempotency_keys.refund(
                asked.order_id, asked.step, decisions, asked.given, asked.amount
            ),
            purpose=asked.purpose,
        )

    async def _shown(self, purpose: str, reference: str, due: int) -> Listed:
        listed = await self.listed(reference)
        if listed.by_purpose.get(purpose, 0) < due:
            raise ProviderRefused("payments", "refund", "refund_failed", HTTPStatus.OK)
        return listed


def _settled(asked: _Asked) -> Refused:
    return Refused(
        ErrorCode.WRONG_STATE,
        f"an operator has settled {asked.step} of order {asked.order_id}: it refunds nothing more",
    )


def _disputed(order_id: str) -> Refused:
    return Refused(
        ErrorCode.CHARGE_DISPUTED,
        f"the customer's bank disputes the charge of order {order_id}: the refund waits until the"
        " dispute is closed, or until it is settled by other means",
    )
