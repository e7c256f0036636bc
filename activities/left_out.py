"""Orders that a run could not read or start, and why: told, and left to the next run."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from activities.failed_attempts import described
from activities.few_at_a_time import NotBegun
from activities.types import NAMED_AT_MOST, LeftOut

logger = logging.getLogger(__name__)


def left_out(left: Mapping[str, Exception]) -> LeftOut:
    """By order."""
    for order_id, error in left.items():
        if not isinstance(error, NotBegun):
            logger.error("order %s is left to the next run", order_id, exc_info=error)
    named = list(left.items())[:NAMED_AT_MOST]
    return LeftOut(len(left), {order_id: described(error)[1] for order_id, error in named})
