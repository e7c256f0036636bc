from __future__ import annotations

from domain.customer.commands import ErasureReason
from domain.event import Event


class CustomerErased(Event):
    """What was sealed under the customer's key until now can no longer be opened."""

    customer_id: str
    """It stays, as a pseudonym that orders go on to share."""
    reason: ErasureReason


CustomerEvent = CustomerErased
