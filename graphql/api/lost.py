"""Refuse to answer from Temporal's memory what a failover or a restore has lost from the log.

Temporal answers a repeated request with its first answer. That answer is untrue once the log has
lost the record.
"""

from __future__ import annotations

from api.context import Services
from domain.errors import ErrorCode, Refused


def order_lost(order_id: str) -> Refused:
    return Refused(
        ErrorCode.ORDER_LOST,
        f"order {order_id} was accepted, and its record was lost with a database; its payment may "
        f"have gone through. An operator can bring it back: make recover ORDER={order_id}",
    )


async def check_is_recorded(position: int, services: Services) -> None:
    """Raise Refused with RECORD_LOST if the log does not hold what was answered by this position.

    An answer without any event has position 0.
    """
    if position and not await services.log.holds(position):
        raise Refused(
            ErrorCode.RECORD_LOST,
            "what was recorded under this idempotency key was lost with a database: look at how "
            "things stand, and ask again under a new key",
            ("input", "idempotencyKey"),
        )
