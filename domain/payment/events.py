from __future__ import annotations

from domain.event import Event
from domain.money import Money


class PaymentRequested(Event):
    order_id: str
    attempt: int
    amount: Money
    method: str


class PaymentPending(Event):
    order_id: str
    attempt: int
    reference: str
    action_url: str | None


class PaymentAuthorized(Event):
    order_id: str
    attempt: int
    reference: str
    amount: Money


class PaymentDeclined(Event):
    order_id: str
    attempt: int
    reference: str
    code: str


class PaymentCaptured(Event):
    order_id: str
    reference: str
    amount: Money


class PaymentVoided(Event):
    order_id: str
    attempt: int


PaymentEvent = (
    PaymentRequested
    | PaymentPending
    | PaymentAuthorized
    | PaymentDeclined
    | PaymentCaptured
    | PaymentVoided
)
