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
    order_id: Identifier
    quantity: Quantity


class ReleaseStock(InventoryCommand):
    """Give back what the order holds, if it holds any."""

    order_id: Identifier


class CommitStock(InventoryCommand):
    """What the order holds has left the house."""

    order_id: Identifier
