"""An orchestrator without sagas: each call is one decision, straight into the log."""

from __future__ import annotations

from activities.types import Decide
from domain.aggregate import Aggregate
from domain.command import Command
from domain.ids import event_id_for, payment_retry_step
from domain.news import PaymentReported, ShipmentReported
from domain.order.commands import (
    CancellationReason,
    PlaceOrder,
    RequestCancellation,
    RequestReturn,
)
from domain.order.lines import ReturnedLine
from domain.payment.commands import RequestPayment
from domain.payment.decide import PAYMENT
from domain.payment.state import PaymentState
from domain.registry import aggregate_of
from domain.saga.commands import DecideOnStep
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.protocol import EventStore
from eventstore.versions import ANY
from workflows.orchestrator import SYSTEM, Accepted, NoSuchSaga, SagaOrchestrator
from workflows.types import SagaType


class LogOrchestrator(SagaOrchestrator):
    """`failure` is raised instead of an answer; the lists are what it was told."""

    def __init__(self, store: EventStore) -> None:
        self.store = store
        self.failure: Exception | None = None
        self.news: list[PaymentReported | ShipmentReported] = []
        self.actors: list[str] = []
        self.workflow_ids: list[str] = []
        self._decisions: dict[str, int] = {}

    async def start_saga(
        self, saga_type: SagaType, data: PlaceOrder, *, actor: str = SYSTEM
    ) -> Accepted:
        assert saga_type is SagaType.ORDER
        return Accepted(data.aggregate_id, await self._decide(data, "place", actor))

    async def compensate_saga(
        self,
        saga_id: str,
        *,
        reason: CancellationReason = CancellationReason.OPERATOR_REQUEST,
        actor: str = SYSTEM,
    ) -> int:
        command = RequestCancellation(aggregate_id=saga_id, reason=reason)
        return await self._decide(command, "cancel", actor)

    async def retry_payment(
        self, order_id: str, method: str, *, idempotency_key: str, actor: str
    ) -> int:
        payment = await self._payment_of(order_id)
        if payment.status is None:
            raise NoSuchSaga
        command = RequestPayment(
            aggregate_id=order_id,
            attempt=payment.attempt + 1,
            amount=payment.amount,
            method=method,
        )
        return await self._decide(command, payment_retry_step(idempotency_key), actor)

    async def request_return(
        self,
        order_id: str,
        lines: tuple[ReturnedLine, ...] | None,
        *,
        idempotency_key: str,
        actor: str,
    ) -> int:
        command = RequestReturn(aggregate_id=order_id, lines=lines)
        return await self._decide(command, idempotency_key, actor)

    async def decide(self, workflow_id: str, decide: Decide, *, idempotency_key: str) -> int:
        """As Temporal has it: the same key gives the first answer, whatever is asked now."""
        self.workflow_ids.append(workflow_id)
        if self.failure is not None:
            raise self.failure
        if idempotency_key not in self._decisions:
            command = DecideOnStep(
                aggregate_id=decide.order_id,
                step=decide.step,
                parking=decide.parking,
                decision=decide.decision,
                reason=decide.reason,
            )
            position = await self._decide(command, idempotency_key, decide.actor)
            self._decisions[idempotency_key] = position
        return self._decisions[idempotency_key]

    async def execute(self, command: Command, *, idempotency_key: str, actor: str) -> int:
        return await self._decide(command, idempotency_key, actor)

    async def handle_event(self, event: PaymentReported | ShipmentReported) -> None:
        if self.failure is not None:
            raise self.failure
        self.news.append(event)

    async def _payment_of(self, order_id: str) -> PaymentState:
        stored = await self.store.load_events(PAYMENT.stream(order_id))
        return PAYMENT.fold(event.decode() for event in stored)

    async def _decide(self, command: Command, step: str, actor: str) -> int:
        if self.failure is not None:
            raise self.failure
        self.actors.append(actor)
        aggregate: Aggregate[object] = aggregate_of(command)
        stream = aggregate.stream(command.aggregate_id)
        stored = await self.store.load_events(stream)
        events = aggregate.decide(command, aggregate.fold(event.decode() for event in stored))
        if not events:
            return stored[-1].position
        metadata = EventMetadata(correlation_id=command.aggregate_id, actor=actor, step=step)
        new = [
            NewEvent(event_id_for(stream, step, index), event, metadata)
            for index, event in enumerate(events)
        ]
        return (await self.store.save_events(stream, new, ANY)).last_position
