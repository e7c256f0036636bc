"""Run sagas on a separate worker, with real Temporal, PostgreSQL and simulators over HTTP.

The providers' webhooks do not reach these sagas. A test delivers each notification itself.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from activities.failed_attempts import FailedAttempts
from activities.types import InterventionInput, ParcelInput
from domain.command import Command
from domain.ids import order_id_for, order_workflow_id
from domain.inventory.commands import ReceiveStock
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from domain.money import Money
from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import Address, ReturnedLine
from domain.order.price import Price
from domain.product.commands import ListProduct
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from orchestrator.saga_orchestrator import SagaOrchestrator
from projections.inline import InlineReadModels
from providers.carrier_simulator.routes import NEVER_DISPATCHED
from providers.http_carrier import HttpCarrier
from providers.payment_simulator.methods import VISA
from providers.stripe_payments import StripePayments
from tests.support.eventually import eventually
from tests.support.gates import Gates
from tests.support.keys import a_vault
from tests.support.order_parts import a_line
from tests.support.simulators import SimulatorProcess
from worker import saga_activities, temporal_worker
from workflows import search_attributes
from workflows.types import Deadlines, SagaType

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
CUSTOMER = "customer-1"
T = TypeVar("T")
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
    key = key or uuid.uuid4().hex
    ordered = tuple(a_line(sku, quantity=n, unit_price=250) for sku, n in lines)
    return PlaceOrder(
        aggregate_id=order_id_for(CUSTOMER, key),
        customer_id=CUSTOMER,
        lines=ordered,
        price=Price.of(ordered, "EUR"),
        payment_method=method,
        shipping_address=Address(
            name="Ada Lovelace",
            street="1 Example Street",
            city="Sampleton",
            postal_code=postal_code,
            country="DE",
        ),
        fingerprint=repr(lines),
        promises=PATIENT.promises,
        backorder=backorder,
    )


@dataclass
class Sagas:
    client: Client
    store: PostgresEventStore
    task_queue: str
    payment_simulator: SimulatorProcess
    carrier_simulator: SimulatorProcess
    activities: dict[str, Callable[..., Any]]
    gates: Gates
    deadlines: Deadlines = field(default=PATIENT)

    @property
    def orchestrator(self) -> SagaOrchestrator:
        return SagaOrchestrator(self.client, task_queue=self.task_queue, deadlines=self.deadlines)

    def within(self, **deadlines: timedelta) -> Sagas:
        return replace(self, deadlines=replace(self.deadlines, **deadlines))

    # Actions of people.

    async def run(self, command: Command) -> int:
        return await self.orchestrator.execute(
            command, idempotency_key=uuid.uuid4().hex, actor="operator:test"
        )

    async def stocked(self, quantity: int) -> str:
        """List a new SKU with this quantity on hand."""
        sku = f"sku-{uuid.uuid4().hex[:12]}"
        await self.run(
            ListProduct(aggregate_id=sku, name="Thing", price=Money(amount=250, currency="EUR"))
        )
        await self.receive(sku, quantity)
        return sku

    async def receive(self, sku: str, quantity: int) -> None:
        await self.run(ReceiveStock(aggregate_id=sku, quantity=quantity))

    async def place(self, order: PlaceOrder) -> str:
        order = order.model_copy(update={"promises": self.deadlines.promises})
        accepted = await self.orchestrator.start_saga(SagaType.ORDER, order, actor="customer:test")
        return accepted.order_id

    async def cancel(self, order_id: str) -> None:
        reason = CancellationReason.CUSTOMER_REQUEST
        await self.orchestrator.compensate_saga(order_id, reason=reason, actor="customer:test")

    async def pay_with(self, order_id: str, method: str) -> None:
        await self.retry(order_id, method, key=uuid.uuid4().hex)

    async def retry(self, order_id: str, method: str, *, key: str) -> int:
        return await self.orchestrator.retry_payment(
            order_id, method, idempotency_key=key, actor="customer:test"
        )

    async def approve(self, order_id: str) -> None:
        """Approve the payment on the bank's page, and deliver the provider's notification of it."""
        await self.until(f"payment-{order_id}", "PaymentPending")
        pending = (await self.store.load_events(f"payment-{order_id}"))[-1]
        await self.payment_simulator.authenticate(pending.data["reference"], "approve")
        await self.orchestrator.handle_event(PaymentNotification(order_id, pending.data["attempt"]))

    async def intervene(self, order_id: str, step: str, intervention: Intervention) -> int:
        """Settle the parked step as an operator; return the position of the intervention."""
        parked = await self.parked(order_id, step)
        intervene = InterventionInput(
            order_id, step, parked["parking"], intervention, "because", "operator:test"
        )
        return await self.orchestrator.intervene(
            parked["workflow_id"], intervene, idempotency_key=uuid.uuid4().hex
        )

    async def send_back(self, order_id: str, *lines: ReturnedLine) -> int:
        return await self.orchestrator.request_return(
            order_id, lines or None, idempotency_key=uuid.uuid4().hex, actor="customer:test"
        )

    async def outlast(self, order_id: str, owner: Execute) -> None:
        """Make the log older than every window of PATIENT, and recover the order's saga."""
        await self.terminate(order_id)
        await owner.execute(LATER)
        await self.recover(order_id)

    # Actions of the carrier and of Temporal.

    async def notify(self, order_id: str, *kinds: ShipmentNotificationKind) -> None:
        for kind in kinds:
            await self.orchestrator.handle_event(ShipmentNotification(order_id, kind))

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

    async def recover(self, order_id: str) -> None:
        await self.orchestrator.recover(order_id, CUSTOMER)

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

    def workflow(self, order_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(order_workflow_id(order_id))

    async def events(self, stream_id: str) -> list[str]:
        return [event.type for event in await self.store.load_events(stream_id)]

    async def until(self, stream_id: str, event_type: str, times: int = 1) -> list[str]:
        """Wait until the stream has this event type that many times; return all its event types."""

        async def is_there() -> bool:
            return (await self.events(stream_id)).count(event_type) >= times

        await eventually(is_there)
        return await self.events(stream_id)

    async def until_written(
        self, order_id: str, event_type: EventType.ValueType, saga: str = "order"
    ) -> None:
        """Wait until the history of a saga's workflow has an event of this type."""

        async def is_written() -> bool:
            return event_type in await self.written(order_id, saga)

        await eventually(is_written)

    async def until_known(
        self, order_id: str, event_type: EventType.ValueType, saga: str = "payment"
    ) -> None:
        """Wait until a saga's workflow has begun a task after such an event."""
        handle = self.client.get_workflow_handle(f"{saga}-{order_id}")

        async def is_known() -> bool:
            types = [event.event_type for event in (await handle.fetch_history()).events]
            later = types[types.index(event_type) :] if event_type in types else []
            return EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED in later

        await eventually(is_known)

    async def written(self, order_id: str, saga: str = "order") -> set[EventType.ValueType]:
        """Return the types of the events in the history of a saga's workflow."""
        history = await self.client.get_workflow_handle(f"{saga}-{order_id}").fetch_history()
        return {event.event_type for event in history.events}

    async def activities_of(self, order_id: str, saga: str = "order") -> list[str]:
        """Return the activities that the latest run of a saga has scheduled, in order."""
        history = await self.client.get_workflow_handle(f"{saga}-{order_id}").fetch_history()
        return [
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]

    async def until_asked(
        self, order_id: str, activity: str, times: int, saga: str = "order"
    ) -> None:
        """Wait until the latest run of a saga has scheduled this activity that many times."""

        async def was_asked() -> bool:
            return (await self.activities_of(order_id, saga)).count(activity) >= times

        await eventually(was_asked)

    async def until_failed(self, order_id: str, activity: str, times: int) -> None:
        """Wait until Temporal is about to start the attempt after this many failures."""

        async def has_failed() -> bool:
            return await self._attempt(order_id, activity) > times

        await eventually(has_failed)

    async def _attempt(self, order_id: str, activity: str) -> int:
        description = (await self.workflow(order_id).describe()).raw_description
        attempts = {a.activity_type.name: a.attempt for a in description.pending_activities}
        return attempts.get(activity, 0)

    async def input_of(self, workflow_id: str, kind: type[T]) -> list[T]:
        """Return the arguments of the workflow's latest run."""
        history = await self.client.get_workflow_handle(workflow_id).fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        return await self.client.data_converter.decode(started.input.payloads, [kind])

    async def waits_until(self, workflow_id: str) -> datetime:
        """Wait until the workflow waits for a timer; return when that timer is due."""
        await self.until_running(workflow_id)
        async with asyncio.timeout(30):
            while not (timers := await self.timers(workflow_id)):  # noqa: ASYNC110 - a fact to wait for
                await asyncio.sleep(0.01)
        [due] = timers
        return due

    async def timers(self, workflow_id: str) -> list[datetime]:
        """Return when each open timer of the workflow's latest run is due."""
        history = await self.client.get_workflow_handle(workflow_id).fetch_history()
        due: dict[int, datetime] = {}
        for event in history.events:
            if event.HasField("timer_started_event_attributes"):
                timeout = event.timer_started_event_attributes.start_to_fire_timeout
                due[event.event_id] = event.event_time.ToDatetime(UTC) + timeout.ToTimedelta()
            elif event.HasField("timer_fired_event_attributes"):
                del due[event.timer_fired_event_attributes.started_event_id]
            elif event.HasField("timer_canceled_event_attributes"):
                del due[event.timer_canceled_event_attributes.started_event_id]
        return list(due.values())

    async def until_running(self, workflow_id: str) -> None:
        await eventually(lambda: self._is_running(workflow_id))

    async def until_closed(self, workflow_id: str) -> None:

        async def is_closed() -> bool:
            return not await self._is_running(workflow_id)

        await eventually(is_closed)

    async def _is_running(self, workflow_id: str) -> bool:
        try:
            found = await self.client.get_workflow_handle(workflow_id).describe()
        except RPCError:
            return False
        return found.status is WorkflowExecutionStatus.RUNNING

    async def end(self, order_id: str) -> str | None:
        """Return the result of the order's workflow."""
        async with asyncio.timeout(60):
            end: str | None = await self.workflow(order_id).result()
        return end

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

    async def needs_attention(self, workflow_id: str, *, expected: bool) -> None:
        """Wait until Temporal's search attribute has the expected value."""
        handle = self.client.get_workflow_handle(workflow_id)

        async def is_shown() -> bool:
            attributes = (await handle.describe()).typed_search_attributes
            return attributes.get(search_attributes.NEEDS_ATTENTION) is expected

        await eventually(is_shown)

    async def histories(self, *, commands: bool = False) -> list[WorkflowHistory]:
        """Return the history of every run of a saga on this worker, and of commands if asked."""
        query = f"TaskQueue = '{self.task_queue}'"
        return [
            await self.client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
            async for run in self.client.list_workflows(query)
            if commands or run.workflow_type != "CommandWorkflow"
        ]


@asynccontextmanager
async def running_sagas(
    client: Client,
    pool: Pool,
    providers: tuple[StripePayments, HttpCarrier],
    simulators: tuple[SimulatorProcess, SimulatorProcess],
) -> AsyncIterator[Sagas]:
    vault = a_vault(pool)
    store = PostgresEventStore(pool, [InlineReadModels()], vault)
    activities = saga_activities(store, vault, *providers)
    by_name = {activity.__name__: activity for activity in activities}
    task_queue, gates = f"test-{uuid.uuid4()}", Gates()
    around = gates.around(activities)
    async with temporal_worker(client, task_queue, around, FailedAttempts(pool)):
        yield Sagas(client, store, task_queue, *simulators, by_name, gates)
