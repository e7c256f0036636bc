"""The queries that the activities send to Temporal."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class OrderWorkflows(Protocol):
    """The orders' sagas as Temporal knows them. Every method may be called again."""

    async def running(self) -> dict[str, datetime]:
        """Return the orders whose saga runs, with its start time; the latest changes may be
        missing."""

    async def is_running(self, order_id: str) -> bool:
        """Return whether the saga runs, from the workflow itself and not from an index."""

    async def recover(self, order_id: str, customer_id: str) -> None: ...

    async def resume_aftercare(self, order_id: str) -> None:
        """Run the aftercare of an order, unless it runs."""

    async def cut_off_aftercare(self, limit: int) -> list[str]:
        """Return orders whose aftercare was cut off lately and has not run since."""

    async def notify_of_stock(self, order_id: str) -> None:
        """Notify the saga that the stock which its parcel waits for is there."""

    async def place_again(self, order_id: str) -> bool:
        """Place an order that the log has lost, by the command that its workflow was started with,
        and run its saga anew. Return False if Temporal holds no such command."""
