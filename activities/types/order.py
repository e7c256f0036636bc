"""The progress of an order, and the changes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from activities.types.parking import ParkedStep
from domain.idempotency import KeyUse
from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import ReturnedLine
from domain.order.promises import Promises
from domain.order.state import FINAL, FORWARD, OrderStatus


@dataclass(frozen=True, slots=True)
class PlaceInput:
    command: PlaceOrder
    actor: str
    call: UUID | None = None


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """A change is in the log; `position` is its last event's, or the newest of its streams."""

    position: int
    call: UUID | None = None
    """The call that made the change, for a request with an idempotency key."""


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """The progress of an order by the log, with what the saga needs to resume."""

    status: OrderStatus
    since: datetime
    """The time at which the order reached this status."""
    position: int
    """The position of the order's last event."""
    fingerprint: str
    """The fingerprint of the input that the order was placed with."""
    number: str
    """The number by which people name the order."""
    promises: Promises
    reason: CancellationReason | None = None
    """The reason of the compensation, if there is one."""
    settled: tuple[str, ...] = ()
    """The steps that an operator has skipped or resolved."""
    parked: tuple[ParkedStep, ...] = ()
    """The steps that wait for an intervention."""
    return_requested_at: datetime | None = None
    """The time at which the return under way was requested."""
    has_left: bool = False
    """The log says that the parcel has left."""
    is_new: bool = False
    """This call has placed the order, so no earlier run of its saga has come any further."""

    @property
    def return_requested(self) -> bool:
        return self.return_requested_at is not None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def parked_in(self, workflow_id: str) -> tuple[ParkedStep, ...]:
        return tuple(parked for parked in self.parked if parked.workflow_id == workflow_id)

    def has_reached(self, status: OrderStatus) -> bool:
        """Return whether the order has reached this status on the forward path, or passed it."""
        return self.status in FORWARD[FORWARD.index(status) :]


@dataclass(frozen=True, slots=True)
class RejectInput:
    order_id: str
    sku: str | None


@dataclass(frozen=True, slots=True)
class CancellationInput:
    order_id: str
    reason: CancellationReason
    actor: str
    after_dispatch: bool = False
    """Allow it after the dispatch too: the parcel is lost, or an operator has decided so."""
    key: KeyUse | None = None


@dataclass(frozen=True, slots=True)
class CancellationResult:
    """`status` says which came first: the cancellation or the dispatch."""

    status: OrderStatus
    position: int
    call: UUID | None = None
    """The call that has made the request."""


@dataclass(frozen=True, slots=True)
class ReturnRequestInput:
    """`lines` is None for everything."""

    order_id: str
    actor: str
    lines: tuple[ReturnedLine, ...] | None = None
    key: KeyUse | None = None
