"""Place an order under a number that no other order has.

The unique index of `readmodel.order_view` decides in the transaction that appends the order. So
two orders with the same candidate cannot both be placed, and neither of them fails.
"""

from __future__ import annotations

from typing import Final

from activities.command_handler import CommandHandler, Step
from domain.order.commands import PlaceOrder
from eventstore.errors import EventIdReused, UniqueValueTaken

NUMBER_INDEX: Final = "order_view_number_key"
MAX_CANDIDATES: Final = 10
"""Two of seven million orders are likely to share one. Ten that are taken mean a fault."""


async def place_order(handler: CommandHandler, step: Step, command: PlaceOrder) -> None:
    """Place the order with the first candidate for its number that is free.

    A second run changes nothing. It may run beside the first one and learn from EventIdReused that
    the first one took a later candidate; its next try then finds the order.
    """
    for candidate in range(MAX_CANDIDATES):
        attempt = command.model_copy(update={"number_candidate": candidate})
        try:
            await handler.handle(step, attempt)
        except (EventIdReused, UniqueValueTaken) as error:
            if not _may_try_again(error) or candidate == MAX_CANDIDATES - 1:
                raise
        else:
            return


def _may_try_again(error: EventIdReused | UniqueValueTaken) -> bool:
    return isinstance(error, EventIdReused) or error.constraint == NUMBER_INDEX
