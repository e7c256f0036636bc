"""Ask the saga of an order for a change, when the log does not already answer the request.

A workflow accepts a limited number of updates in its life. So a request that the log refuses, or
that changes nothing, never reaches the workflow.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from api.context import Context
from domain.idempotency import KeyedResult, KeyUse
from domain.order.commands import OrderCommand
from domain.order.state import FINAL
from orchestrator.translation import NoSuchSaga, Unavailable
from queries.order_view import OrderView

logger = logging.getLogger(__name__)

MAX_TRIES: Final = 3

AskSaga = Callable[[OrderView], Awaitable[KeyedResult]]


async def ask_saga(
    order_id: str, command: OrderCommand, key: KeyUse, context: Context, ask: AskSaga
) -> KeyedResult:
    """Return the result of the request. Raises Refused, also by the log.

    A saga that has lost its workflow is recovered at once, and asked again.
    """
    services = context.services
    for _ in range(MAX_TRIES):
        order = await context.get_order(order_id)
        if not await services.decisions.would_change(command):
            return await services.keys.record(key, order.position)
        context.count_saga_request()
        try:
            return await ask(order)
        except NoSuchSaga:
            await _recover(await context.get_order(order_id), context)
    raise Unavailable("the saga's workflow is being recovered; try again")


async def _recover(order: OrderView, context: Context) -> None:
    if order.status in FINAL:
        return  # it has ended meanwhile
    logger.warning("order %s had no workflow when its saga was asked: recovered", order.id)
    await context.services.orchestrator.recover(order.id, order.customer_id)
