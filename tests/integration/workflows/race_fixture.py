"""Share what the tests of races expect of the payment provider, and their cancellation."""

from __future__ import annotations

from datetime import timedelta

from activities.types.order import CancellationInput
from benchmarks.saga.driver import CUSTOMER_ACTOR
from domain.order.commands import CancellationReason

PAID = {"authorized": (1, 250), "captured": (1, 250)}
VOIDED = {"authorized": (1, 250), "voided": (1, 250)}

A_TASK = timedelta(seconds=1)
"""A workflow task that runs a local activity is renewed before this, and brings what has come."""


def by_customer(order_id: str) -> CancellationInput:
    return CancellationInput(order_id, CancellationReason.CUSTOMER_REQUEST, CUSTOMER_ACTOR)
