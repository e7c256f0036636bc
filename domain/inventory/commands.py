from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.command import Command, Identifier

MAX_RECEIPT = 1_000_000

Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_RECEIPT)]


class InventoryCommand(Command):
    """`aggregate_id` is the SKU."""


class ReceiveStock(InventoryCommand):
    quantity: Quantity


class ReserveStock(InventoryCommand):
    """Whoever asks first gets it: no stock is kept back for orders that wait.

    They are woken oldest first when stock arrives; there is no stricter promise.
    """

    order_id: Identifier
    quantity: Quantity


class ReleaseStock(InventoryCommand):
    """Give back what the order holds and end its waiting, if there is any of it."""

    order_id: Identifier


class CommitStock(InventoryCommand):
    """What the order holds has left the house."""

    order_id: Identifier


class ReturnStock(InventoryCommand):
    """What the customer has sent back is on the shelf again."""

    order_id: Identifier
    quantity: Quantity


class QueueBackorder(InventoryCommand):
    """Let the order wait for this product, if it is short of it."""

    order_id: Identifier
    quantity: Quantity
