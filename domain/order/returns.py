"""Decide about the return of an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order import commands as c
from domain.order import events as e
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.order.refunding import refunded_pieces
from domain.order.refunds import refund_of
from domain.order.state import OrderState, OrderStatus

_MAY_RESUME = frozenset({OrderStatus.DELIVERED, OrderStatus.COMPLETED})


ReturnCommand = c.RequestReturn | c.FinishReturn | c.ResumeReturn | c.LapseReturn


def decide_return(command: ReturnCommand, state: OrderState) -> Sequence[e.OrderEvent]:
    match command:
        case c.RequestReturn():
            return _request(command, state)
        case c.FinishReturn():
            return _finish(command, state)
        case c.ResumeReturn():
            return _resume(command, state)
        case c.LapseReturn():
            return _lapse(command, state)


def _request(command: c.RequestReturn, state: OrderState) -> Sequence[e.OrderEvent]:
    lines = _everything(state) if command.lines is None else command.lines
    if state.returning is not None and _pieces(state.returning.lines) == _pieces(lines):
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
    if state.lapsed is not None and _pieces(state.lapsed.lines) != _pieces(lines):
        goods = ", ".join(f"{line.quantity} x {line.sku}" for line in state.lapsed.lines)
        raise _not_possible(
            f"the lapsed return of order {command.aggregate_id} may still arrive: request the"
            f" return of the same goods, {goods}",
            ("input", "lines"),
        )
    return [
        e.OrderReturnRequested(
            order_id=command.aggregate_id, lines=lines, refund=_refund(lines, state)
        )
    ]


def _finish(command: c.FinishReturn, state: OrderState) -> Sequence[e.OrderEvent]:
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
            refunded=Money(amount=command.refunded, currency=state.price.currency),
            is_whole=_pieces(state.returning.lines) == _pieces(_everything(state)),
            is_complete=state.status is OrderStatus.COMPLETED,
        )
    ]


def _resume(command: c.ResumeReturn, state: OrderState) -> Sequence[e.OrderEvent]:
    """Resume a lapsed return, in a complete order too. Without one this changes nothing."""
    if state.lapsed is None or state.status not in _MAY_RESUME:
        return []
    return [
        e.OrderReturnResumed(
            order_id=command.aggregate_id,
            lines=state.lapsed.lines,
            refund=_refund(state.lapsed.lines, state),
            is_complete=state.status is OrderStatus.COMPLETED,
        )
    ]


def _lapse(command: c.LapseReturn, state: OrderState) -> Sequence[e.OrderEvent]:
    if state.returning is None:
        return []
    return [e.OrderReturnLapsed(order_id=command.aggregate_id)]


def _everything(state: OrderState) -> tuple[ReturnedLine, ...]:
    return tuple(ReturnedLine(sku=line.sku, quantity=line.quantity) for line in state.lines)


def _pieces(lines: Sequence[ReturnedLine]) -> dict[str, int]:
    return {line.sku: line.quantity for line in lines}


def _refund(lines: Sequence[ReturnedLine], state: OrderState) -> Price:
    """Return what the lines give back. Raises Refused for products that the order does not have.

    A piece whose price an operator has promised back is not refunded again when it comes back.
    """
    before = _pieces(state.returned.lines) if state.returned else {}
    _check(lines, before, state)
    promised = refunded_pieces(state)
    promised.update(before)
    ordered = {line.sku: line.quantity for line in state.lines}
    due = {
        line.sku: min(line.quantity, max(0, ordered[line.sku] - promised[line.sku]))
        for line in lines
    }
    return refund_of(due, promised, state.lines, state.price)


def _check(lines: Sequence[ReturnedLine], before: Mapping[str, int], state: OrderState) -> None:
    """Raise Refused for products or pieces that the customer does not have."""
    ordered = {line.sku: line.quantity for line in state.lines}
    for index, line in enumerate(lines):
        path = ("input", "lines", str(index))
        if line.sku not in ordered:
            raise _not_possible(f"the order has no {line.sku}", (*path, "sku"))
        sent = ordered[line.sku] - before.get(line.sku, 0)
        if line.quantity > sent:
            raise _not_possible(
                f"{line.sku}: {line.quantity} to be returned, {sent} were sent",
                (*path, "quantity"),
            )


def _not_possible(message: str, field: tuple[str, ...] = ()) -> Refused:
    return Refused(ErrorCode.RETURN_NOT_POSSIBLE, message, field)
