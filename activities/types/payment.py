"""An attempt to pay, its hold, and what is given back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.idempotency import KeyUse


class AuthorizationOutcome(StrEnum):
    AUTHORIZED = "authorized"
    PENDING = "pending"
    DECLINED = "declined"


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
class RefundInput:
    """A refund that an operator has requested, by its number."""

    order_id: str
    number: int
