"""Say what an event means in one line, without personal data and without texts of providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from domain.event import Event
from domain.inventory import events as stock
from domain.money import Money
from domain.note.events import OrderNoteAdded
from domain.order import events as order
from domain.order.lines import ReturnedLine
from domain.payment import events as payment
from domain.payment.commands import HoldEnd
from domain.saga import events as saga
from domain.shipping import events as shipping


def meaning_of(event: Event, *, is_unpaid: bool = False) -> str:
    """Return the meaning. `is_unpaid`: the total of the order is 0."""
    if is_unpaid and isinstance(event, order.OrderAuthorized):
        return "There is nothing to pay: no payment is needed."
    return _MEANINGS[type(event)](event)


def money_text(money: Money) -> str:
    """Return the amount in minor units, as the log has it."""
    return f"{money.amount} {money.currency} (minor units)"


def _pieces(event: Any) -> str:  # noqa: ANN401 - any event of stock
    return f"{event.quantity} x {event.sku}"


def _lines(lines: Sequence[ReturnedLine]) -> str:
    return ", ".join(f"{line.quantity} x {line.sku}" for line in lines)


def _placed(event: order.OrderCreated) -> str:
    return f"The customer placed order {event.number} for {money_text(event.total)}."


def _rejected(event: order.OrderRejected) -> str:
    product = f" for {event.sku}" if event.sku else ""
    return f"The order was rejected: {event.reason}{product}."


def _returned(event: order.OrderReturned) -> str:
    refunded = money_text(event.refunded)
    return f"The return ended: {_lines(event.lines)} came back, and {refunded} were refunded."


def _refund_requested(event: order.OrderRefundRequested) -> str:
    pieces = f" for {_lines(event.lines)}" if event.lines else ""
    promised = f"Refund {event.refund} of {money_text(event.amount)}{pieces} was requested."
    return f"{promised} Reason: {event.reason}"


def _parked(event: saga.SagaParked) -> str:
    step = f"the undo {event.step}" if event.undoing else f"the step {event.step}"
    return f"The saga parked: {step} failed with {event.code}: {event.message}"


def _differs(event: saga.DiscrepancyFound) -> str:
    return f"{event.system} differs: the log says {event.ours}, the system says {event.theirs}."


def _intervened(act: str) -> Callable[[saga.SagaStepIntervened], str]:
    return lambda event: f"{act} the step {event.step}. Reason: {event.reason}"


def _hold_ended(event: payment.PaymentHoldEnded) -> str:
    how = "was released by the provider"
    if event.cause is HoldEnd.RUNNING_OUT:
        how = "was about to run out, and is voided"
    return f"The hold of attempt {event.attempt} {how}."


def _settled(event: payment.PaymentSettledByOperator) -> str:
    return (
        f"An operator has settled the payment at {event.step}, and gave back"
        f" {money_text(event.amount)} outside Waybill. What the provider holds stays as it is."
    )


def _said(text: str) -> Callable[[Any], str]:
    return lambda _: text


_MEANINGS: Final[Mapping[type[Event], Callable[[Any], str]]] = {
    order.OrderCreated: _placed,
    order.OrderReserved: _said("The stock of every line is reserved."),
    order.OrderAuthorized: _said("The payment is authorized."),
    order.OrderConfirmed: _said("The order is confirmed."),
    order.OrderConfirmationWithdrawn: _said(
        "The payment's hold has ended before the dispatch: the customer has to pay again."
    ),
    order.OrderShipped: _said("The parcel has left: the order can no longer be cancelled."),
    order.OrderDelivered: _said("The parcel has arrived, and the return window is open."),
    order.OrderCompleted: _said("The return window has closed: the order is complete."),
    order.OrderRejected: _rejected,
    order.OrderCancellationRequested: lambda e: f"The compensation starts: {e.reason}.",
    order.OrderCancellationWithdrawn: _said("The parcel left first: the order continues."),
    order.OrderCancelled: lambda e: f"The order is cancelled, and all is undone: {e.reason}.",
    order.OrderReturnRequested: lambda e: f"A return was requested: {_lines(e.lines)}.",
    order.OrderReturned: _returned,
    order.OrderReturnLapsed: _said("The goods have not come back, and nothing is refunded."),
    order.OrderReturnResumed: _said("The goods of the lapsed return have come back after all."),
    order.OrderRefundRequested: _refund_requested,
    order.OrderRefundEnded: lambda e: (
        f"Refund {e.refund} has ended: {money_text(e.refunded)} were given back."
    ),
    payment.PaymentRequested: lambda e: (
        f"Attempt {e.attempt} to pay {money_text(e.amount)} begins."
    ),
    payment.PaymentPending: lambda e: f"Attempt {e.attempt} waits for the customer's approval.",
    payment.PaymentAuthorized: lambda e: (
        f"Attempt {e.attempt} is authorized: the provider holds {money_text(e.amount)}."
    ),
    payment.PaymentHoldEnded: _hold_ended,
    payment.PaymentDeclined: lambda e: f"Attempt {e.attempt} was declined: {e.code}.",
    payment.PaymentRefused: lambda e: (
        f"The provider refused to create attempt {e.attempt}, and holds nothing: {e.code}."
    ),
    payment.PaymentCaptured: lambda e: f"{money_text(e.amount)} were captured.",
    payment.PaymentRefunded: lambda e: (
        f"{money_text(e.amount)} were refunded, {e.refunded_in_all.amount} in all."
    ),
    payment.PaymentRefundFailed: lambda e: (
        f"A refund of {money_text(e.amount)} failed at the bank, {e.refunded_in_all.amount} in all"
        " remain refunded."
    ),
    payment.PaymentRefundedElsewhere: lambda e: (
        f"{money_text(e.amount)} were refunded outside Waybill ({e.refund_id}),"
        f" {e.refunded_in_all.amount} in all."
    ),
    payment.PaymentRefundElsewhereFailed: lambda e: (
        f"The refund of {money_text(e.amount)} outside Waybill ({e.refund_id}) failed."
    ),
    payment.PaymentDisputed: lambda e: (
        f"The customer's bank disputes {money_text(e.amount)}: {e.reason}."
    ),
    payment.PaymentDisputeClosed: lambda e: (
        f"The dispute of {money_text(e.amount)} is {str(e.outcome).lower()}."
    ),
    payment.PaymentRefundSettledByOperator: lambda e: (
        f"In place of {e.step}, an operator has given back {money_text(e.amount)} outside Waybill,"
        f" and {money_text(e.by_hand)} by hand at the provider."
    ),
    payment.PaymentSettledByOperator: _settled,
    payment.PaymentVoided: _said("No money is held any more, and none will be captured."),
    shipping.ShipmentCreated: _said("The carrier knows of the parcel."),
    shipping.TrackingNumberAssigned: _said("The carrier gave the parcel a tracking number."),
    shipping.ShipmentDispatched: _said("The carrier has the parcel."),
    shipping.ShipmentDelivered: _said("The carrier has handed the parcel over."),
    shipping.ShipmentCancelled: _said("The parcel will never leave."),
    shipping.ShipmentStopped: _said(
        "The carrier has cancelled the shipment; it is booked again once the order is paid."
    ),
    shipping.ShipmentLost: _said("The carrier has lost the parcel."),
    shipping.ShipmentReturnedToSender: _said(
        "The parcel could not be delivered, and is back in the warehouse."
    ),
    shipping.ShipmentReturnRequested: _said("The carrier will collect the returned goods."),
    shipping.ShipmentReturned: _said("The returned goods are back."),
    stock.InventoryReserved: lambda e: f"{_pieces(e)} reserved.",
    stock.InventoryReleased: lambda e: f"{_pieces(e)} released: others may reserve them.",
    stock.InventoryCommitted: lambda e: f"{_pieces(e)} left the warehouse.",
    stock.StockReturned: lambda e: f"{_pieces(e)} came back into stock.",
    stock.BackorderQueued: lambda e: f"The order waits for {_pieces(e)}.",
    stock.BackorderEnded: lambda e: f"The order no longer waits for {_pieces(e)}.",
    saga.SagaParked: _parked,
    saga.SagaUnparked: lambda e: f"{e.step} has ended, and no longer waits for an operator.",
    saga.SagaRetried: _intervened("Retry"),
    saga.SagaStepSkipped: _intervened("Skip"),
    saga.SagaStepResolved: _intervened("Take as settled outside Waybill"),
    saga.SagaCompensationRequested: _intervened("Compensate instead of"),
    saga.SagaRecovered: lambda e: f"The saga continues in a new workflow: {e.cause}.",
    saga.DiscrepancyFound: _differs,
    saga.DiscrepancyAccepted: lambda e: (
        f"The difference from {e.system} was accepted. Reason: {e.reason}"
    ),
    saga.DiscrepancyResolved: lambda e: f"{e.system} and the log agree again.",
    OrderNoteAdded: _said("A member of staff added a note."),
}
