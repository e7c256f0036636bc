"""The types that workflows and activities exchange. All are written to Temporal's history."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.idempotency import KeyUse
from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import ReturnedLine
from domain.order.promises import Promises
from domain.order.state import FINAL, FORWARD, OrderStatus
from domain.saga.commands import Intervention, ReconciledSystem, RecoveryCause
from domain.saga.plan import refund_again
from domain.shipping.tracking import TrackingInfo

MAX_NAMED_ORDERS: Final = 100
"""The number of orders that the result of a run names."""
PROVIDER_REFUSED: Final = "PROVIDER_REFUSED"
"""The failure type of an activity that a provider has refused."""
PROVIDER_PAUSED: Final = "PROVIDER_PAUSED"
"""The provider is down for everybody, and its calls wait. The first detail is its name."""
NO_ANSWER: Final = "NO_ANSWER"
"""The failure type of an activity that did not end in its time; a later attempt may succeed."""
PROVIDER_UNAVAILABLE: Final = "PROVIDER_UNAVAILABLE"
"""The failure type of an activity that a provider gave no state; a later attempt may succeed."""
DATABASE_UNAVAILABLE: Final = "DATABASE_UNAVAILABLE"
"""The failure type of an activity that PostgreSQL did not serve; a later attempt may succeed."""


class AuthorizationOutcome(StrEnum):
    AUTHORIZED = "authorized"
    PENDING = "pending"
    DECLINED = "declined"


class TrackedStatus(StrEnum):
    """The progress of a parcel by the carrier's account."""

    WAITING = "waiting"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    LOST = "lost"
    RETURNED_TO_SENDER = "returned_to_sender"
    """The parcel could not be delivered, and is back in the warehouse."""
    RETURNED = "returned"
    """The goods of a return are back."""


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
class ParkedStep:
    step: str
    number: int
    workflow_id: str
    """The workflow in which the step is parked, or was until it was terminated."""
    undoing: bool = False


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
    failed_refunds: tuple[FailedRefund, ...] = ()
    undisputed: tuple[ParkedStep, ...] = ()
    """Steps that are parked because of a dispute that is closed now."""
    left_parked: tuple[ParkedStep, ...] = ()
    """The steps that an earlier run of this workflow may have left parked."""
    settled: tuple[str, ...] = ()
    """The steps that an operator has skipped or resolved."""


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
class AuthorizationResult:
    """The outcome of the latest attempt to pay.

    `relied_on_until` is the time at which the customer is asked again, if the parcel has not left.
    """

    outcome: AuthorizationOutcome
    attempt: int
    relied_on_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldInput:
    """The hold of one attempt to pay."""

    order_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class HoldResult:
    """The provider's answer about the latest attempt: money that it holds, or has captured.

    `relied_on_until` is None for money that was captured.
    """

    attempt: int
    is_held: bool
    relied_on_until: datetime | None


@dataclass(frozen=True, slots=True)
class AuthorizeInput:
    """`method` is None for the method that the order was placed with."""

    order_id: str
    attempt: int
    method: str | None = None
    actor: str = "system"
    key: KeyUse | None = None
    """The key with which the customer has requested a further attempt."""


@dataclass(frozen=True, slots=True)
class ProviderWaitInput:
    """Wait until this provider answers; `order_id` is an order to ask it about."""

    provider: str
    order_id: str


@dataclass(frozen=True, slots=True)
class ParcelInput:
    """An order, with the tracking number that came with the carrier's notifications, if any."""

    order_id: str
    tracking: TrackingInfo | None = None


@dataclass(frozen=True, slots=True)
class ParkInput:
    """A step that has failed for good, and why.

    `parking` is the number under which it is parked already. `retry_in` is None for a step that
    waits for an operator.
    """

    order_id: str
    step: str
    undoing: bool
    code: str
    message: str
    failed_at: datetime
    retry_in: timedelta | None = None
    parking: int | None = None


@dataclass(frozen=True, slots=True)
class ParkResult:
    """The open parking. `intervention` is set when the log has one that the workflow has not
    seen."""

    number: int
    since: datetime | None = None
    intervention: Intervention | None = None


@dataclass(frozen=True, slots=True)
class UnparkInput:
    order_id: str
    step: str
    parking: int


@dataclass(frozen=True, slots=True)
class InterventionInput:
    """An operator's intervention on a parked step."""

    order_id: str
    step: str
    parking: int
    kind: Intervention
    reason: str
    actor: str
    key: KeyUse | None = None


@dataclass(frozen=True, slots=True)
class InterventionResult:
    """The intervention that holds; it may be an earlier one that the workflow has not seen."""

    position: int
    kind: Intervention
    call: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReturnRequestInput:
    """`lines` is None for everything."""

    order_id: str
    actor: str
    lines: tuple[ReturnedLine, ...] | None = None
    key: KeyUse | None = None


@dataclass(frozen=True, slots=True)
class RefundInput:
    """A refund that an operator has requested, by its number."""

    order_id: str
    number: int


@dataclass(frozen=True, slots=True)
class RunCommandInput:
    """A command on one aggregate, as its class name and JSON."""

    command_type: str
    command_json: str
    actor: str
    key: KeyUse


@dataclass(frozen=True, slots=True)
class ChangedStockResult:
    """The products whose stock has changed, and has to be attended to."""

    skus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCommandResult:
    position: int
    call: UUID | None
    changed_stock: ChangedStockResult = field(default_factory=ChangedStockResult)


@dataclass(frozen=True, slots=True)
class WaitingPlace:
    """The place of an order among those that wait for a product: the earliest comes first."""

    since: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class StockInput:
    """Attend to this product: notify the orders behind `after`, or all that its stock suffices for.

    `has_changed`: the stock has changed again since the first of these orders was notified.
    """

    sku: str
    after: WaitingPlace | None = None
    has_changed: bool = False


@dataclass(frozen=True, slots=True)
class StockResult:
    """`order_ids` are waiting orders that the stock suffices for, the oldest first.

    There may be more of them behind `next_after`.
    """

    order_ids: tuple[str, ...]
    next_after: WaitingPlace | None
    may_be_short: bool
    """Orders have reserved pieces that are not there, or had done so."""


@dataclass(frozen=True, slots=True)
class ShortOrdersResult:
    """Orders whose parcel waited for stock, which they have now."""

    order_ids: tuple[str, ...]


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
