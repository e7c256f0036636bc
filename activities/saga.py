"""The changes that the saga engine itself appends to the log, and the progress it reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import ValidationError
from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.failed_attempts import FailureLedger, ParkedAttempt
from activities.keyed import handle_once
from activities.orphans import end_orphan
from activities.payments.settlements import settlement_of
from activities.types.order import OrderProgress
from activities.types.parking import (
    InterventionInput,
    InterventionResult,
    ParkedStep,
    ParkInput,
    ParkResult,
    UnparkInput,
)
from domain.errors import ErrorCode, Refused
from domain.order.decide import ORDER
from domain.order.events import OrderReturnRequested
from domain.order.state import OrderState
from domain.saga.commands import ParkStep, UnparkStep
from domain.saga.decide import SAGA
from domain.saga.events import SagaParked, SagaStepResolved, SagaStepSkipped
from domain.saga.plan import RETURN_PLAN
from domain.saga.state import SagaState
from eventstore.envelope import StoredEvent

_OF_A_RETURN: Final = frozenset(step.name for step in RETURN_PLAN)


async def load_progress(handler: CommandHandler, order_id: str) -> OrderProgress:
    """Return the progress of the order. Raises Refused with NOT_FOUND when there is no such
    order."""
    of_order, of_saga = await handler.read((ORDER, order_id), (SAGA, order_id))
    stored = of_order.stored
    if not stored:
        raise Refused(ErrorCode.NOT_FOUND, f"there is no order {order_id}")
    order: OrderState = of_order.state
    saga: SagaState = of_saga.state
    if order.status is None:
        raise TypeError(f"stream order-{order_id} does not begin with an order")
    return OrderProgress(
        status=order.status,
        since=_last_change(stored).recorded_at,
        position=stored[-1].position,
        fingerprint=order.fingerprint,
        reason=order.cancellation,
        settled=_settled(of_saga.stored, order, stored),
        parked=parked_steps(saga),
        return_requested_at=_return_requested_at(order, stored),
        has_left=order.has_shipped,
        number=order.number,
        promises=order.promises,
    )


def parked_steps(saga: SagaState) -> tuple[ParkedStep, ...]:
    return tuple(
        ParkedStep(step, parked.number, parked.workflow_id, parked.undoing)
        for step, parked in saga.parked.items()
    )


def _last_change(stored: Sequence[StoredEvent]) -> StoredEvent:
    """Return the event that led to the current status of the order."""
    state, changed = ORDER.initial, stored[0]
    for event in stored:
        before, state = state.status, ORDER.evolve(state, event.decode())
        if state.status is not before:
            changed = event
    return changed


def _return_requested_at(order: OrderState, stored: Sequence[StoredEvent]) -> datetime | None:
    request = _return_request(stored) if order.returning else None
    return None if request is None else request.recorded_at


def _return_request(stored: Sequence[StoredEvent]) -> StoredEvent | None:
    """Return the latest request: a lapsed return may be requested again."""
    asked = (
        event for event in reversed(stored) if isinstance(event.decode(), OrderReturnRequested)
    )
    return next(asked, None)


def _settled(
    of_saga: Sequence[StoredEvent], order: OrderState, of_order: Sequence[StoredEvent]
) -> tuple[str, ...]:
    """Return the steps that operators have skipped or resolved.

    A step of a return counts for that return alone: one that is requested again is collected anew.
    """
    request = _return_request(of_order) if order.lapses else None
    since = 0 if request is None else request.position
    settled = {
        event.step
        for stored in of_saga
        if isinstance(event := stored.decode(), SagaStepSkipped | SagaStepResolved)
        and (stored.position > since or event.step not in _OF_A_RETURN)
    }
    return tuple(sorted(settled if order.lapsed is None else settled - _OF_A_RETURN))


class SagaActivitiesImpl(interface.SagaActivities):
    def __init__(self, handler: CommandHandler, ledger: FailureLedger | None = None) -> None:
        self._handler = handler
        self._ledger = ledger

    @activity.defn
    async def load_progress(self, order_id: str) -> OrderProgress:
        return await load_progress(self._handler, order_id)

    @activity.defn
    async def park(self, park: ParkInput) -> ParkResult:
        saga = await self._handler.load(SAGA, park.order_id)
        if park.parking is not None and (made := saga.interventions.get(park.parking)):
            return ParkResult(park.parking, intervention=made)
        await self._handler.handle(
            Step.current(f"park/{park.step}/{saga.parkings + 1}", park.order_id),
            ParkStep(
                aggregate_id=park.order_id,
                step=park.step,
                undoing=park.undoing,
                code=park.code,
                message=park.message,
                workflow_id=activity.info().workflow_id or "",
            ),
        )
        [stream] = await self._handler.read((SAGA, park.order_id))
        number = stream.state.parked[park.step].number
        if self._ledger is not None:
            await self._ledger.note_parked(ParkedAttempt.of(park, number))
        return ParkResult(number, since=_parked_at(stream.stored, number))

    @activity.defn
    async def unpark(self, unpark: UnparkInput) -> None:
        await self._handler.handle(
            Step.current(f"unpark/{unpark.step}/{unpark.parking}", unpark.order_id),
            UnparkStep(aggregate_id=unpark.order_id, step=unpark.step, parking=unpark.parking),
        )

    @activity.defn
    async def intervene(self, intervene: InterventionInput) -> InterventionResult:
        try:
            commands = intervene.commands
        except ValidationError:
            raise Refused(
                ErrorCode.INVALID_INPUT,
                "give a reason, in one line of at most 500 characters",
                ("input", "reason"),
            ) from None
        step = Step.current(
            f"intervene/{intervene.step}/{intervene.parking}", intervene.order_id, intervene.actor
        )
        try:
            done = await handle_once(
                self._handler,
                step,
                intervene.key,
                *commands,
                *await settlement_of(self._handler, intervene),
            )
        except Refused as refused:
            if refused.code is ErrorCode.IDEMPOTENCY_KEY_REUSED:
                raise
            saga = await self._handler.load(SAGA, intervene.order_id)
            if intervene.parking not in saga.interventions:
                raise
            events = await self._handler.events(SAGA, intervene.order_id)
            return InterventionResult(events[-1].position, saga.interventions[intervene.parking])
        return InterventionResult(done.position, intervene.kind, done.call)

    @activity.defn
    async def end_orphan(self, workflow_id: str) -> None:
        await end_orphan(workflow_id)


def _parked_at(stored: Sequence[StoredEvent], number: int) -> datetime | None:
    for event in stored:
        match event.decode():
            case SagaParked(parking=parking) if parking == number:
                return event.recorded_at
    return None
