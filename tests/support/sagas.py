"""Run sagas on a separate worker, with real Temporal, PostgreSQL and simulators over HTTP.

The providers' webhooks do not reach these sagas. A test delivers each notification itself.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.failed_attempts import FailedAttempts
from activities.types.parking import InterventionInput
from activities.types.shipping import ParcelInput
from benchmarks.saga.driver import OPERATOR_ACTOR, key_use
from benchmarks.saga.orders import order_of
from domain.ids import order_workflow_id
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from domain.money import Money
from domain.order.commands import PlaceOrder, RequestRefund
from domain.order.price import Price
from domain.product.commands import ListProduct
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Pool
from projections.inline import InlineReadModels
from providers.carrier_simulator.routes import NEVER_DISPATCHED
from providers.http_carrier import HttpCarrier
from providers.payment_simulator.methods import VISA
from providers.stripe_payments import StripePayments
from roles.temporal_worker import saga_activities, temporal_worker
from tests.support.gates import Gates
from tests.support.keys import a_vault
from tests.support.simulators import SimulatorProcess
from tests.support.workflow_facts import WorkflowFacts
from workflows.types import Deadlines

PATIENT = Deadlines(
    provider_timeout=timedelta(seconds=30),
    payment_window=timedelta(minutes=5),
    dispatch=timedelta(minutes=5),
    delivery=timedelta(minutes=5),
    return_window=timedelta(0),
    undo_timeout=timedelta(minutes=5),
    parked_retry=timedelta(minutes=5),
    backorder=timedelta(minutes=5),
    return_delivery=timedelta(minutes=5),
)

LATER = "UPDATE eventstore.event SET recorded_at = recorded_at - interval '6 minutes'"


class Execute(Protocol):
    """A connection or a pool with the role that owns the log."""

    async def execute(self, statement: str) -> object: ...


def an_order(
    *lines: tuple[str, int],
    key: str | None = None,
    method: str = VISA,
    postal_code: str = NEVER_DISPATCHED,
    backorder: bool = False,
) -> PlaceOrder:
    """Return an order of these SKUs and quantities, each piece at 250 cents."""
    order = order_of(key or uuid.uuid4().hex, lines, method, postal_code, backorder=backorder)
    return order.model_copy(update={"fingerprint": repr(lines), "promises": PATIENT.promises})


def a_free_order(
    *lines: tuple[str, int], postal_code: str = NEVER_DISPATCHED, backorder: bool = False
) -> PlaceOrder:
    """Return an order of these SKUs and quantities whose pieces are free: it needs no payment."""
    order = an_order(*lines, postal_code=postal_code, backorder=backorder)
    free = tuple(line.model_copy(update={"unit_price": 0}) for line in order.lines)
    price = Price.of(free, "EUR")
    return PlaceOrder.model_validate(
        dict(order) | {"lines": free, "price": price, "payment_method": None}
    )


@dataclass(frozen=True)
class Sagas(WorkflowFacts):
    store: PostgresEventStore
    payment_simulator: SimulatorProcess
    carrier_simulator: SimulatorProcess
    activities: dict[str, Callable[..., Any]]
    gates: Gates
    deadlines: Deadlines = field(default=PATIENT, kw_only=True)

    # Actions of people.

    async def stocked(self, quantity: int) -> str:
        """List a new SKU with this quantity on hand."""
        sku = f"sku-{uuid.uuid4().hex[:12]}"
        await self.run(
            ListProduct(aggregate_id=sku, name="Thing", price=Money(amount=250, currency="EUR"))
        )
        await self.receive(sku, quantity)
        return sku

    async def approve(self, order_id: str) -> None:
        """Approve the payment on the bank's page, and deliver the provider's notification of it."""
        await self.until(f"payment-{order_id}", "PaymentPending")
        pending = (await self.store.load_events(f"payment-{order_id}"))[-1]
        await self.payment_simulator.authenticate(pending.data["reference"], "approve")
        await self.orchestrator.handle_event(PaymentNotification(order_id, pending.data["attempt"]))

    async def release_hold(self, order_id: str) -> None:
        """Let the provider cancel the intent, and deliver its notification."""
        await self.payment_simulator.end_hold(order_id)
        await self.payment_simulator.until_recorded(order_id, "expired")
        canceled = PaymentNotification(order_id, 1, PaymentNotificationKind.CANCELED)
        await self.orchestrator.handle_event(canceled)

    async def intervene(self, order_id: str, step: str, intervention: Intervention) -> int:
        """Settle the parked step as an operator; return the position of the intervention."""
        parked = await self.parked(order_id, step)
        intervene = InterventionInput(
            order_id, step, parked["parking"], intervention, "because", OPERATOR_ACTOR
        )
        done = await self.orchestrator.intervene(
            parked["workflow_id"], intervene, key=key_use("intervene")
        )
        return done.position

    async def promise_refund(self, order_id: str, amount: int) -> None:
        """Promise a refund as an operator. No workflow runs it yet."""
        await self.orchestrator.execute(
            RequestRefund(
                aggregate_id=order_id, key=uuid.uuid4().hex, amount=amount, reason="a scratch"
            ),
            key=key_use("refundOrder"),
            actor=OPERATOR_ACTOR,
        )

    async def outlast(self, order_id: str, owner: Execute) -> None:
        """Make the log older than every window of PATIENT, and recover the order's saga."""
        await self.terminate(order_id)
        await owner.execute(LATER)
        await self.recover(order_id)

    # Actions of the carrier and of Temporal.

    async def hint(self, order_id: str, *kinds: ShipmentNotificationKind) -> None:
        """Deliver an unconfirmed notification: the API could not ask the carrier about it."""
        for kind in kinds:
            report = ShipmentNotification(order_id, kind, is_confirmed=False)
            await self.orchestrator.handle_event(report)

    async def deliver(self, order_id: str) -> None:
        await self.notify(
            order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
        )

    async def arrived(self, order: PlaceOrder) -> str:
        """Place the order and deliver its parcel, at the carrier too."""
        order_id = await self.place(order)
        await self.delivered(order_id)
        await self.until(f"order-{order_id}", "OrderDelivered")
        return order_id

    async def delivered(self, order_id: str) -> None:
        """Wait until the carrier has delivered, and deliver its notifications."""
        await self.until(f"shipment-{order_id}", "ShipmentCreated")
        await self.carrier_simulator.until_recorded(order_id, "delivered")
        await self.deliver(order_id)

    async def terminate(self, order_id: str) -> None:
        """Terminate the workflow as an operator does in the Web UI: nothing is undone."""
        await self.workflow(order_id).terminate()

    async def stray(self, name: str, order_id: str, *arguments: object) -> Any:  # noqa: ANN401
        """Run an attempt that Temporal does not know of, by default with the order alone."""
        workflow_id = order_workflow_id(order_id)
        order = ParcelInput(order_id) if name in {"capture", "deliver"} else order_id
        return await self.attempt_in(workflow_id, name, *(arguments or (order,)))

    async def attempt_in(self, workflow_id: str, name: str, *arguments: object) -> Any:  # noqa: ANN401
        """Run an activity of this workflow again, without Temporal."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, workflow_id=workflow_id)
        return await environment.run(self.activities[name], *arguments)

    # Facts.

    async def events(self, stream_id: str) -> list[str]:
        return [event.type for event in await self.store.load_events(stream_id)]

    async def until(self, stream_id: str, event_type: str, times: int = 1) -> list[str]:
        """Wait until the stream has this event type that many times; return all its event types."""

        async def is_there() -> bool:
            return (await self.events(stream_id)).count(event_type) >= times

        await eventually(is_there)
        return await self.events(stream_id)

    async def reason(self, order_id: str) -> str:
        """Return the reason of the order's cancellation."""
        cancelled = (await self.store.load_events(f"order-{order_id}"))[-1]
        assert cancelled.type == "OrderCancelled"
        return str(cancelled.data["reason"])

    async def inventory(self, sku: str) -> InventoryState:
        stored = await self.store.load_events(INVENTORY.stream(sku))
        return INVENTORY.fold(event.decode() for event in stored)

    async def money(self, order_id: str) -> dict[str, tuple[int, int]]:
        """Return the count and the sum of each effect at the payment provider."""
        return await self.payment_simulator.effects(order_id)

    async def parked(self, order_id: str, step: str, times: int = 1) -> dict[str, Any]:
        """Wait until the step has parked this many times; return the latest parking."""

        async def is_parked() -> bool:
            return len(await self._parkings(order_id, step)) >= times

        await eventually(is_parked)
        return (await self._parkings(order_id, step))[-1]

    async def _parkings(self, order_id: str, step: str) -> list[dict[str, Any]]:
        stored = await self.store.load_events(f"saga-{order_id}")
        return [e.data for e in stored if e.type == "SagaParked" and e.data["step"] == step]


@asynccontextmanager
async def running_sagas(
    client: Client,
    pool: Pool,
    providers: tuple[StripePayments, HttpCarrier],
    simulators: tuple[SimulatorProcess, SimulatorProcess],
) -> AsyncIterator[Sagas]:
    vault = a_vault(pool)
    store = PostgresEventStore(pool, [InlineReadModels()], vault)
    ledger = FailedAttempts(pool)
    activities = saga_activities(pool, store, vault, *providers, ledger=ledger)
    by_name = {activity.__name__: activity for activity in activities}
    task_queue, gates = f"test-{uuid.uuid4()}", Gates()
    around = gates.around(activities)
    async with temporal_worker(client, task_queue, around, ledger):
        yield Sagas(client, task_queue, store, *simulators, by_name, gates)
