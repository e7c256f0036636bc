"""Each event type is a final fact for the customer or not. A new one must be decided on."""

from __future__ import annotations

from typing import Final

import pytest

from activities.types.failures import PROVIDER_REFUSED as REFUSED
from domain.event import Event
from domain.payment.events import PaymentPending
from domain.registry import EVENT_TYPES
from domain.saga.events import SagaParked
from notifications import facts
from notifications.facts import ONCE_PER_ORDER, TYPES, Notice, notice_of
from tests.samples.examples import EXAMPLES

DECIDED: Final[dict[str, Notice | None]] = {
    "ProductListed": None,
    "ProductRenamed": None,
    "ProductPriceChanged": None,
    "ProductDiscontinued": None,
    "CustomerErased": None,
    "OrderNoteAdded": None,
    "StockReceived": None,
    "StockAdjusted": None,
    "InventoryReserved": None,
    "InventoryReleased": None,
    "InventoryCommitted": None,
    "StockReturned": None,
    "BackorderQueued": Notice.WAITING_FOR_STOCK,
    "BackorderEnded": None,
    "OrderCreated": Notice.RECEIVED,
    "OrderReserved": None,
    "OrderAuthorized": None,
    "OrderConfirmed": None,
    "OrderConfirmationWithdrawn": None,
    "OrderShipped": Notice.SHIPPED,
    "OrderDelivered": Notice.DELIVERED,
    "OrderCompleted": None,
    "OrderRejected": Notice.REJECTED,
    "OrderCancellationRequested": None,
    "OrderCancellationWithdrawn": None,
    "OrderCancelled": Notice.CANCELLED,
    "OrderReturnRequested": None,
    "OrderReturned": Notice.RETURNED,
    "OrderReturnLapsed": Notice.RETURN_LAPSED,
    "OrderReturnResumed": None,
    "PaymentRequested": None,
    "PaymentPending": Notice.PAYMENT_NEEDED,
    "PaymentAuthorized": None,
    "PaymentDeclined": Notice.PAYMENT_NEEDED,
    "PaymentRefused": None,  # the order is cancelled, which is said
    "PaymentHoldEnded": Notice.PAYMENT_NEEDED,
    "PaymentCaptured": None,
    "OrderRefundRequested": None,
    "OrderRefundEnded": Notice.REFUNDED,
    "PaymentRefunded": None,
    "PaymentRefundFailed": None,
    "PaymentDisputed": None,
    "PaymentDisputeClosed": None,
    "PaymentRefundedElsewhere": None,
    "PaymentRefundElsewhereFailed": None,
    "PaymentRefundSettledByOperator": None,
    "PaymentSettledByOperator": None,
    "PaymentVoided": None,
    "SagaParked": None,  # only a refund that the provider has refused, see below
    "SagaUnparked": None,
    "SagaRetried": None,
    "SagaStepSkipped": None,
    "SagaStepResolved": None,
    "SagaCompensationRequested": None,
    "SagaRecovered": None,
    "DiscrepancyFound": None,
    "DiscrepancyAccepted": None,
    "DiscrepancyResolved": None,
    "ShipmentCreated": None,
    "TrackingNumberAssigned": None,
    "ShipmentDispatched": None,
    "ShipmentDelivered": None,
    "ShipmentCancelled": None,
    "ShipmentStopped": None,
    "ShipmentLost": None,
    "ShipmentReturnedToSender": None,
    "ShipmentReturnRequested": None,
    "ShipmentReturned": None,
}


def test_each_event_type_is_decided_on() -> None:
    assert DECIDED.keys() == EVENT_TYPES.keys()


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_each_event_gives_the_notice_that_was_decided_on(event: Event) -> None:
    assert notice_of(event) == DECIDED[type(event).__name__]


def test_the_follower_reads_exactly_the_types_that_may_give_a_notice() -> None:
    decided = {name for name, kind in DECIDED.items() if kind is not None}
    assert decided | {"SagaParked"} == TYPES


def test_each_kind_of_notice_has_an_event() -> None:
    assert {*filter(None, DECIDED.values()), Notice.REFUND_FAILED} == set(Notice)
    assert ONCE_PER_ORDER == (Notice.WAITING_FOR_STOCK, Notice.REFUND_FAILED)


def test_a_payment_that_waits_for_the_provider_alone_needs_no_customer() -> None:
    pending = PaymentPending(order_id="o-1", attempt=1, reference="pi_1", action_url=None)
    assert notice_of(pending) is None


@pytest.mark.parametrize("step", ["refund", "give_back"])
def test_a_refund_that_the_provider_has_refused_has_failed(step: str) -> None:
    assert facts.PROVIDER_REFUSED == REFUSED
    assert notice_of(parked(step, REFUSED)) is Notice.REFUND_FAILED


@pytest.mark.parametrize(
    ("step", "code"), [("refund", "NO_ANSWER"), ("refund", "OVERDUE"), ("capture", REFUSED)]
)
def test_a_refund_that_is_tried_again_and_another_step_have_not_failed(
    step: str, code: str
) -> None:
    assert notice_of(parked(step, code)) is None


def parked(step: str, code: str) -> SagaParked:
    return SagaParked(
        order_id="o-1",
        step=step,
        undoing=False,
        parking=1,
        code=code,
        message="refused",
        workflow_id="order-o-1",
    )
