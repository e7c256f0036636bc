from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.command import Command
from domain.money import Money


class PaymentCommand(Command):
    """`aggregate_id` is the order's id: an order has one payment, of one or more attempts."""


class RequestPayment(PaymentCommand):
    """Record that the provider is about to be asked, so that the log knows every attempt."""

    attempt: Annotated[int, Field(ge=1)]
    amount: Money
    method: str


class RecordPending(PaymentCommand):
    """Record that the customer has to act, for example with 3-D Secure."""

    attempt: int
    reference: str
    action_url: str | None


class RecordAuthorization(PaymentCommand):
    """Refused with PAYMENT_SUPERSEDED once the attempt no longer counts: its hold must be
    voided."""

    attempt: int
    reference: str


class RecordDecline(PaymentCommand):
    attempt: int
    reference: str
    code: str


class RecordCapture(PaymentCommand):
    amount: Money


class RecordRefund(PaymentCommand):
    """Record what the provider has refunded for one purpose, its earlier refunds included.

    The purpose is the step of a saga that gives the money back.
    """

    purpose: str
    given: Money


class RecordRefundsElsewhere(PaymentCommand):
    """Record the refunds that Waybill did not ask for, as the provider lists them now."""

    refunds: dict[str, Annotated[int, Field(ge=1)]]
    """The amounts by the provider's ids of the refunds, without those that have failed."""


class RecordVoid(PaymentCommand):
    """Record that nothing will be captured. This also closes a payment that was never requested.

    No attempt can start after it. `attempt` is the latest that was voided; 0 where there was none.
    Refused with PAYMENT_SUPERSEDED when a newer attempt has started.
    """

    attempt: Annotated[int, Field(ge=0)]
