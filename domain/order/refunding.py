"""Decide about a refund that an operator requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order import commands as c
from domain.order import events as e
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.order.refunds import refund_of
from domain.order.state import OrderState, OrderStatus, Refund
from domain.saga.plan import REFUND, refund_order


def request_refund(command: c.RequestRefund, state: OrderState) -> Sequence[e.OrderEvent]:
    """Promise the money, if no earlier promise needs it."""
    if (made := _made_under(command.key, state)) is not None:
        _check_same_request(command, made)
        return []
    if state.status is OrderStatus.CANCELLING or not command.captured:
        raise Refused(
            ErrorCode.REFUND_NOT_POSSIBLE,
            f"order {command.aggregate_id} is {state.status}: no captured money is kept for it",
            ("input", "orderId"),
        )
    price = None if command.lines is None else _price_of(command.lines, state)
    amount = command.amount if price is None else price.total
    left = max(0, command.captured - command.given_back - _still_promised(command, state))
    if not amount or amount > left:
        raise Refused(
            ErrorCode.REFUND_TOO_LARGE,
            f"{amount} {state.price.currency} cannot be refunded: {left} of the"
            f" {command.captured} that were captured are left (minor units)",
            ("input", "amount" if price is None else "lines"),
        )
    return [
        e.OrderRefundRequested(
            order_id=command.aggregate_id,
            refund=len(state.refunds) + 1,
            amount=Money(amount=amount, currency=state.price.currency),
            price=price,
            lines=command.lines or (),
            reason=command.reason,
            key=command.key,
        )
    ]


def end_refund(command: c.EndRefund, state: OrderState) -> Sequence[e.OrderEvent]:
    refund = state.refunds.get(command.refund)
    if refund is None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} has no refund {command.refund}",
        )
    is_given_up = command.is_given_up and not command.refunded
    if not refund.is_open and (refund.is_given_up or not is_given_up):
        return []
    return [
        e.OrderRefundEnded(
            order_id=command.aggregate_id,
            refund=command.refund,
            refunded=Money(amount=command.refunded, currency=state.price.currency),
            is_given_up=is_given_up,
        )
    ]


def refunded_pieces(state: OrderState) -> Counter[str]:
    """Return the pieces whose price was promised by requests for a refund, and not given up."""
    pieces: Counter[str] = Counter()
    for refund in state.refunds.values():
        if not refund.is_given_up:
            pieces.update({line.sku: line.quantity for line in refund.lines})
    return pieces


def _made_under(key: str, state: OrderState) -> Refund | None:
    return next((refund for refund in state.refunds.values() if refund.key == key), None)


def _check_same_request(command: c.RequestRefund, made: Refund) -> None:
    by_lines = command.lines is not None
    asked = (command.lines or (), command.reason, made.amount if by_lines else command.amount)
    if asked != (made.lines, made.reason, made.amount):
        raise Refused(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            "this idempotency key was used for another refund; use a new key for a new one",
            ("input", "idempotencyKey"),
        )


def _still_promised(command: c.RequestRefund, state: OrderState) -> int:
    """Return what earlier promises are still to give: open requests, a return under way, and
    refunds that have failed."""
    promised = {
        refund_order(number).name: refund.amount
        for number, refund in state.refunds.items()
        if refund.is_open
    }
    if state.returning is not None:
        promised[REFUND.name] = state.returning.refund.total
    left = (max(0, amount - command.given_for.get(step, 0)) for step, amount in promised.items())
    return sum(left) + command.failed


def _price_of(lines: Sequence[ReturnedLine], state: OrderState) -> Price:
    """Return what a return of the pieces would give back. A piece is refunded once."""
    before = refunded_pieces(state)
    for returned in (state.returned, state.returning):
        before.update({line.sku: line.quantity for line in returned.lines} if returned else {})
    ordered = {line.sku: line.quantity for line in state.lines}
    for index, line in enumerate(lines):
        left = max(0, ordered.get(line.sku, 0) - before[line.sku])
        if line.quantity > left:
            raise Refused(
                ErrorCode.REFUND_TOO_LARGE,
                f"{line.sku}: {line.quantity} to be refunded, {left} of"
                f" {ordered.get(line.sku, 0)} are not returned or refunded yet",
                ("input", "lines", str(index), "quantity"),
            )
    now = {line.sku: line.quantity for line in lines}
    return refund_of(now, before, state.lines, state.price)
