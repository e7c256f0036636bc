"""What the providers say when no running workflow waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from activities.types.parking import ParkedStep
from domain.saga.plan import refund_again


@dataclass(frozen=True, slots=True)
class FailedRefund:
    """A refund that has failed at the customer's bank and was not made good."""

    number: int
    amount: int
    """In minor units."""
    currency: str
    is_retried: bool = False
    """An operator has decided to refund again, and that refund has not succeeded."""

    @property
    def step(self) -> str:
        """The step that makes it good. Each failure has its own: an operator decides on each."""
        return refund_again(self.number)


@dataclass(frozen=True, slots=True)
class RefundAgainInput:
    order_id: str
    number: int
    step: str


@dataclass(frozen=True, slots=True)
class AftercareResult:
    """What the providers' answers have led to, and what remains to be done."""

    is_open: bool = False
    """The order is open: it is recovered if it has lost its workflow."""
    return_resumed: bool = False
    """The goods of a lapsed return are back, and no workflow of the order runs."""
    has_parcel_back: bool = False
    """The parcel came back to the sender: orders that wait may have its goods."""
    failed_refunds: tuple[FailedRefund, ...] = ()
    undisputed: tuple[ParkedStep, ...] = ()
    """Parked steps that a dispute may have stopped which is closed now."""
    left_parked: tuple[ParkedStep, ...] = ()
    """The steps that an earlier run of this workflow may have left parked."""
    settled: tuple[str, ...] = ()
    """The steps that an operator has skipped or resolved."""
