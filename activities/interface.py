"""The activities as workflows know them: names and types, and not a line of what they do.

Each class here is implemented by the class of the same name in a module beside it.
Every activity may run more than once and then changes nothing more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.types import (
    AuthorizationResult,
    AuthorizeInput,
    CancellationInput,
    CancellationResult,
    ComparisonResult,
    InterventionInput,
    InterventionResult,
    OrderProgress,
    ParkInput,
    ParkResult,
    PlaceInput,
    RecheckResult,
    ReconcileInput,
    RecordedResult,
    RecoveryResult,
    RejectInput,
    ReturnRequestInput,
    RunCommandInput,
    RunCommandResult,
    TrackedStatus,
    WaitingOrdersResult,
)


class Activities:
    @property
    def all(self) -> list[Callable[..., Any]]:
        """Every activity of the implementing object, for a worker to register."""
        return [
            getattr(self, name)
            for interface in type(self).__mro__
            for name in sorted(getattr(interface, "__abstractmethods__", ()))
        ]


class SagaActivities(Activities, ABC):
    """What the saga engine itself puts into the log. They touch the database alone."""

    @activity.defn
    @abstractmethod
    async def load_progress(self, order_id: str) -> OrderProgress:
        """Where the log says that the order stands."""

    @activity.defn
    @abstractmethod
    async def park(self, park: ParkInput) -> ParkResult: ...

    @activity.defn
    @abstractmethod
    async def intervene(self, intervene: InterventionInput) -> InterventionResult:
        """Fails with SAGA_NOT_PARKED where there is nothing to decide."""


class OrderActivities(Activities, ABC):
    """Changes of the order and of its stock. They touch the database alone."""

    @activity.defn
    @abstractmethod
    async def place(self, place: PlaceInput) -> OrderProgress:
        """Place it, or find it placed and perhaps further on its way."""

    @activity.defn
    @abstractmethod
    async def reserve(self, order_id: str) -> None:
        """Hold every line, all or none. Fails with OUT_OF_STOCK and the SKU that is short."""

    @activity.defn
    @abstractmethod
    async def backorder(self, order_id: str) -> bool:
        """Queue the order for the stock it lacks; False: it is not to wait, or no longer.

        Whoever receives that stock then wakes the order.
        """

    @activity.defn
    @abstractmethod
    async def release(self, order_id: str) -> None:
        """Give back what the order holds and no longer wait for what it lacks."""

    @activity.defn
    @abstractmethod
    async def waiting_for(self, order_id: str) -> WaitingOrdersResult:
        """Orders that wait for products of this one, which has just given some back."""

    @activity.defn
    @abstractmethod
    async def reject(self, reject: RejectInput) -> OrderProgress:
        """Reject it, unless something else was quicker: then that stands."""

    @activity.defn
    @abstractmethod
    async def request_cancellation(self, request: CancellationInput) -> CancellationResult:
        """From here on no step goes forward. Too late once the order has shipped."""

    @activity.defn
    @abstractmethod
    async def start_compensation(self, request: CancellationInput) -> OrderProgress:
        """The same, asked by the saga: where it is too late, what stands instead is the answer."""

    @activity.defn
    @abstractmethod
    async def withdraw_cancellation(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def cancel(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def deliver(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def complete(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def request_return(self, request: ReturnRequestInput) -> RecordedResult:
        """Fails with RETURN_NOT_POSSIBLE outside the return window, or for more than was sent."""

    @activity.defn
    @abstractmethod
    async def finish_return(self, order_id: str) -> None:
        """The goods are back, and the refund has been settled by hand: take them into stock."""

    @activity.defn
    @abstractmethod
    async def lapse_return(self, order_id: str) -> None:
        """The goods never came back: the order is as if no return had been asked for."""

    @activity.defn
    @abstractmethod
    async def run_command(self, run: RunCommandInput) -> RunCommandResult: ...


class PaymentActivities(Activities, ABC):
    """Asks the payment provider and records its answer."""

    @activity.defn
    @abstractmethod
    async def authorize(self, order_id: str) -> AuthorizationResult:
        """Make the first attempt; where there has been one, see what became of the latest."""

    @activity.defn
    @abstractmethod
    async def restore(self, order_id: str) -> None:
        """Record every attempt to pay that the provider knows of and the log has lost."""

    @activity.defn
    @abstractmethod
    async def authorize_again(self, authorize: AuthorizeInput) -> AuthorizationResult:
        """Make a further attempt, after the one before it is void."""

    @activity.defn
    @abstractmethod
    async def request_payment(self, authorize: AuthorizeInput) -> RecordedResult:
        """Note that a further attempt is coming, before the provider is asked."""

    @activity.defn
    @abstractmethod
    async def look_up(self, order_id: str) -> AuthorizationResult:
        """Ask what became of the latest attempt, and record it."""

    @activity.defn
    @abstractmethod
    async def give_back(self, order_id: str) -> None:
        """Make sure that nothing is held or kept, whatever became of the attempts so far."""

    @activity.defn
    @abstractmethod
    async def capture(self, order_id: str) -> None:
        """Record that the parcel has left (shipment, stock and order say so together), then take
        the money."""

    @activity.defn
    @abstractmethod
    async def refund(self, order_id: str) -> OrderProgress:
        """The goods of the return are back: refund them, then put them into stock together with
        the return's end."""


class ShippingActivities(Activities, ABC):
    """Asks the carrier and records its answer."""

    @activity.defn
    @abstractmethod
    async def create_shipment(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def cancel_shipment(self, order_id: str) -> bool:
        """Whether the carrier could stop it; False: the parcel has left."""

    @activity.defn
    @abstractmethod
    async def track(self, order_id: str) -> TrackedStatus: ...

    @activity.defn
    @abstractmethod
    async def collect_return(self, order_id: str) -> None:
        """Ask the carrier to fetch back what the return is of."""

    @activity.defn
    @abstractmethod
    async def track_return(self, order_id: str) -> bool:
        """Whether the carrier says that the goods are back."""


class RecoveryActivities(Activities, ABC):
    """Compares the log with what runs in Temporal."""

    @activity.defn
    @abstractmethod
    async def recover_missing(self, reconcile: ReconcileInput) -> RecoveryResult:
        """Run the saga of every open order that has no workflow any more, and record workflows
        that have no open order any more."""


class ReconciliationActivities(Activities, ABC):
    """Compares the log with the providers' books."""

    @activity.defn
    @abstractmethod
    async def compare(self, reconcile: ReconcileInput) -> ComparisonResult:
        """Look at what has changed since the last run, and at some of what has not; wake sagas
        that missed the news."""

    @activity.defn
    @abstractmethod
    async def recheck(self, compared: ComparisonResult) -> RecheckResult:
        """Look again: record what is at odds still, settle what agrees; what stays at odds."""
