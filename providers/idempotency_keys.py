"""The idempotency keys of the calls to providers, derived from facts that the log holds.

A retry of a call derives the same key, so that the provider makes its effect once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_KEYS: Final = 20
"""The number of keys under which one call may meet a kept 500, one after the other."""


def payment_create(order_id: str, attempt: int) -> str:
    return f"{order_id}/{attempt}/create"


def payment_confirm(order_id: str, attempt: int) -> str:
    return f"{order_id}/{attempt}/confirm"


def with_successors(key: str) -> Sequence[str]:
    """Return the key, and the keys to use in their order when the provider keeps a 500 under it."""
    return [key, *(f"{key}/{number}" for number in range(2, MAX_KEYS + 1))]


def refund(order_id: str, step: str, decisions: int, refunded: int, amount: int) -> str:
    """Return the key of a refund of this amount after this many decisions.

    `decisions` are the interventions on the step and the closed disputes of the charge.
    `refunded` is what the provider has refunded for this step before; both in minor units.
    """
    return f"{order_id}/{step}/{decisions}/{refunded}/{amount}"


def shipment_create(reference: str) -> str:
    return f"{reference}/create"


def shipment_cancel(reference: str) -> str:
    return f"{reference}/cancel"


def shipment_return(reference: str) -> str:
    return f"{reference}/return"
