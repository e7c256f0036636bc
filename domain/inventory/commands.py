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
    """Reserve pieces for an order. The first order to ask gets them, before orders that wait.

    Waiting orders are notified oldest first when stock arrives; there is no stricter promise.
    """

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
    """Queue the order for this product, if the stock is short."""

    order_id: Identifier
    quantity: Quantity
