from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.command import Command
from domain.money import Money


class PaymentCommand(Command):
    """`aggregate_id` is the order's id: an order has one payment, of one or more attempts."""


class RequestPayment(PaymentCommand):
    """Note that the provider is about to be asked, so that no attempt is ever unknown to us."""

    attempt: Annotated[int, Field(ge=1)]
    amount: Money
    method: str


class RecordPending(PaymentCommand):
    """The customer has to act, as with 3-D Secure."""

    attempt: int
    reference: str
    action_url: str | None


class RecordAuthorization(PaymentCommand):
    """Refused with PAYMENT_SUPERSEDED once the attempt counts no more: its hold is to be freed."""

    attempt: int
    reference: str


class RecordDecline(PaymentCommand):
    attempt: int
    reference: str
    code: str


class RecordCapture(PaymentCommand):
    amount: Money


class RecordRefund(PaymentCommand):
    """`refunded_in_all` is what the provider's books say has been given back so far."""

    refunded_in_all: Money


class RecordVoid(PaymentCommand):
    """Nothing will be taken. A payment never asked for is closed too: none can begin after it.

    `attempt` is the latest that was freed; 0 where there was none. Refused with
    PAYMENT_SUPERSEDED when a newer one has begun meanwhile.
    """

    attempt: Annotated[int, Field(ge=0)]
