"""Refuse a repeated request if a failover or a restore has lost its events from the log.

Temporal answers a repeated request with its first answer. That answer is wrong after the log has
lost the record.
"""

from __future__ import annotations

from api.context import Services
from domain.errors import ErrorCode, Refused


def order_lost(order_id: str) -> Refused:
    return Refused(
        ErrorCode.ORDER_LOST,
        f"order {order_id} was accepted, but a database failure lost its record; its payment may "
        f"have succeeded. An operator can recover it: make recover ORDER={order_id}",
    )


async def check_is_recorded(position: int, services: Services) -> None:
    """Raise Refused with RECORD_LOST if the log no longer holds the event at this position.

    An answer without an event has position 0.
    """
    if position and not await services.log.holds(position):
        raise Refused(
            ErrorCode.RECORD_LOST,
            "a database failure lost the record of this idempotency key: check the current state, "
            "and repeat the request under a new key",
            ("input", "idempotencyKey"),
        )
