from __future__ import annotations

from domain.customer.commands import ErasureReason
from domain.event import Event


class CustomerErased(Event):
    """The customer's key is destroyed: what was encrypted with it can no longer be read."""

    customer_id: str
    """The pseudonym that later orders of the customer still share."""
    reason: ErasureReason


CustomerEvent = CustomerErased
