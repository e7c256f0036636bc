"""Show an order as it was at a position of the log or at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from api.context import Context
from api.errors import RequestError, RequestErrorCode, bad_input
from api.scalars import Position
from queries.order_history import MAX_EVENTS, NotReached, TooManyEvents
from queries.order_view import OrderView

ReadPast = Callable[[str], Awaitable[OrderView | None]]


async def past_reader(
    context: Context, as_of: Position | None, at: datetime | None
) -> ReadPast | None:
    """Return how to read the order that the arguments ask for; None for the order of today.

    Raises BAD_USER_INPUT, which names the argument.
    """
    history = context.services.order_history
    if as_of is not None and at is not None:
        raise bad_input("pass asOf or at, and not both")
    if as_of is not None:
        await _checked(history.check_position(as_of), "asOf")
        return lambda order_id: history.as_of(order_id, as_of)
    if at is not None:
        if at.tzinfo is None:
            raise bad_input("at: the time needs a time zone: append Z for UTC, or an offset")
        await _checked(history.check_time(at), "at")
        return lambda order_id: history.at(order_id, at)
    return None


async def _checked(check: Awaitable[None], argument: str) -> None:
    try:
        await check
    except NotReached:
        message = "the log has not come this far: pass an earlier one, or ask again later"
        raise bad_input(f"{argument}: {message}") from None


async def order_then(order: OrderView, read: ReadPast) -> OrderView:
    """Return the order as it was. Raises NOT_FOUND for the time before it was placed."""
    try:
        then = await read(order.id)
    except TooManyEvents:
        message = f"the order has more than {MAX_EVENTS} events: only its present can be read"
        raise bad_input(message) from None
    if then is None:
        message = "the order had not been placed yet: pass a later position or time"
        raise RequestError(RequestErrorCode.NOT_FOUND, message)
    return then
