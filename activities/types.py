"""What passes between workflows and activities. All of it is written to Temporal's history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import ReturnedLine
from domain.order.state import FINAL, FORWARD, OrderStatus
from domain.saga.commands import Intervention, ReconciledSystem, RecoveryCause

MAX_NAMED_ORDERS: Final = 100
"""Orders in the result of a run that found many."""
PROVIDER_REFUSED: Final = "PROVIDER_REFUSED"
"""The type of the failure of an activity that a provider has refused."""


class AuthorizationOutcome(StrEnum):
    AUTHORIZED = "authorized"
    PENDING = "pending"
    DECLINED = "declined"


class TrackedStatus(StrEnum):
    """How far the carrier says it has come."""

    WAITING = "waiting"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    LOST = "lost"
    RETURNED = "returned"
    """The goods of a return are back."""


@dataclass(frozen=True, slots=True)
class PlaceInput:
    command: PlaceOrder
    actor: str


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """A change is in the log; `position` is its last event's, or the newest of its streams."""

    position: int


@dataclass(frozen=True, slots=True)
class ParkedStep:
    step: str
    number: int
    workflow_id: str
    """Of the workflow that waits there, or did until it was ended from outside."""


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """How far the log says an order has come, and what it needs to go on from there."""

    status: OrderStatus
    since: datetime
    """When it came to this status."""
    position: int
    """Of the order's last event."""
    fingerprint: str
    """Of the input it was placed with."""
    reason: CancellationReason | None = None
    """Why it turns round, where it does."""
    settled: tuple[str, ...] = ()
    """Steps that a person has skipped or resolved."""
    parked: tuple[ParkedStep, ...] = ()
    """Steps that nobody has decided on."""
    return_requested_at: datetime | None = None
    """Since when a return is under way."""
    has_left: bool = False
    """The log says that the parcel is on its way, or was."""

    @property
    def return_requested(self) -> bool:
        return self.return_requested_at is not None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def parked_in(self, workflow_id: str) -> tuple[ParkedStep, ...]:
        return tuple(parked for parked in self.parked if parked.workflow_id == workflow_id)

    def has_reached(self, status: OrderStatus) -> bool:
        """Whether the order stands at or beyond this status on the forward way."""
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
    """Even though the parcel has left: it is lost, or a person has decided so."""


@dataclass(frozen=True, slots=True)
class CancellationResult:
    """`status` tells who was first: a cancellation, or the parcel."""

    status: OrderStatus
    position: int


@dataclass(frozen=True, slots=True)
class AuthorizationResult:
    """What became of the latest attempt to pay."""

    outcome: AuthorizationOutcome
    attempt: int


@dataclass(frozen=True, slots=True)
class AuthorizeInput:
    """`method` None: the one the order was placed with."""

    order_id: str
    attempt: int
    method: str | None = None
    actor: str = "system"
    key: str | None = None
    """Under which the customer has asked for a further attempt."""


@dataclass(frozen=True, slots=True)
class ParkInput:
    """A step that has failed for good, and why."""

    order_id: str
    step: str
    undoing: bool
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ParkResult:
    number: int


@dataclass(frozen=True, slots=True)
class InterventionInput:
    """What somebody has decided on a parked step."""

    order_id: str
    step: str
    parking: int
    kind: Intervention
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class InterventionResult:
    """The decision that stands: perhaps an earlier one, of which the workflow has not heard."""

    position: int
    kind: Intervention


@dataclass(frozen=True, slots=True)
class ReturnRequestInput:
    """`lines` None: everything."""

    order_id: str
    actor: str
    lines: tuple[ReturnedLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class RunCommandInput:
    """A command on one aggregate, as its class name and JSON."""

    command_type: str
    command_json: str
    actor: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class WaitingOrdersResult:
    """Orders, the oldest first."""

    order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunCommandResult:
    """`wakes`: orders that wait for what the command has brought."""

    position: int
    waiting_order_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReconcileInput:
    """`order_id` None: every order."""

    order_id: str | None = None
    cause: RecoveryCause = RecoveryCause.MISSING


@dataclass(frozen=True, slots=True)
class FailedOrders:
    """Orders that could not be read or started; `why` of the first hundred of them."""

    count: int = 0
    why: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """The log and another's book, as far as they have to agree and do not."""

    order_id: str
    system: ReconciledSystem
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class RecoveryResult:
    """Orders that had no workflow any more; `order_ids` are the first hundred of them."""

    count: int
    order_ids: tuple[str, ...] = ()
    failed_orders: FailedOrders = field(default_factory=FailedOrders)
    discrepancies: tuple[Discrepancy, ...] = ()
    """Workflows that run for an order which has ended, or never was."""
    is_unknown: bool = False
    """The one order that was asked for never was."""
    placed_again: tuple[str, ...] = ()
    """Orders that the log had lost, and whose workflow held the command that placed them."""


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The books at a first look. What was at odds may be a step that is just being made."""

    count: int
    discrepancies: tuple[Discrepancy, ...]
    look_again: tuple[str, ...]
    """Orders to look at a second time, those with a difference on record among them."""
    pause: timedelta
    """How long a step may be on its way from the provider's book into the log."""
    position: int | None
    """How far the log has been compared with this; None: nothing has to be remembered."""
    failed_orders: FailedOrders = field(default_factory=FailedOrders)


@dataclass(frozen=True, slots=True)
class RecheckResult:
    """The books at a second look."""

    discrepancies: tuple[Discrepancy, ...]
    failed_orders: FailedOrders = field(default_factory=FailedOrders)
