"""Request an order's return, and answer repeats of the request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from api.context import Context
from api.idempotency import key_of, once
from api.orders.asking import ask_saga
from api.orders.inputs import OrderLineInput, RequestReturnInput
from api.orders.types import Order, RequestReturnPayload
from api.scalars import Position
from api.user_errors import UserError, bad_key, input_error, no_such_order
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.identifiers import is_idempotency_key, is_identifier
from domain.order.commands import RequestReturn
from domain.order.lines import MAX_LINES, MAX_QUANTITY, ReturnedLine
from queries.order_view import OrderView


async def request_return(request: RequestReturnInput, context: Context) -> RequestReturnPayload:
    errors = list(_check(request))
    if errors:
        return RequestReturnPayload(user_errors=errors)
    order = await context.find_order(request.order_id)
    if order is None:
        return RequestReturnPayload(user_errors=[no_such_order()])
    key = key_of("requestReturn", request, context)
    try:
        position = await once(key, context, lambda: _return(order.id, request, key, context))
    except Refused as refused:
        return RequestReturnPayload(user_errors=[UserError.of(refused)])
    return _payload(Order.of(await context.get_order(order.id)), position)


async def _return(
    order_id: str, request: RequestReturnInput, key: KeyUse, context: Context
) -> KeyedResult:
    lines = lines_of(request.lines)

    async def ask(current: OrderView) -> KeyedResult:
        return await context.services.orchestrator.request_return(
            order_id, lines, key=key, actor=context.viewer.actor, seen=current.position
        )

    command = RequestReturn(aggregate_id=order_id, lines=lines)
    return await ask_saga(order_id, command, key, context, ask)


def _check(request: RequestReturnInput) -> Iterator[UserError]:
    """Yield the errors that do not depend on the order."""
    if not is_idempotency_key(request.idempotency_key):
        yield bad_key()
    if request.lines is not None:
        message = "name at least one line; without lines, everything is returned"
        yield from check_lines(request.lines, message)


def check_lines(lines: Sequence[OrderLineInput], if_empty: str) -> Iterator[UserError]:
    if not lines:
        yield input_error(ErrorCode.INVALID_INPUT, if_empty, "lines")
    if len(lines) > MAX_LINES:
        message = f"an order has at most {MAX_LINES} lines"
        yield input_error(ErrorCode.TOO_MANY_LINES, message, "lines")
        return
    seen: set[str] = set()
    for index, line in enumerate(lines):
        yield from _check_line(index, line, seen)
        seen.add(line.sku)


def _check_line(index: int, line: OrderLineInput, seen: set[str]) -> Iterator[UserError]:
    if not 1 <= line.quantity <= MAX_QUANTITY:
        message = f"a quantity is from 1 to {MAX_QUANTITY}"
        yield input_error(ErrorCode.INVALID_QUANTITY, message, "lines", index, "quantity")
    if line.sku in seen:
        message = "this SKU is on an earlier line: add the quantities up"
        yield input_error(ErrorCode.DUPLICATE_LINE, message, "lines", index, "sku")
    elif not is_identifier(line.sku):
        message = "there is no product with this SKU"
        yield input_error(ErrorCode.UNKNOWN_SKU, message, "lines", index, "sku")


def lines_of(lines: Sequence[OrderLineInput] | None) -> tuple[ReturnedLine, ...] | None:
    if lines is None:
        return None
    return tuple(ReturnedLine(sku=line.sku, quantity=line.quantity) for line in lines)


def _payload(order: Order, position: int) -> RequestReturnPayload:
    return RequestReturnPayload(order=order, position=Position(position))
