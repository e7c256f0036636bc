"""The idempotency keys of the calls to providers, derived from facts that the log holds.

A retry of a call derives the same key, so that the provider makes its effect once.
"""

from __future__ import annotations


def payment_create(order_id: str, attempt: int) -> str:
    return f"{order_id}/{attempt}/create"


def payment_confirm(order_id: str, attempt: int) -> str:
    return f"{order_id}/{attempt}/confirm"


def refund(order_id: str, step: str, interventions: int, refunded: int, amount: int) -> str:
    """Return the key of a refund of this amount after this many interventions on the step.

    `refunded` is what the provider has refunded for this step before; both in minor units.
    """
    return f"{order_id}/{step}/{interventions}/{refunded}/{amount}"


def shipment_create(order_id: str) -> str:
    return f"{order_id}/create"


def shipment_cancel(order_id: str) -> str:
    return f"{order_id}/cancel"


def shipment_return(order_id: str) -> str:
    return f"{order_id}/return"
