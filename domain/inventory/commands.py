from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from domain.command import Command, Identifier

MAX_RECEIPT = 1_000_000

Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_RECEIPT)]


def _not_zero(difference: int) -> int:
    if difference == 0:
        raise ValueError("a difference is not 0")
    return difference


Difference = Annotated[
    int, Field(strict=True, ge=-MAX_RECEIPT, le=MAX_RECEIPT), AfterValidator(_not_zero)
]


class AdjustmentReason(StrEnum):
    """The reason why the pieces on hand are not as many as recorded."""

    DAMAGED = "DAMAGED"
    """Pieces can no longer be sold."""
    LOST = "LOST"
    """Pieces are missing, stolen ones included."""
    FOUND = "FOUND"
    """Pieces that were missing are there."""
    RETURNED = "RETURNED"
    """Pieces came back that belong to no order, or to no return of their order."""
    COUNTED = "COUNTED"
    """A stocktake found more or fewer pieces than recorded."""


def is_possible(reason: AdjustmentReason, difference: int) -> bool:
    """Return whether the reason can lead to a difference of this sign."""
    match reason:
        case AdjustmentReason.DAMAGED | AdjustmentReason.LOST:
            return difference < 0
        case AdjustmentReason.FOUND | AdjustmentReason.RETURNED:
            return difference > 0
        case AdjustmentReason.COUNTED:
            return difference != 0


class InventoryCommand(Command):
    """`aggregate_id` is the SKU."""


class ReceiveStock(InventoryCommand):
    quantity: Quantity


class AdjustStock(InventoryCommand):
    """Correct the pieces on hand by a difference, for a reason other than orders and receipts.

    A difference stays right while parcels leave between the count and its record. It may leave
    orders short: see `InventoryState.short`.
    """

    difference: Difference
    reason: AdjustmentReason

    @model_validator(mode="after")
    def _has_the_sign_of_its_reason(self) -> Self:
        if not is_possible(self.reason, self.difference):
            raise ValueError(f"{self.reason} does not lead to such a difference")
        return self


class ReserveStock(InventoryCommand):
    """Reserve pieces for an order, unless orders that wait for them come first."""

    order_id: Identifier
    quantity: Quantity


class ReleaseStock(InventoryCommand):
    """Release what the order has reserved and end its backorder, if there is either."""

    order_id: Identifier


class CommitStock(InventoryCommand):
    """Record that the reserved pieces have left the warehouse."""

    order_id: Identifier


class ReturnStock(InventoryCommand):
    """Record that returned pieces are in stock again."""

    order_id: Identifier
    quantity: Quantity


class QueueBackorder(InventoryCommand):
    """Queue the order for this product, because this one or another of its products is short.

    `since` is the time at which the order began to wait. It is the same for all its products, so
    that of two orders the same one comes first everywhere.
    """

    order_id: Identifier
    quantity: Quantity
    since: AwareDatetime
