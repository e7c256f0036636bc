"""The history of a saga from its events: the steps that have recorded something, and the
parkings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.ids import order_of_workflow, refund_workflow_id
from domain.order import events as order_events
from domain.order.decide import ORDER
from domain.order.state import FORWARD, KEEPING_STATUS, OrderState, OrderStatus, status_after
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentEvent, PaymentRefundFailed
from domain.payment.state import PaymentState
from domain.saga import events as saga_events
from domain.saga.commands import Intervention, ReconciledSystem
from domain.saga.decide import SAGA
from domain.saga.plan import (
    ASK_AGAIN,
    AWAIT_DISPATCH,
    AWAIT_PAYMENT,
    CREATE_SHIPMENT,
    FINALIZERS,
    ORDER_PLAN,
    RELEASE,
    RETURN_PLAN,
    PlanStep,
    refund_again,
    refund_order,
)
from domain.saga.state import INTERVENTION_OF, SagaState
from domain.shipping.events import ShipmentStopped
from eventstore.envelope import StoredEvent
from queries.saga_records import AttemptRecords, StepKey

_UNDOS: Final = {*(step.undo.name for step in ORDER_PLAN if step.undo), FINALIZERS[0].name}


@dataclass(slots=True)
class Mark:
    """A step's record in the log."""

    began_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ParkingView:
    """`code` and `message` are of the latest failed attempt."""

    number: int
    since: datetime
    code: str
    message: str
    workflow_id: str
    attempts: int = 1
    """The attempts that have failed under this parking."""
    failed_at: datetime | None = None
    """The time of the latest failure; None when it is not known."""
    retry_at: datetime | None = None
    """The time of the next retry, or of the one that runs; None: the step waits for an operator."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An operator has accepted a discrepancy. `actor` is None when it is not known."""

    reason: str
    actor: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class DiscrepancyView:
    """A discrepancy between the log and another system's record."""

    system: ReconciledSystem
    ours: str
    theirs: str
    since: datetime
    """The time at which it was found."""
    accepted: Acceptance | None = None


@dataclass(frozen=True, slots=True)
class InterventionView:
    """`actor` is None when it is not known."""

    step: str
    parking: int
    workflow_id: str
    kind: Intervention
    reason: str
    actor: str | None
    at: datetime
    position: int


@dataclass(slots=True)
class History:
    order: OrderState = field(default_factory=lambda: ORDER.initial)
    payment: PaymentState = field(default_factory=lambda: PAYMENT.initial)
    saga: SagaState = field(default_factory=lambda: SAGA.initial)
    marks: dict[str, Mark] = field(default_factory=dict)
    """The marks by step or undo. An undo without work leaves none. A step that is to be done again
    loses its mark."""
    attempts: AttemptRecords = field(default_factory=AttemptRecords)
    """Every attempt at each step, those before it was to be done again included."""
    reached: dict[OrderStatus, datetime] = field(default_factory=dict)
    """The time a status was reached: the first time on the forward path, otherwise the last."""
    parked: dict[str, ParkingView] = field(default_factory=dict)
    """The open parkings by step or undo."""
    parkings: dict[str, list[ParkingView]] = field(default_factory=dict)
    """All parkings by step or undo, the oldest first."""
    interventions: list[InterventionView] = field(default_factory=list)
    decisions: dict[str, Intervention] = field(default_factory=dict)
    """The last intervention by step or undo. A step that is to be done again loses it."""
    discrepancies: dict[ReconciledSystem, DiscrepancyView] = field(default_factory=dict)
    workflow_ids: dict[str, None] = field(default_factory=dict)
    """The workflows, in the order of their first records in the log."""
    position: int = 0

    @classmethod
    def of(cls, events: Iterable[StoredEvent]) -> History:
        """Build it from all events of an order, its payment, its shipment, its saga and its
        reservations."""
        history = cls()
        for stored in sorted(events, key=lambda stored: stored.position):
            history._add(stored)
        return history

    def has_reached(self, status: OrderStatus) -> bool:
        """Return whether the order has ever come this far on the forward path."""
        return any(s in self.reached for s in FORWARD[FORWARD.index(status) :])

    def _add(self, stored: StoredEvent) -> None:
        metadata = stored.metadata
        self.position = stored.position
        if metadata.workflow_id is not None and order_of_workflow(metadata.workflow_id):
            self.workflow_ids[metadata.workflow_id] = None
        event = stored.decode()
        key = None if metadata.step is None else StepKey.of(metadata.step, stored.type)
        if key is not None and not self._is_of_another_step(key, stored):
            self._mark(key, stored.recorded_at)
            self.attempts.add(event, stored.recorded_at, key)
        else:
            self.attempts.add(event, stored.recorded_at, None)
        match stored.category:
            case "order":
                self._add_of_order(event, stored.recorded_at)  # type: ignore[arg-type]  # of its category
            case "payment":
                self._add_of_payment(event, stored.recorded_at)  # type: ignore[arg-type]
            case "saga":
                self._add_of_saga(event, stored)  # type: ignore[arg-type]
        if isinstance(event, ShipmentStopped):
            self._do_again(CREATE_SHIPMENT, AWAIT_DISPATCH)

    def _is_of_another_step(self, key: StepKey, stored: StoredEvent) -> bool:
        """Return whether the event is no record of the step of its key.

        Stock is also recorded by steps that have not ended with it. The hold of a parcel that has
        left ends within the capture.
        """
        if stored.category == "inventory":
            return key.step != RELEASE.name
        return key.step == ASK_AGAIN.name and self.order.has_shipped

    def _mark(self, key: StepKey, at: datetime) -> None:
        mark = self.marks.setdefault(key.step, Mark())
        if key.is_beginning:
            mark.began_at, mark.ended_at = mark.began_at or at, None
        else:
            mark.ended_at = at

    def _begin(self, step: str, at: datetime) -> None:
        mark = self.marks.setdefault(step, Mark())
        mark.began_at = mark.began_at or at

    def _do_again(self, *steps: PlanStep) -> None:
        for step in steps:
            self.marks.pop(step.name, None)
            self.decisions.pop(step.name, None)

    def _add_of_order(self, event: order_events.OrderEvent, at: datetime) -> None:
        self.order = ORDER.fold([event], self.order)
        if isinstance(event, order_events.OrderRefundRequested):
            self._begin(refund_order(event.refund).name, at)
            self.workflow_ids[refund_workflow_id(event.order_id, event.refund)] = None
        if isinstance(event, order_events.OrderReturnRequested):
            self._do_again(*RETURN_PLAN)
        if isinstance(event, KEEPING_STATUS):
            return
        status = status_after(event)
        if status not in FORWARD or status not in self.reached:
            self.reached[status] = at
        if isinstance(event, order_events.OrderConfirmationWithdrawn):
            for undone in (OrderStatus.AUTHORIZED, OrderStatus.CONFIRMED):
                self.reached.pop(undone, None)
            self._do_again(AWAIT_PAYMENT)
        if isinstance(event, order_events.OrderCancellationWithdrawn):
            for name in _UNDOS:
                self.marks.pop(name, None)

    def _add_of_payment(self, event: PaymentEvent, at: datetime) -> None:
        self.payment = PAYMENT.fold([event], self.payment)
        if isinstance(event, PaymentRefundFailed):
            self._begin(refund_again(event.failure), at)

    def _add_of_saga(self, event: saga_events.SagaEvent, stored: StoredEvent) -> None:
        self.saga = SAGA.fold([event], self.saga)
        at, metadata = stored.recorded_at, stored.metadata
        match event:
            case saga_events.SagaParked():
                parking = ParkingView(
                    event.parking, at, event.code, event.message, event.workflow_id
                )
                self.parked[event.step] = parking
                self.parkings.setdefault(event.step, []).append(parking)
            case saga_events.SagaUnparked():
                self.parked.pop(event.step, None)
            case saga_events.SagaStepIntervened():
                self._add_intervention(event, metadata.actor, stored)
            case saga_events.DiscrepancyFound():
                self.discrepancies[event.system] = DiscrepancyView(
                    event.system, event.ours, event.theirs, self._found_at(event, at)
                )
            case saga_events.DiscrepancyAccepted():
                accepted = Acceptance(event.reason, metadata.actor, at)
                known = self.discrepancies[event.system]
                self.discrepancies[event.system] = replace(known, accepted=accepted)
            case saga_events.DiscrepancyResolved():
                self.discrepancies.pop(event.system, None)

    def _found_at(self, event: saga_events.DiscrepancyFound, at: datetime) -> datetime:
        known = self.discrepancies.get(event.system)
        return at if known is None else known.since

    def _add_intervention(
        self, event: saga_events.SagaStepIntervened, actor: str | None, stored: StoredEvent
    ) -> None:
        workflow_id = self.parked.pop(event.step).workflow_id
        intervention = INTERVENTION_OF[type(event)]
        self.decisions[event.step] = intervention
        self.interventions.append(
            InterventionView(
                step=event.step,
                parking=event.parking,
                workflow_id=workflow_id,
                kind=intervention,
                reason=event.reason,
                actor=actor,
                at=stored.recorded_at,
                position=stored.position,
            )
        )
