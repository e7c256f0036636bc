from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.order import commands as c
from domain.order import events as e
from domain.order.number import order_number
from domain.order.refunding import end_refund, request_refund
from domain.order.returns import decide_return
from domain.order.state import (
    CANCELLABLE,
    CANCELLABLE_AFTER_DISPATCH,
    FORWARD,
    OrderState,
    OrderStatus,
    evolve,
)

_ADVANCES: dict[type[c.OrderCommand], tuple[OrderStatus, Callable[..., e.OrderEvent]]] = {
    c.MarkReserved: (OrderStatus.RESERVED, e.OrderReserved),
    c.MarkAuthorized: (OrderStatus.AUTHORIZED, e.OrderAuthorized),
    c.ConfirmOrder: (OrderStatus.CONFIRMED, e.OrderConfirmed),
    c.MarkShipped: (OrderStatus.SHIPPED, e.OrderShipped),
    c.MarkDelivered: (OrderStatus.DELIVERED, e.OrderDelivered),
    c.CompleteOrder: (OrderStatus.COMPLETED, e.OrderCompleted),
}


def decide(command: c.OrderCommand, state: OrderState) -> Sequence[e.OrderEvent]:  # noqa: PLR0911 - one case for each command
    if isinstance(command, c.PlaceOrder):
        return _place(command, state)
    if state.status is None:
        raise Refused(ErrorCode.NOT_FOUND, f"there is no order {command.aggregate_id}")
    match command:
        case c.RejectOrder():
            return _reject(command, state)
        case c.RequestCancellation():
            return _request_cancellation(command, state)
        case c.WithdrawCancellation() | c.WithdrawConfirmation():
            return _withdraw(command, state)
        case c.CancelOrder():
            return _cancel(command, state)
        case c.RequestReturn() | c.FinishReturn() | c.ResumeReturn() | c.LapseReturn():
            return decide_return(command, state)
        case c.RequestRefund():
            return request_refund(command, state)
        case c.EndRefund():
            return end_refund(command, state)
        case _:
            return _advance(command, state)


def _place(command: c.PlaceOrder, state: OrderState) -> Sequence[e.OrderEvent]:
    if state.status is None:
        return [
            e.OrderCreated(
                order_id=command.aggregate_id,
                customer_id=command.customer_id,
                lines=command.lines,
                price=command.price,
                discount_code=command.discount_code,
                payment_method=command.payment_method,
                shipping_address=command.shipping_address,
                contact=command.contact,
                fingerprint=command.fingerprint,
                promises=command.promises,
                number=order_number(command.aggregate_id, command.number_candidate),
                reference=command.reference,
                metadata=command.metadata,
                backorder=command.backorder,
            )
        ]
    if state.fingerprint == command.fingerprint:
        return []
    raise Refused(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "this idempotency key was used for another order; use a new key for a new order",
        ("input", "idempotencyKey"),
    )


def _advance(command: c.OrderCommand, state: OrderState) -> Sequence[e.OrderEvent]:
    target, event = _ADVANCES[type(command)]
    if state.has_reached(target):
        return []
    if state.status is not FORWARD[FORWARD.index(target) - 1]:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} is {state.status} and cannot become {target}",
        )
    if target is OrderStatus.COMPLETED and state.returning is not None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} has a return under way: complete it after the return",
        )
    return [event(order_id=command.aggregate_id)]


def _withdraw_confirmation(
    command: c.WithdrawConfirmation, state: OrderState
) -> Sequence[e.OrderEvent]:
    if state.status is not OrderStatus.CONFIRMED:
        return []
    return [e.OrderConfirmationWithdrawn(order_id=command.aggregate_id)]


def _reject(command: c.RejectOrder, state: OrderState) -> Sequence[e.OrderEvent]:
    if state.status is OrderStatus.REJECTED:
        return []
    if state.status is not OrderStatus.PLACED:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} is {state.status}: only a placed order can be rejected",
        )
    return [e.OrderRejected(order_id=command.aggregate_id, reason=command.reason, sku=command.sku)]


def _request_cancellation(
    command: c.RequestCancellation, state: OrderState
) -> Sequence[e.OrderEvent]:
    if state.status in {OrderStatus.CANCELLING, OrderStatus.CANCELLED}:
        return []
    allowed = CANCELLABLE_AFTER_DISPATCH if command.after_dispatch else CANCELLABLE
    if state.status not in allowed:
        raise Refused(
            ErrorCode.ORDER_NOT_CANCELLABLE,
            f"order {command.aggregate_id} is {state.status} and can no longer be cancelled",
        )
    return [e.OrderCancellationRequested(order_id=command.aggregate_id, reason=command.reason)]


def _withdraw(
    command: c.WithdrawCancellation | c.WithdrawConfirmation, state: OrderState
) -> Sequence[e.OrderEvent]:
    if isinstance(command, c.WithdrawConfirmation):
        return _withdraw_confirmation(command, state)
    return _withdraw_cancellation(command, state)


def _withdraw_cancellation(
    command: c.WithdrawCancellation, state: OrderState
) -> Sequence[e.OrderEvent]:
    if state.status is not OrderStatus.CANCELLING:
        return []
    if state.has_shipped:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} was cancelled after its parcel had left: complete"
            " the cancellation",
        )
    return [e.OrderCancellationWithdrawn(order_id=command.aggregate_id)]


def _cancel(command: c.CancelOrder, state: OrderState) -> Sequence[e.OrderEvent]:
    if state.status is OrderStatus.CANCELLED:
        return []
    if state.status is not OrderStatus.CANCELLING or state.cancellation is None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} is {state.status}: request its cancellation first",
        )
    return [e.OrderCancelled(order_id=command.aggregate_id, reason=state.cancellation)]


ORDER: Aggregate[OrderState] = Aggregate("order", OrderState(), decide, evolve)
