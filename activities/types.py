"""What passes between workflows and activities. All of it is written to Temporal's history."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.state import OrderStatus


class AuthorizationOutcome(StrEnum):
    AUTHORIZED = "authorized"
    PENDING = "pending"
    DECLINED = "declined"


class TrackedStatus(StrEnum):
    """How far the carrier says it has come."""

    WAITING = "waiting"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Place:
    command: PlaceOrder
    actor: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change is in the log; `position` is its last event's, or the newest of its streams."""

    position: int


@dataclass(frozen=True, slots=True)
class Reject:
    order_id: str
    sku: str | None


@dataclass(frozen=True, slots=True)
class RequestCancel:
    order_id: str
    reason: CancellationReason
    actor: str


@dataclass(frozen=True, slots=True)
class CancellationAnswer:
    """`status` tells who was first: a cancellation, or the parcel."""

    status: OrderStatus
    position: int


@dataclass(frozen=True, slots=True)
class Authorize:
    """`method` None: the one the order was placed with."""

    order_id: str
    attempt: int
    method: str | None = None
    actor: str = "system"


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A command on one aggregate, as its class name and JSON."""

    command_type: str
    command_json: str
    actor: str
    fingerprint: str
