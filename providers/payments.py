"""The interface of a payment provider: authorise, capture, void, refund, and look up.

Amounts are integers of the currency's minor unit; currencies are upper-case ISO 4217 codes. One
order has one payment for each `attempt` (1, 2, ...). The provider's idempotency keys are derived
from both. So each method may be called again with the same arguments, for the 24 hours that a
provider remembers a key. Every method raises ProviderUnavailable (outcome unknown, or try later) or
ProviderRefused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ProviderPaymentState(StrEnum):
    CREATED = "created"
    """Known to the provider, never confirmed: no money is held."""
    PENDING = "pending"
    """The customer must act, at `action_url` where there is one."""
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class ProviderPayment:
    """The provider's payment at the time of the answer."""

    reference: str
    """The provider's own id, `pi_...`."""
    state: ProviderPaymentState
    amount: int
    currency: str
    captured: int
    refunded: int
    decline_code: str | None = None
    action_url: str | None = None


class ProviderRefundState(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It has failed at the bank or was cancelled: the shop has the money."""


@dataclass(frozen=True, slots=True)
class ProviderRefund:
    reference: str
    """The provider's own id, `re_...`."""
    amount: int
    state: ProviderRefundState
    purpose: str | None
    """The label that Waybill gave its refund; None for a refund that Waybill did not ask for."""

    @property
    def counts(self) -> bool:
        return self.state is not ProviderRefundState.FAILED


@dataclass(frozen=True, slots=True)
class PaymentWebhook:
    """A verified webhook. It may be late, repeated or out of order: `get` the state itself."""

    event_id: str
    type: str
    order_id: str
    attempt: int


class PaymentProvider(Protocol):
    async def authorize(
        self, *, order_id: str, attempt: int, amount: int, currency: str, method: str
    ) -> ProviderPayment:
        """Hold `amount` on `method`, a provider token.

        A decline is a state, not an error, and so is a method that the provider does not accept. A
        payment voided before is returned as VOIDED.
        """
        ...

    async def find(
        self, *, order_id: str, attempt: int, amount: int, currency: str
    ) -> ProviderPayment:
        """Look up an attempt whose outcome is unknown; CREATED if it never started.

        This confirms nothing. It works for 24 hours after the attempt; later use `get` or `search`.
        """
        ...

    async def search(self, *, order_id: str, attempt: int) -> Sequence[ProviderPayment]:
        """Return the payments with the label of an attempt, newest first.

        Use it for attempts so old that their keys are forgotten: a payment younger than an hour may
        not be found yet.
        """
        ...

    async def capture(self, *, reference: str, amount: int) -> ProviderPayment:
        """Capture `amount`, at most what was authorised, once; the rest of the hold is released.

        A second capture of the same amount returns the state.
        """
        ...

    async def void(
        self,
        *,
        order_id: str,
        attempt: int,
        amount: int,
        currency: str,
        reference: str | None = None,
    ) -> ProviderPayment:
        """Release the hold, and fence the attempt: no authorise in flight can succeed after it.

        Without a `reference` it works for any outcome of the attempt, even if it never reached the
        provider, for 24 hours after it. Give the reference where it is known. A captured payment is
        ProviderRefused: refund it.
        """
        ...

    async def refund(
        self, *, reference: str, amount: int, key: str, purpose: str | None = None
    ) -> ProviderPayment:
        """Refund `amount` of what was captured; the same `key` never refunds twice.

        `purpose` is the label by which `refunds` tells Waybill's refunds from those made by hand.
        A repeated key returns the provider's first answer. So the returned state may show a refund
        that has failed since.
        """
        ...

    async def refunds(self, *, reference: str) -> Sequence[ProviderRefund]:
        """Return every refund of the payment, whoever asked for it."""
        ...

    async def get(self, *, reference: str) -> ProviderPayment: ...

    async def close(self) -> None: ...
