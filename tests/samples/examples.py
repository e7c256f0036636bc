"""One realistic event of every type, from which the samples are recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.event import Event
from domain.inventory import events as inventory
from domain.inventory.commands import AdjustmentReason
from domain.money import Money
from domain.note.events import OrderNoteAdded
from domain.order import events as order
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.contact import Contact
from domain.order.lines import Address, ReturnedLine
from domain.order.number import order_number
from domain.order.price import Price
from domain.payment import events as payment
from domain.payment.commands import DisputeOutcome, HoldEnd
from domain.privacy import Sealed
from domain.product.events import (
    ProductDiscontinued,
    ProductListed,
    ProductPriceChanged,
    ProductRenamed,
)
from domain.saga import events as saga
from domain.saga.commands import ReconciledSystem, RecoveryCause
from domain.shipping import events as shipping
from tests.support.order_parts import PLACED_AT, PROMISES, a_line

ORDER: Final = "0f4ab0c1-64c3-5e0f-8d5f-3f9f0b6f2f5e"
CUSTOMER: Final = "ada"
REFERENCE: Final = "pi_000001"
PRICE: Final = Price(
    currency="EUR",
    lines=3_000,
    discount=300,
    shipping=490,
    tax=606,
    shipping_tax=93,
    total=3_796,
)
TOTAL: Final = PRICE.money
RETURNED: Final = (ReturnedLine(sku="cup", quantity=1),)
REFUND: Final = Price(currency="EUR", lines=450, discount=45, shipping=0, tax=77, total=482)
CREATED: Final = order.OrderCreated(
    order_id=ORDER,
    customer_id=CUSTOMER,
    lines=(
        a_line("cup", quantity=2, unit_price=450, discount=90, tax=154),
        a_line("pot", quantity=1, unit_price=2_100, discount=210, tax=359),
    ),
    price=PRICE,
    payment_method="pm_card_visa",
    shipping_address=Address(
        name="Ada Example",
        street="1 Sample Street",
        city="Testham",
        postal_code="00001",
        country="GB",
    ),
    contact=Contact(email="ada@example.com", locale="en-GB", time_zone="Europe/London"),
    fingerprint="5d41402abc4b2a76b9719d911017c592",
    promises=PROMISES,
    number=order_number(ORDER, 0),
    discount_code="WELCOME",
)
SEALED: Final = Sealed(
    subject=CUSTOMER,
    key_id=UUID("3a1c7b52-8c0e-4f0b-9d53-2f6f6a7f1e10"),
    ciphertext="c2FtcGxlIG5vbmNlLCBjaXBoZXJ0ZXh0IGFuZCB0YWc=",
)

EXAMPLES: Final[tuple[Event, ...]] = (
    ProductListed(sku="cup", name="Cup", price=Money(amount=450, currency="EUR")),
    ProductRenamed(sku="cup", name="Mug"),
    ProductPriceChanged(sku="cup", price=Money(amount=390, currency="EUR")),
    ProductDiscontinued(sku="cup"),
    CustomerErased(customer_id=CUSTOMER, reason=ErasureReason.CUSTOMER_REQUEST),
    OrderNoteAdded(
        order_id=ORDER, customer_id=CUSTOMER, text="The customer asked for another colour."
    ),
    inventory.StockReceived(sku="cup", quantity=100),
    inventory.StockAdjusted(sku="cup", difference=-3, reason=AdjustmentReason.DAMAGED),
    inventory.InventoryReserved(sku="cup", order_id=ORDER, quantity=2),
    inventory.InventoryReleased(sku="cup", order_id=ORDER, quantity=2),
    inventory.InventoryCommitted(sku="cup", order_id=ORDER, quantity=2),
    inventory.StockReturned(sku="cup", order_id=ORDER, quantity=1),
    inventory.BackorderQueued(sku="cup", order_id=ORDER, quantity=2, since=PLACED_AT),
    inventory.BackorderEnded(sku="cup", order_id=ORDER, quantity=2),
    CREATED,
    order.OrderReserved(order_id=ORDER),
    order.OrderAuthorized(order_id=ORDER),
    order.OrderConfirmed(order_id=ORDER),
    order.OrderConfirmationWithdrawn(order_id=ORDER),
    order.OrderShipped(order_id=ORDER),
    order.OrderDelivered(order_id=ORDER),
    order.OrderCompleted(order_id=ORDER),
    order.OrderRejected(order_id=ORDER, reason=RejectionReason.OUT_OF_STOCK, sku="pot"),
    order.OrderCancellationRequested(order_id=ORDER, reason=CancellationReason.CUSTOMER_REQUEST),
    order.OrderCancellationWithdrawn(order_id=ORDER),
    order.OrderCancelled(order_id=ORDER, reason=CancellationReason.CUSTOMER_REQUEST),
    order.OrderReturnRequested(order_id=ORDER, lines=RETURNED, refund=REFUND),
    order.OrderReturned(
        order_id=ORDER, lines=RETURNED, refund=REFUND, refunded=REFUND.money, is_whole=False
    ),
    order.OrderReturnLapsed(order_id=ORDER),
    order.OrderReturnResumed(order_id=ORDER, lines=RETURNED, refund=REFUND, is_complete=True),
    order.OrderRefundRequested(
        order_id=ORDER,
        refund=1,
        amount=REFUND.money,
        price=REFUND,
        lines=RETURNED,
        reason="one cup arrived broken",
        key="0f5d41402abc4b2a76b9719d911017c5",
    ),
    order.OrderRefundEnded(order_id=ORDER, refund=1, refunded=REFUND.money),
    payment.PaymentRequested(order_id=ORDER, attempt=1, amount=TOTAL, method="pm_card_visa"),
    payment.PaymentPending(
        order_id=ORDER,
        attempt=1,
        reference=REFERENCE,
        action_url="https://payments.example/authenticate/pi_000001",
    ),
    payment.PaymentAuthorized(
        order_id=ORDER,
        attempt=1,
        reference=REFERENCE,
        amount=TOTAL,
        capture_before=datetime(2026, 5, 8, 12, 0, tzinfo=UTC),
    ),
    payment.PaymentHoldEnded(
        order_id=ORDER, attempt=1, reference=REFERENCE, cause=HoldEnd.RELEASED
    ),
    payment.PaymentDeclined(
        order_id=ORDER, attempt=1, reference=REFERENCE, code="insufficient_funds"
    ),
    payment.PaymentRefused(order_id=ORDER, attempt=1, code="amount_too_small"),
    payment.PaymentCaptured(order_id=ORDER, reference=REFERENCE, amount=TOTAL),
    payment.PaymentRefunded(
        order_id=ORDER,
        reference=REFERENCE,
        amount=Money(amount=450, currency="EUR"),
        refunded_in_all=Money(amount=900, currency="EUR"),
        purpose="refund",
    ),
    payment.PaymentRefundedElsewhere(
        order_id=ORDER,
        reference=REFERENCE,
        refund_id="re_000001",
        amount=Money(amount=500, currency="EUR"),
        refunded_in_all=Money(amount=1400, currency="EUR"),
    ),
    payment.PaymentRefundElsewhereFailed(
        order_id=ORDER,
        reference=REFERENCE,
        failure=1,
        refund_id="re_000001",
        amount=Money(amount=500, currency="EUR"),
        refunded_in_all=Money(amount=900, currency="EUR"),
    ),
    payment.PaymentRefundFailed(
        order_id=ORDER,
        reference=REFERENCE,
        failure=1,
        purpose="refund",
        amount=Money(amount=450, currency="EUR"),
        refunded_in_all=Money(amount=450, currency="EUR"),
    ),
    payment.PaymentDisputed(
        order_id=ORDER,
        reference=REFERENCE,
        dispute_id="dp_000001",
        amount=TOTAL,
        disputed_in_all=TOTAL,
        won_in_all=Money(amount=0, currency="EUR"),
        lost_in_all=Money(amount=0, currency="EUR"),
        reason="fraudulent",
    ),
    payment.PaymentDisputeClosed(
        order_id=ORDER,
        reference=REFERENCE,
        dispute_id="dp_000001",
        amount=TOTAL,
        disputed_in_all=Money(amount=0, currency="EUR"),
        won_in_all=Money(amount=0, currency="EUR"),
        lost_in_all=TOTAL,
        outcome=DisputeOutcome.LOST,
    ),
    payment.PaymentRefundSettledByOperator(
        order_id=ORDER,
        step="refund_order_1",
        amount=Money(amount=450, currency="EUR"),
        by_hand=Money(amount=100, currency="EUR"),
        settled_in_all=Money(amount=450, currency="EUR"),
    ),
    payment.PaymentSettledByOperator(
        order_id=ORDER,
        attempt=1,
        step="give_back",
        amount=TOTAL,
        settled_in_all=Money(amount=3450, currency="EUR"),
    ),
    payment.PaymentVoided(order_id=ORDER, attempt=1),
    saga.SagaParked(
        order_id=ORDER,
        step="capture",
        undoing=False,
        parking=1,
        code="PROVIDER_REFUSED",
        message="payments capture: refused with capture_refused (HTTP 400); change the request",
        workflow_id=f"order-{ORDER}",
    ),
    saga.SagaUnparked(order_id=ORDER, step="capture", parking=1),
    saga.SagaRetried(order_id=ORDER, step="capture", parking=1, reason="the provider is mended"),
    saga.SagaStepSkipped(order_id=ORDER, step="cancel_shipment", parking=1, reason="no parcel"),
    saga.SagaStepResolved(order_id=ORDER, step="refund", parking=1, reason="refunded by hand"),
    saga.SagaCompensationRequested(
        order_id=ORDER, step="capture", parking=1, reason="the card is closed"
    ),
    saga.SagaRecovered(order_id=ORDER, cause=RecoveryCause.MISSING),
    saga.DiscrepancyFound(
        order_id=ORDER,
        system=ReconciledSystem.PAYMENT,
        ours="captured 3000 EUR",
        theirs="refunded 3000 EUR",
    ),
    saga.DiscrepancyAccepted(
        order_id=ORDER, system=ReconciledSystem.PAYMENT, reason="the shop bears the difference"
    ),
    saga.DiscrepancyResolved(order_id=ORDER, system=ReconciledSystem.PAYMENT),
    shipping.ShipmentCreated(order_id=ORDER, shipment_id="shp_000001"),
    shipping.TrackingNumberAssigned(
        order_id=ORDER,
        tracking_number="WB000000001GB",
        carrier="Waybill Parcels",
        tracking_url="https://parcels.example/track/WB000000001GB",
    ),
    shipping.ShipmentDispatched(order_id=ORDER),
    shipping.ShipmentDelivered(order_id=ORDER),
    shipping.ShipmentCancelled(order_id=ORDER),
    shipping.ShipmentStopped(order_id=ORDER, booking=1, attempt=1),
    shipping.ShipmentLost(order_id=ORDER),
    shipping.ShipmentReturnedToSender(order_id=ORDER),
    shipping.ShipmentReturnRequested(order_id=ORDER, return_id="ret_000001"),
    shipping.ShipmentReturned(order_id=ORDER),
)

FORMS: Final[Mapping[str, Event]] = {
    "sealed": CREATED.model_copy(update={"shipping_address": SEALED, "contact": SEALED}),
}
"""Other forms of the same schema version, by the name of the form."""
