"""Log the orders that a run could not read or start, and leave them to the next run."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from activities.failed_attempts import described
from activities.types.reconciliation import MAX_NAMED_ORDERS, FailedOrders
from kit.bounded_gather import NotStarted

logger = logging.getLogger(__name__)


def failed_orders(left: Mapping[str, Exception]) -> FailedOrders:
    """Return the failures by order."""
    for order_id, error in left.items():
        if not isinstance(error, NotStarted):
            logger.error("order %s is left to the next run", order_id, exc_info=error)
    named = list(left.items())[:MAX_NAMED_ORDERS]
    return FailedOrders(len(left), {order_id: described(error)[1] for order_id, error in named})
