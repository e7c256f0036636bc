"""The activities as workflows know them: names and types, without an implementation.

The class of the same name that ends in `Impl` implements each. Every activity may run more than
once; a second run changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from temporalio import activity

from activities.types.aftercare import AftercareResult, RefundAgainInput
from activities.types.command import RunCommandInput, RunCommandResult
from activities.types.order import (
    CancellationInput,
    CancellationResult,
    OrderProgress,
    PlaceInput,
    RecordedResult,
    RejectInput,
    ReturnRequestInput,
)
from activities.types.parking import (
    InterventionInput,
    InterventionResult,
    ParkInput,
    ParkResult,
    UnparkInput,
)
from activities.types.payment import (
    AuthorizationResult,
    AuthorizeInput,
    HoldInput,
    HoldResult,
    ProviderWaitInput,
    RefundInput,
)
from activities.types.reconciliation import (
    ComparisonResult,
    RecheckResult,
    ReconcileInput,
    RecoveryResult,
)
from activities.types.shipping import ParcelInput, TrackedStatus
from activities.types.stock import ChangedStockResult, ShortOrdersResult, StockInput, StockResult


class Activities:
    @property
    def all(self) -> list[Callable[..., Any]]:
        """Return every activity of the implementing object, for a worker to register."""
        return [
            getattr(self, name)
            for interface in type(self).__mro__
            for name in sorted(getattr(interface, "__abstractmethods__", ()))
        ]


class SagaActivities(Activities, ABC):
    """What the saga engine itself needs of the log and of Temporal."""

    @activity.defn
    @abstractmethod
    async def load_progress(self, order_id: str) -> OrderProgress:
        """Return the progress of the order in the log."""

    @activity.defn
    @abstractmethod
    async def park(self, park: ParkInput) -> ParkResult:
        """Park the step. One that is parked already stays parked, with this as its latest
        failure."""

    @activity.defn
    @abstractmethod
    async def unpark(self, unpark: UnparkInput) -> None:
        """End the parking, unless an intervention has ended it."""

    @activity.defn
    @abstractmethod
    async def intervene(self, intervene: InterventionInput) -> InterventionResult:
        """Record an intervention. Fails with SAGA_NOT_PARKED when the step is not parked."""

    @activity.defn
    @abstractmethod
    async def end_orphan(self, workflow_id: str) -> None:
        """Terminate this child workflow if an earlier run of the calling workflow started it.

        A reset leaves such a child running. It knows nothing of the new run, which starts it again
        from the log.
        """


class OrderActivities(Activities, ABC):
    """Changes of the order and of its stock. They use the database alone."""

    @activity.defn
    @abstractmethod
    async def place(self, place: PlaceInput) -> OrderProgress:
        """Place the order, and reserve its stock in the same transaction if it suffices.

        If the order is placed already, return its progress.
        """

    @activity.defn
    @abstractmethod
    async def reserve(self, order_id: str) -> None:
        """Reserve every line, all or none. Fails with OUT_OF_STOCK and the SKU that is short."""

    @activity.defn
    @abstractmethod
    async def backorder(self, order_id: str) -> bool:
        """Queue the order for the stock it lacks; return False if it may not wait, or no longer.

        A later receipt of that stock notifies the order.
        """

    @activity.defn
    @abstractmethod
    async def release(self, order_id: str) -> None:
        """Release what the order has reserved and end its backorders."""

    @activity.defn
    @abstractmethod
    async def reject(self, reject: RejectInput) -> OrderProgress:
        """Reject the order. If another outcome came first, return that one."""

    @activity.defn
    @abstractmethod
    async def request_cancellation(self, request: CancellationInput) -> CancellationResult:
        """Stop every step that goes forward. Too late once the order has shipped."""

    @activity.defn
    @abstractmethod
    async def start_compensation(self, request: CancellationInput) -> OrderProgress:
        """Start the compensation on behalf of the saga; if it is too late, return the actual
        progress."""

    @activity.defn
    @abstractmethod
    async def withdraw_cancellation(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def cancel(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def deliver(self, parcel: ParcelInput) -> None: ...

    @activity.defn
    @abstractmethod
    async def complete(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def request_return(self, request: ReturnRequestInput) -> RecordedResult:
        """Open the return. Fails with RETURN_NOT_POSSIBLE outside the return window, or for more
        pieces than were sent."""

    @activity.defn
    @abstractmethod
    async def finish_return(self, order_id: str) -> None:
        """Take returned goods into stock, after an operator has settled the refund."""

    @activity.defn
    @abstractmethod
    async def lapse_return(self, order_id: str) -> None:
        """Close the return without goods: the order is as if no return had been requested."""

    @activity.defn
    @abstractmethod
    async def run_command(self, run: RunCommandInput) -> RunCommandResult: ...


class StockActivities(Activities, ABC):
    """Attend to a product whose stock has changed. They use the database alone."""

    @activity.defn
    @abstractmethod
    async def changed_stock(self, order_id: str) -> ChangedStockResult:
        """Return the products of an order, whose stock it has just changed, that orders wait for or
        are short of."""

    @activity.defn
    @abstractmethod
    async def orders_to_notify(self, stock: StockInput) -> StockResult:
        """Return some of the waiting orders that the stock of the product suffices for."""

    @activity.defn
    @abstractmethod
    async def compare_stock(self, sku: str) -> ShortOrdersResult:
        """Record which orders are short of the product, and which are no longer."""


class PaymentActivities(Activities, ABC):
    """Ask the payment provider and record its answer."""

    @activity.defn
    @abstractmethod
    async def authorize(self, order_id: str) -> AuthorizationResult:
        """Make the first attempt; if there was one, look up the latest."""

    @activity.defn
    @abstractmethod
    async def restore(self, order_id: str) -> None:
        """Record every attempt to pay that the provider knows of and the log has lost."""

    @activity.defn
    @abstractmethod
    async def authorize_again(self, authorize: AuthorizeInput) -> AuthorizationResult:
        """Make a further attempt, after the previous one is void."""

    @activity.defn
    @abstractmethod
    async def request_payment(self, authorize: AuthorizeInput) -> RecordedResult:
        """Record that a further attempt follows, before the provider is asked."""

    @activity.defn
    @abstractmethod
    async def look_up(self, order_id: str) -> AuthorizationResult:
        """Look up the latest attempt at the provider, and record its outcome."""

    @activity.defn
    @abstractmethod
    async def give_back(self, order_id: str) -> None:
        """Make sure that nothing is held or captured, for any outcome of the attempts."""

    @activity.defn
    @abstractmethod
    async def capture(self, parcel: ParcelInput) -> None:
        """Record the dispatch in shipment, stock and order together, then capture the money."""

    @activity.defn
    @abstractmethod
    async def check_hold(self, order_id: str) -> HoldResult:
        """Ask the provider whether it still holds the money."""

    @activity.defn
    @abstractmethod
    async def end_hold(self, hold: HoldInput) -> OrderProgress:
        """Void the hold, record its end, and take the order back to its unpaid state."""

    @activity.defn
    @abstractmethod
    async def release_hold(self, parcel: ParcelInput) -> None:
        """Void what a skipped capture has left held, or record a capture by hand.

        Record that the parcel has left, if the capture has failed before that."""

    @activity.defn
    @abstractmethod
    async def refund(self, order_id: str) -> OrderProgress:
        """Refund the returned goods; then record them in stock together with the end of the
        return."""

    @activity.defn
    @abstractmethod
    async def record_refunds(self, order_id: str) -> None:
        """Record the refunds by hand that the provider lists and the log has not."""

    @activity.defn
    @abstractmethod
    async def refund_order(self, refund: RefundInput) -> None:
        """Refund what an operator has promised, and record the end of the refund with it."""

    @activity.defn
    @abstractmethod
    async def end_refund(self, refund: RefundInput) -> None:
        """End a refund whose step an operator has settled. It uses the database alone."""


class ProviderActivities(Activities, ABC):
    """Wait for a provider that is down for everybody."""

    @activity.defn
    @abstractmethod
    async def await_provider(self, wait: ProviderWaitInput) -> None:
        """Return once the provider answers again; until then Temporal retries this call."""


class ShippingActivities(Activities, ABC):
    """Ask the carrier and record its answer."""

    @activity.defn
    @abstractmethod
    async def create_shipment(self, order_id: str) -> datetime:
        """Return the time of the booking, which an earlier attempt may have made."""

    @activity.defn
    @abstractmethod
    async def cancel_shipment(self, order_id: str) -> bool:
        """Return whether the carrier could stop the parcel; False means that it has left."""

    @activity.defn
    @abstractmethod
    async def stop_parcel(self, stop: HoldInput) -> bool:
        """Have the carrier cancel the parcel of an order whose hold has ended, to book it again
        once the order is paid; return False when it has left."""

    @activity.defn
    @abstractmethod
    async def track(self, order_id: str) -> TrackedStatus: ...

    @activity.defn
    @abstractmethod
    async def collect_return(self, order_id: str) -> None:
        """Ask the carrier to collect the goods of the return."""

    @activity.defn
    @abstractmethod
    async def resume_return(self, order_id: str) -> bool:
        """Return whether a return is under way, after resuming one that has lapsed if the carrier
        says that its goods are back."""

    @activity.defn
    @abstractmethod
    async def track_return(self, order_id: str) -> bool:
        """Return whether the carrier says that the goods are back."""


class AftercareActivities(Activities, ABC):
    """Ask the providers what no running workflow waits for, and record their answers."""

    @activity.defn
    @abstractmethod
    async def attend(self, order_id: str) -> AftercareResult:
        """Record what the providers say of refunds and disputes, and of an ended order's parcel.

        What the log cannot follow becomes a discrepancy.
        """

    @activity.defn
    @abstractmethod
    async def refund_again(self, again: RefundAgainInput) -> None:
        """Make good a refund that has failed at the customer's bank."""


class RecoveryActivities(Activities, ABC):
    """Compare the log with the workflows in Temporal."""

    @activity.defn
    @abstractmethod
    async def recover_missing(self, reconcile: ReconcileInput) -> RecoveryResult:
        """Run the saga of every open order that has lost its workflow, and record the workflows
        that have no open order."""


class ReconciliationActivities(Activities, ABC):
    """Compare the log with the providers' records."""

    @activity.defn
    @abstractmethod
    async def compare(self, reconcile: ReconcileInput) -> ComparisonResult:
        """Compare the orders that changed since the last run and some of the others; notify the
        sagas that have missed a notification."""

    @activity.defn
    @abstractmethod
    async def recheck(self, compared: ComparisonResult) -> RecheckResult:
        """Compare a second time; record the discrepancies that remain and resolve the others."""
