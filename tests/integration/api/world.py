"""Build two orders of one customer in which every field has a value, staff's notes included."""

from __future__ import annotations

from uuid import uuid4

from domain.event import Event
from domain.money import Money
from domain.note.events import OrderNoteAdded
from domain.order.commands import CancellationReason
from domain.order.events import (
    OrderCancellationRequested,
    OrderCancelled,
    OrderRefundEnded,
    OrderRefundRequested,
    OrderReserved,
)
from domain.order.lines import ReturnedLine
from domain.payment.events import PaymentDeclined, PaymentPending, PaymentRequested
from domain.saga.commands import ReconciledSystem
from domain.saga.events import (
    DiscrepancyAccepted,
    DiscrepancyFound,
    SagaParked,
    SagaStepResolved,
)
from domain.shipping.events import ShipmentCreated, TrackingNumberAssigned
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.versions import ANY
from kit.pool import Pool
from tests.support.api_client import Api, Viewer

SUSPICION = "suspected fraud: the address is a drop-off"
NOTE = "the customer has complained before"
PROVIDER_TEXT = "No such payment_intent: pi_3Nk"
DIFFERENCE = "CANCELLED_BY_HAND"
SECRETS = (
    *(SUSPICION, NOTE, PROVIDER_TEXT, DIFFERENCE),
    *("operator:", "admin:", "order-", "PROVIDER_", "fraudulent"),
)
"""Texts that no customer may read. `order-` is the prefix of workflow ids."""

TRACE_PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EUROS = Money(amount=500, currency="EUR")
FAILED_ATTEMPT = """
    INSERT INTO journal.failed_attempts (order_id, step, number, code, message, failed_at)
    VALUES ($1, $2, 3, 'PROVIDER_REFUSED', $3, now())
"""

PARKED_ATTEMPT = """
    INSERT INTO journal.parked_attempt
        (order_id, step, parking, count, code, message, failed_at, retry_at)
    VALUES ($1, $2, $3, 2, 'PROVIDER_REFUSED', $4, now(), now() + interval '1 hour')
"""


async def two_orders(api: Api, customer: Viewer, operator: Viewer, pool: Pool) -> tuple[str, str]:
    """Return an order that is cancelled and parked, and an order whose payment was declined.

    No saga runs them: no saga would bring one order to all of this.
    """
    facts = {"reference": "PO 7", "metadata": {"till": "4"}, "discount_code": "WELCOME"}
    cancelled, declined = [await api.logged_order(customer, **facts) for _ in range(2)]
    note = OrderNoteAdded(order_id=cancelled, customer_id=customer.sub, text=NOTE)
    await _record(api, f"note-{cancelled}", note, "run", actor=f"operator:{operator.sub}")
    await api.log.append(f"order-{declined}", OrderReserved(order_id=declined))
    await api.log.append(
        f"payment-{declined}",
        PaymentRequested(order_id=declined, attempt=1, amount=EUROS, method="pm_no"),
        PaymentDeclined(order_id=declined, attempt=1, reference="pi_1", code="fraudulent"),
    )
    await _pay_and_ship(api, cancelled)
    await _refund(api, cancelled, operator)
    await _accept_difference(api, cancelled, operator)
    await _start_compensation(api, cancelled, operator, pool)
    return cancelled, declined


async def park(api: Api, order_id: str, step: str, parking: int = 1) -> None:
    parked = SagaParked(
        order_id=order_id,
        step=step,
        undoing=step in {"release", "give_back"},
        parking=parking,
        code="PROVIDER_REFUSED",
        message=PROVIDER_TEXT,
        workflow_id=f"order-{order_id}",
    )
    await api.log.append(f"saga-{order_id}", parked)


async def _pay_and_ship(api: Api, order_id: str) -> None:
    await _record(
        api, f"order-{order_id}", OrderReserved(order_id=order_id), "reserve", actor="system"
    )
    pending = PaymentPending(
        order_id=order_id, attempt=1, reference="pi_2", action_url="https://bank.example/3ds"
    )
    await api.log.append(
        f"payment-{order_id}",
        PaymentRequested(order_id=order_id, attempt=1, amount=EUROS, method="pm_secure"),
        pending,
    )
    created = ShipmentCreated(order_id=order_id, shipment_id="shp_1")
    numbered = TrackingNumberAssigned(
        order_id=order_id,
        tracking_number="TRACK-1",
        carrier="Post",
        tracking_url="https://post.example/TRACK-1",
    )
    await api.log.append(f"shipment-{order_id}", created, numbered)


async def _refund(api: Api, order_id: str, operator: Viewer) -> None:
    requested = OrderRefundRequested(
        order_id=order_id,
        refund=1,
        amount=EUROS,
        price=None,
        lines=(ReturnedLine(sku="mug", quantity=1),),
        reason=SUSPICION,
        key="a-key",
    )
    actor = f"operator:{operator.sub}"
    await _record(api, f"order-{order_id}", requested, "run", actor=actor)
    ended = OrderRefundEnded(order_id=order_id, refund=1, refunded=EUROS)
    await api.log.append(f"order-{order_id}", ended)


async def _accept_difference(api: Api, order_id: str, operator: Viewer) -> None:
    system = ReconciledSystem.PAYMENT
    found = DiscrepancyFound(order_id=order_id, system=system, ours="REQUESTED", theirs=DIFFERENCE)
    await api.log.append(f"saga-{order_id}", found)
    accepted = DiscrepancyAccepted(order_id=order_id, system=system, reason=SUSPICION)
    actor = f"operator:{operator.sub}"
    await _record(api, f"saga-{order_id}", accepted, "run", actor=actor)


async def _start_compensation(api: Api, order_id: str, operator: Viewer, pool: Pool) -> None:
    reason = CancellationReason.OPERATOR_REQUEST
    requested = OrderCancellationRequested(order_id=order_id, reason=reason)
    await api.log.append(f"order-{order_id}", requested)
    for parking, step in enumerate(("give_back", "release", "authorize"), start=1):
        await pool.execute(FAILED_ATTEMPT, order_id, step, PROVIDER_TEXT)
        await park(api, order_id, step, parking)
        await pool.execute(PARKED_ATTEMPT, order_id, step, parking, PROVIDER_TEXT)
    resolved = SagaStepResolved(order_id=order_id, step="give_back", parking=1, reason=SUSPICION)
    await _record(
        api, f"saga-{order_id}", resolved, "decide/give_back/1", actor=f"operator:{operator.sub}"
    )
    found = DiscrepancyFound(
        order_id=order_id, system=ReconciledSystem.SHIPMENT, ours="CREATED", theirs=DIFFERENCE
    )
    await api.log.append(f"saga-{order_id}", found)
    await api.log.append(f"order-{order_id}", OrderCancelled(order_id=order_id, reason=reason))


async def _record(api: Api, stream: str, event: Event, step: str, *, actor: str) -> None:
    """Append the event as a workflow does."""
    metadata = EventMetadata(
        correlation_id=stream,
        traceparent=TRACE_PARENT,
        workflow_id=stream,
        step=step,
        actor=actor,
    )
    await api.log.store.save_events(stream, [NewEvent(uuid4(), event, metadata)], ANY)
