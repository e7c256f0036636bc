"""Describe the steps of an order without payment, whose total is 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.order.state import OrderState
from domain.saga.plan import AUTHORIZE, AWAIT_PAYMENT, CAPTURE, GIVE_BACK, REFUND, PlanStep, Undo

_DESCRIPTIONS: Final[Mapping[str, str]] = {
    AUTHORIZE.name: "Confirm the order. Its total is 0: no payment is needed.",
    AWAIT_PAYMENT.name: "Nothing to wait for. The total is 0: no payment is needed.",
    CAPTURE.name: "Record that the parcel has left. The total is 0: no payment is needed. From "
    "here on only a lost parcel or an operator starts a compensation.",
    GIVE_BACK.name: "Nothing to give back. The total is 0: no payment was needed.",
    REFUND.name: "Put the goods into stock again. The total is 0: nothing is refunded.",
}


def described(step: PlanStep | Undo, order: OrderState) -> str:
    if order.needs_payment:
        return step.description
    return _DESCRIPTIONS.get(step.name, step.description)
