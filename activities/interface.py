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
    AuthorizationOutcome,
    Authorize,
    CancellationAnswer,
    Place,
    Recorded,
    Reject,
    RequestCancel,
    RunCommand,
    TrackedStatus,
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


class OrderActivities(Activities, ABC):
    """Changes of the order and of its stock. They touch the database alone."""

    @activity.defn
    @abstractmethod
    async def place(self, place: Place) -> Recorded: ...

    @activity.defn
    @abstractmethod
    async def reserve(self, order_id: str) -> None:
        """Hold every line, all or none. Fails with OUT_OF_STOCK and the SKU that is short."""

    @activity.defn
    @abstractmethod
    async def release(self, order_id: str) -> None:
        """Give back what the order holds, if it holds anything."""

    @activity.defn
    @abstractmethod
    async def reject(self, reject: Reject) -> None: ...

    @activity.defn
    @abstractmethod
    async def request_cancellation(self, request: RequestCancel) -> CancellationAnswer:
        """From here on no step goes forward. Too late once the order has shipped."""

    @activity.defn
    @abstractmethod
    async def withdraw_cancellation(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def cancel(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def dispatch(self, order_id: str) -> None:
        """The parcel has left: shipment, stock and order say so together."""

    @activity.defn
    @abstractmethod
    async def deliver(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def complete(self, order_id: str) -> None: ...

    @activity.defn
    @abstractmethod
    async def run_command(self, run: RunCommand) -> Recorded: ...


class PaymentActivities(Activities, ABC):
    """Asks the payment provider and records its answer."""

    @activity.defn
    @abstractmethod
    async def authorize(self, authorize: Authorize) -> AuthorizationOutcome: ...

    @activity.defn
    @abstractmethod
    async def request_payment(self, authorize: Authorize) -> Recorded:
        """Note that a further attempt is coming, before the provider is asked."""

    @activity.defn
    @abstractmethod
    async def look_up(self, order_id: str) -> AuthorizationOutcome:
        """Ask what became of the latest attempt, and record it."""

    @activity.defn
    @abstractmethod
    async def void(self, order_id: str) -> None:
        """Make sure that nothing is taken, whatever became of the attempts so far."""

    @activity.defn
    @abstractmethod
    async def capture(self, order_id: str) -> None: ...


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
