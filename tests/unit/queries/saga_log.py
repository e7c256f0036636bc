"""Build an order's events by hand as its saga appends them, a second apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from domain.event import Event
from domain.money import Money
from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.order.number import order_number
from domain.order.price import Price
from domain.payment import events as payment
from domain.saga import events as saga
from domain.saga.commands import Intervention
from domain.shipping import events as shipping
from eventstore.envelope import EventMetadata, StoredEvent
from queries.saga_attempts import FailedCall
from queries.saga_history import History
from queries.saga_ledger import FailedCalls, SagaView, saga_view
from tests.support.order_log import ADDRESS
from tests.support.order_parts import PROMISES, a_line

START = datetime(2026, 1, 1, tzinfo=UTC)
EUROS = Money(amount=500, currency="EUR")
_DECIDED = {
    Intervention.RETRY: saga.SagaRetried,
    Intervention.SKIP: saga.SagaStepSkipped,
    Intervention.RESOLVE: saga.SagaStepResolved,
    Intervention.COMPENSATE: saga.SagaCompensationRequested,
}


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def failed_call(number: int, second: float) -> FailedCall:
    """Return a call that took 50 ms and failed at this second."""
    return FailedCall(number, "ERROR", "it failed", at(second - 0.05), at(second))


class SagaLog:
    """Append an event. Each method is a second later than the last, and may be chained."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.second = -1

    def view(self, failed_calls: FailedCalls | None = None) -> SagaView:
        return saga_view("o1", History.of(self.events), failed_calls or {})

    def add(
        self, step: str, *events: Event, workflow: str = "order-o1", actor: str = "system"
    ) -> SagaLog:
        self.second += 1
        metadata = EventMetadata(
            correlation_id="o1", actor=actor, workflow_id=workflow, step=step
        ).model_dump_json()
        for event in events:
            position = len(self.events) + 1
            self.events.append(
                StoredEvent(
                    position,
                    f"{_category(event)}-o1",
                    position,
                    uuid4(),
                    type(event).__name__,
                    event.schema_version,
                    event.model_dump_json(),
                    metadata,
                    at(self.second),
                )
            )
        return self

    def placed(self) -> SagaLog:
        created = order.OrderCreated(
            order_id="o1",
            customer_id="ada",
            lines=(a_line("mug", quantity=2, unit_price=250),),
            price=Price(currency="EUR", lines=500, total=500),
            payment_method="pm_card_visa",
            shipping_address=ADDRESS,
            fingerprint="f",
            promises=PROMISES,
            number=order_number("o1", 0),
        )
        return self.add("place", created)

    def reserved(self) -> SagaLog:
        return self.placed().add("reserve", order.OrderReserved(order_id="o1"))

    def asked(self) -> SagaLog:
        requested = payment.PaymentRequested(
            order_id="o1", attempt=1, amount=EUROS, method="pm_card_visa"
        )
        return self.reserved().add("authorize/1/request", requested)

    def confirmed(self) -> SagaLog:
        return self.asked().add(
            "authorize/1/authorized",
            payment.PaymentAuthorized(order_id="o1", attempt=1, amount=EUROS, reference="pi_1"),
            order.OrderAuthorized(order_id="o1"),
            order.OrderConfirmed(order_id="o1"),
        )

    def announced(self) -> SagaLog:
        created = shipping.ShipmentCreated(order_id="o1", shipment_id="shp_1")
        return self.confirmed().add("create_shipment", created)

    def shipped(self) -> SagaLog:
        return self.announced().add("capture/dispatch", order.OrderShipped(order_id="o1"))

    def captured(self) -> SagaLog:
        captured = payment.PaymentCaptured(order_id="o1", reference="pi_1", amount=EUROS)
        return self.shipped().add("capture", captured)

    def delivered(self) -> SagaLog:
        return self.captured().add("deliver", order.OrderDelivered(order_id="o1"))

    def completed(self) -> SagaLog:
        return self.delivered().add("complete", order.OrderCompleted(order_id="o1"))

    def cancellation_requested(self, reason: CancellationReason) -> SagaLog:
        requested = order.OrderCancellationRequested(order_id="o1", reason=reason)
        return self.add("request_cancellation", requested)

    def cancelled(self, reason: CancellationReason) -> SagaLog:
        return self.add("cancel", order.OrderCancelled(order_id="o1", reason=reason))

    def parked(self, step: str, number: int = 1, *, undoing: bool = False) -> SagaLog:
        event = saga.SagaParked(
            order_id="o1",
            step=step,
            undoing=undoing,
            parking=number,
            code="PROVIDER_REFUSED",
            message="refused",
            workflow_id="order-o1",
        )
        return self.add(f"park/{step}/{number}", event)

    def intervened(self, intervention: Intervention, step: str, number: int = 1) -> SagaLog:
        event = _DECIDED[intervention](order_id="o1", step=step, parking=number, reason="mended")
        return self.add(f"intervene/{step}/{number}", event, actor="operator:eve")


def _category(event: Event) -> str:
    area = type(event).__module__.split(".")[1]
    return {"shipping": "shipment"}.get(area, area)
