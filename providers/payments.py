"""The interface of a payment provider: authorise, capture, void, refund, and look up.

Amounts are integers of ISO 4217's minor unit; currencies are upper-case ISO 4217 codes. A client
converts them to what its provider counts, and back.

One order has one payment for each `attempt` (1, 2, ...). The provider's idempotency keys are
derived from both. So each method may be called again with the same arguments, for the 24 hours that
a provider remembers a key. Every method raises ProviderUnavailable (outcome unknown, or try later)
or ProviderRefused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.money import Money
from domain.provider_notifications import PaymentNotificationKind


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
    capture_before: datetime | None = None
    """The time at which the provider releases the hold, where it says that."""


class ProviderDisputeState(StrEnum):
    OPEN = "open"
    WON = "won"
    """The shop keeps the money."""
    LOST = "lost"
    """The customer's bank has given the money back."""


@dataclass(frozen=True, slots=True)
class ProviderDispute:
    """A dispute of a captured payment at the time of the answer."""

    id: str
    reference: str
    """The provider's id of the payment."""
    state: ProviderDisputeState
    amount: int
    currency: str
    reason: str
    """The provider's code, for example `fraudulent`."""


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
    """A verified webhook. It may be late, repeated or out of order: `get` the state itself.

    A webhook about a refund or a dispute names the payment alone: `order_id` is None then.
    `refunded` is the total refund that a webhook about a charge names, in ISO 4217's minor units.
    """

    event_id: str
    type: str
    order_id: str | None
    attempt: int
    kind: PaymentNotificationKind
    reference: str
    refunded: int | None = None


class ChargeLimits(Protocol):
    """The totals that a provider takes. They are checked before an order is placed."""

    def check_price(self, price: Money) -> None:
        """Raise Refused for a price that makes the total of one piece impossible, with the
        field."""
        ...

    def check_refund(self, amount: Money) -> None:
        """Raise Refused for an amount that the provider cannot give back, with the field."""
        ...

    def check(self, total: Money) -> None:
        """Raise Refused for a total that the provider would not take, with the field."""
        ...


class PaymentProvider(Protocol):
    async def require_ready(self) -> None:
        """Raise ProviderPaused while a call would not be sent, because the provider is down."""
        ...

    async def authorize(
        self, *, order_id: str, attempt: int, amount: int, currency: str, method: str
    ) -> ProviderPayment:
        """Hold `amount` on `method`, a provider token.

        A decline is a state, not an error, and so is a method that the provider does not accept. A
        payment voided before is returned as VOIDED. Raises CreationRefused or CreationDenied when
        the provider creates no payment, so that nothing can be held.
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

    async def capture(self, *, reference: str, amount: int, currency: str) -> ProviderPayment:
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
        ProviderRefused: refund it. Raises CreationRefused when there is no payment to void.
        """
        ...

    async def refund(
        self,
        *,
        reference: str,
        amount: int,
        currency: str,
        key: str,
        purpose: str | None = None,
    ) -> ProviderPayment:
        """Refund `amount` of what was captured; the same `key` never refunds twice.

        `purpose` is the label by which `refunds` tells Waybill's refunds from those made by hand.
        A repeated key returns the provider's first answer. So the returned state may show a refund
        that has failed since.
        """
        ...

    def unit(self, currency: str) -> int:
        """Return the smallest amount that the provider moves; all others are multiples of it.

        Some currencies have a larger unit at the provider than in ISO 4217.
        """
        ...

    async def refunds(self, *, reference: str) -> Sequence[ProviderRefund]:
        """Return every refund of the payment, whoever asked for it."""
        ...

    async def get(self, *, reference: str) -> ProviderPayment: ...

    async def disputes(self, *, reference: str) -> Sequence[ProviderDispute]:
        """Return the disputes of a captured payment, open and closed ones."""
        ...

    async def new_disputes(self, *, since: datetime) -> Sequence[ProviderDispute]:
        """Return the disputes of every payment that were opened since this time."""
        ...

    async def close(self) -> None: ...
