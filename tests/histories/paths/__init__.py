"""Play every way of an order on real servers. Each path returns the order's id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.histories.paths import (
    cancellations,
    carrier_failures,
    deliveries,
    parkings,
    payments,
    recoveries,
    refunds,
    returns,
)
from tests.histories.paths.common import Path, asked_for
from tests.histories.paths.deliveries import COMMANDS_TOO

__all__ = ["COMMANDS_TOO", "PATHS", "Path", "asked_for"]

PATHS: Final[Mapping[str, Path]] = {
    **deliveries.PATHS,
    **payments.PATHS,
    **cancellations.PATHS,
    **carrier_failures.PATHS,
    **parkings.PATHS,
    **returns.PATHS,
    **refunds.PATHS,
    **recoveries.PATHS,
}
