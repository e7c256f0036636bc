"""Decide about the return of an order."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order import commands as c
from domain.order import events as e
from domain.order.lines import ReturnedLine
from domain.order.state import OrderState, OrderStatus


def request_return(command: c.RequestReturn, state: OrderState) -> Sequence[e.OrderEvent]:
    lines = _everything(state) if command.lines is None else command.lines
    if state.returning is not None and state.returning.lines == lines:
        return []
    if state.status is not OrderStatus.DELIVERED:
        raise _not_possible(
            f"order {command.aggregate_id} is {state.status}: it can be returned once it is"
            " delivered and until its return window closes"
        )
    if state.return_asked_for:
        raise _not_possible(
            f"order {command.aggregate_id} has had its return: there is one for each order"
        )
    return [
        e.OrderReturnRequested(
            order_id=command.aggregate_id, lines=lines, refund=_worth(lines, state)
        )
    ]


def finish_return(command: c.FinishReturn, state: OrderState) -> Sequence[e.OrderEvent]:
    if state.returned is not None:
        return []
    if state.returning is None:
        raise Refused(
            ErrorCode.WRONG_STATE, f"order {command.aggregate_id} has no return under way"
        )
    return [
        e.OrderReturned(
            order_id=command.aggregate_id,
            lines=state.returning.lines,
            refund=state.returning.refund,
            is_whole=_pieces(state.returning.lines) == _pieces(_everything(state)),
        )
    ]


def lapse_return(command: c.LapseReturn, state: OrderState) -> Sequence[e.OrderEvent]:
    if state.returning is None:
        return []
    return [e.OrderReturnLapsed(order_id=command.aggregate_id)]


def _everything(state: OrderState) -> tuple[ReturnedLine, ...]:
    return tuple(ReturnedLine(sku=line.sku, quantity=line.quantity) for line in state.lines)


def _pieces(lines: Sequence[ReturnedLine]) -> dict[str, int]:
    return {line.sku: line.quantity for line in lines}


def _worth(lines: Sequence[ReturnedLine], state: OrderState) -> Money:
    """Return the price of the lines as agreed. Raises Refused for products that the order does not
    have."""
    ordered = {line.sku: line for line in state.lines}
    amount = 0
    for index, line in enumerate(lines):
        sent = ordered.get(line.sku)
        path = ("input", "lines", str(index))
        if sent is None:
            raise _not_possible(f"the order has no {line.sku}", (*path, "sku"))
        if line.quantity > sent.quantity:
            raise _not_possible(
                f"{line.sku}: {line.quantity} to be returned, {sent.quantity} were sent",
                (*path, "quantity"),
            )
        amount += line.quantity * sent.unit_price
    return Money(amount=amount, currency=state.total.currency)


def _not_possible(message: str, field: tuple[str, ...] = ()) -> Refused:
    return Refused(ErrorCode.RETURN_NOT_POSSIBLE, message, field)
