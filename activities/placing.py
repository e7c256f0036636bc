"""Place an order under a number that no other order has.

The unique index of `readmodel.order_view` decides in the transaction that appends the order. So
two orders with the same candidate cannot both be placed, and neither of them fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from activities.command_handler import CommandHandler, Handled, Run, Step
from domain.command import Command
from domain.inventory.commands import ReserveStock
from domain.order.commands import MarkReserved, PlaceOrder
from domain.order.lines import OrderLine
from eventstore.errors import EventIdReused, UniqueValueTaken

NUMBER_INDEX: Final = "order_view_number_key"
MAX_CANDIDATES: Final = 10
"""Two of seven million orders are likely to share one. Ten that are taken mean a fault."""


async def place_order(
    handler: CommandHandler, step: Step, command: PlaceOrder, following: Run | None = None
) -> Handled:
    """Place the order with the first candidate for its number that is free.

    The following step runs in the same transaction, or is left out if it is refused. A second run
    changes nothing. It may run beside the first one and learn from EventIdReused that the first one
    took a later candidate; its next try then finds the order.
    """
    for candidate in range(MAX_CANDIDATES):
        attempt = command.model_copy(update={"number_candidate": candidate})
        try:
            return await handler.handle_with(Run(step, [attempt]), following)
        except (EventIdReused, UniqueValueTaken) as error:
            if not _may_try_again(error) or candidate == MAX_CANDIDATES - 1:
                raise
    raise AssertionError("unreachable")


def reservation(order_id: str, lines: Iterable[OrderLine]) -> Sequence[Command]:
    """Return the commands that reserve every line, all or none."""
    return (
        MarkReserved(aggregate_id=order_id),
        *(
            ReserveStock(aggregate_id=line.sku, order_id=order_id, quantity=line.quantity)
            for line in lines
        ),
    )


def _may_try_again(error: EventIdReused | UniqueValueTaken) -> bool:
    return isinstance(error, EventIdReused) or error.constraint == NUMBER_INDEX
