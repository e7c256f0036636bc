"""What the saga engine itself puts into the log and reads from it."""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError
from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler, Step
from activities.types import Decide, Decided, Park, ParkedStep, Parking, Standing
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.order.commands import CancellationReason, RequestCancellation
from domain.order.decide import ORDER
from domain.order.events import OrderReturnRequested
from domain.saga.commands import DecideOnStep, Decision, ParkStep
from domain.saga.decide import SAGA
from eventstore.envelope import StoredEvent


async def standing_of(handler: CommandHandler, order_id: str) -> Standing:
    """Raises Refused with NOT_FOUND when there is no such order."""
    stored = await handler.events(ORDER, order_id)
    if not stored:
        raise Refused(ErrorCode.NOT_FOUND, f"there is no order {order_id}")
    order = ORDER.fold(event.decode() for event in stored)
    if order.status is None:
        raise TypeError(f"stream order-{order_id} does not begin with an order")
    saga = await handler.load(SAGA, order_id)
    return Standing(
        status=order.status,
        since=_last_change(stored).recorded_at,
        position=stored[-1].position,
        fingerprint=order.fingerprint,
        reason=order.cancellation,
        settled=tuple(sorted(saga.settled)),
        parked=tuple(
            ParkedStep(step, parked.number, parked.workflow_id)
            for step, parked in saga.parked.items()
        ),
        return_requested_at=_return_requested_at(stored) if order.returning else None,
        has_left=order.has_shipped,
    )


def _last_change(stored: list[StoredEvent]) -> StoredEvent:
    """The event that led to the status that the order has now."""
    state, changed = ORDER.initial, stored[0]
    for event in stored:
        before, state = state.status, ORDER.evolve(state, event.decode())
        if state.status is not before:
            changed = event
    return changed


def _return_requested_at(stored: list[StoredEvent]) -> datetime | None:
    asked = (event for event in stored if isinstance(event.decode(), OrderReturnRequested))
    return next((event.recorded_at for event in asked), None)


class SagaActivities(interface.SagaActivities):
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    @activity.defn
    async def stand(self, order_id: str) -> Standing:
        return await standing_of(self._handler, order_id)

    @activity.defn
    async def park(self, park: Park) -> Parking:
        saga = await self._handler.load(SAGA, park.order_id)
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
        saga = await self._handler.load(SAGA, park.order_id)
        return Parking(saga.parked[park.step].number)

    @activity.defn
    async def decide(self, decide: Decide) -> Decided:
        try:
            command = DecideOnStep(
                aggregate_id=decide.order_id,
                step=decide.step,
                parking=decide.parking,
                decision=decide.decision,
                reason=decide.reason,
            )
        except ValidationError:
            raise Refused(
                ErrorCode.INVALID_INPUT,
                "say why, in one line of at most 500 characters",
                ("input", "reason"),
            ) from None
        step = Step.current(f"decide/{decide.step}/{decide.parking}", decide.order_id, decide.actor)
        try:
            position = await self._handler.handle(step, command, *_turning(decide))
        except Refused:
            saga = await self._handler.load(SAGA, decide.order_id)
            if decide.parking not in saga.decided:
                raise
            events = await self._handler.events(SAGA, decide.order_id)
            return Decided(events[-1].position, saga.decided[decide.parking])
        return Decided(position, decide.decision)


def _turning(decide: Decide) -> tuple[Command, ...]:
    """Whoever takes the saga up after a decision to turn it round finds it turned."""
    if decide.decision is not Decision.COMPENSATE:
        return ()
    return (
        RequestCancellation(
            aggregate_id=decide.order_id,
            reason=CancellationReason.OPERATOR_REQUEST,
            after_dispatch=True,
        ),
    )
