"""The log compared with the records of Temporal and of the providers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.saga.commands import ReconciledSystem, RecoveryCause

MAX_NAMED_ORDERS: Final = 100
"""The number of orders that the result of a run names."""


@dataclass(frozen=True, slots=True)
class ReconcileInput:
    """`order_id` is None for every order."""

    order_id: str | None = None
    cause: RecoveryCause = RecoveryCause.MISSING


@dataclass(frozen=True, slots=True)
class FailedOrders:
    """Orders that could not be read or started; `why` covers the first hundred of them."""

    count: int = 0
    why: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A difference between the log and another system's records, in facts that must agree."""

    order_id: str
    system: ReconciledSystem
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    """Orders that had lost their workflow; `order_ids` are the first hundred of them."""

    count: int
    order_ids: tuple[str, ...] = ()
    failed_orders: FailedOrders = field(default_factory=FailedOrders)
    discrepancies: tuple[Discrepancy, ...] = ()
    """Workflows that run for an order that has ended or was never placed."""
    is_unknown: bool = False
    """The requested order was never placed."""
    placed_again: tuple[str, ...] = ()
    """Orders that the log had lost and whose workflow held the command that placed them."""


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The result of the first look. A discrepancy may come from a step that is in progress."""

    count: int
    discrepancies: tuple[Discrepancy, ...]
    look_again: tuple[str, ...]
    """The orders to look at a second time, with those that have a recorded discrepancy."""
    pause: timedelta
    """The time that a step may take from the provider's records into the log."""
    position: int | None
    """The position that the log has been compared up to; None: there is nothing to store."""
    failed_orders: FailedOrders = field(default_factory=FailedOrders)


@dataclass(frozen=True, slots=True)
class RecheckResult:
    """The result of the second look."""

    discrepancies: tuple[Discrepancy, ...]
    failed_orders: FailedOrders = field(default_factory=FailedOrders)
