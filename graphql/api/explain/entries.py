"""The entries of an order's timeline, as GraphQL shows them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import strawberry

from api.notifications import meanings  # noqa: F401 - it names the enums
from api.payload import POSITION_NUMBER
from api.sagas import types as sagas  # noqa: F401 - it names the enums
from api.scalars import Long, Position
from domain.saga.commands import Intervention
from notifications.facts import Notice
from notifications.outbox import Channel, State
from queries.explain import entries as e
from queries.saga_states import StepState


@strawberry.enum(description="The kind of an entry of an order's timeline.")
class TimelineKind(StrEnum):
    EVENT = "EVENT"
    INTERVENTION = "INTERVENTION"
    STEP = "STEP"
    FAILURE = "FAILURE"
    PROVIDER_CALL = "PROVIDER_CALL"
    WEBHOOK = "WEBHOOK"
    NOTIFICATION = "NOTIFICATION"
    DELIVERY = "DELIVERY"


@strawberry.interface(description="Something that has happened to an order.")
class TimelineEntry:
    kind: TimelineKind
    at: datetime
    text: str = strawberry.field(description="One line for people, without personal data.")


@strawberry.type(description="An event of the order's streams, or of the stock for the order.")
class EventEntry(TimelineEntry):
    position: Position
    stream: str
    version: int
    type: str
    actor: str | None
    step: str | None = strawberry.field(description="The key of the step that recorded it.")
    workflow_id: str | None

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long:
        return Long(self.position)


@strawberry.type(description="The event of an operator's decision on a parked step.")
class InterventionEntry(EventEntry):
    parked_step: str
    parking: int
    intervention: Intervention
    reason: str


@strawberry.type(
    description="A step or an undo of the saga. `at` is when it began, or when it ended if its "
    "beginning is not recorded."
)
class StepEntry(TimelineEntry):
    step: str
    is_undo: bool
    state: StepState
    attempts: int
    ended_at: datetime | None


@strawberry.type(description="A failed attempt at a step. The newest 100 of each step are kept.")
class FailureEntry(TimelineEntry):
    step: str
    number: int = strawberry.field(description="Counts the failed attempts at the step, from 1.")
    code: str
    message: str


@strawberry.type(
    description="A call to a provider. Its key derives from the log, and its answer is the event "
    "that recorded it. Calls that only read are not recorded."
)
class ProviderCallEntry(TimelineEntry):
    provider: str
    operation: str
    key: str | None = strawberry.field(
        description="The idempotency key. Null for a call that is idempotent by nature."
    )
    answer: str | None = strawberry.field(description="Null while the log has no answer.")
    reference: str | None = strawberry.field(description="The provider's id.")


@strawberry.type(description="A webhook that a provider has sent. They are kept for 30 days.")
class WebhookEntry(TimelineEntry):
    provider: str
    event_id: str
    type: str
    handled_at: datetime | None = strawberry.field(description="Null while it is not handled.")


@strawberry.type(description="A notification to the customer. No address is shown.")
class NotificationEntry(TimelineEntry):
    id: strawberry.ID
    notice: Notice
    channel: Channel
    state: State
    attempts: int
    cause: str | None
    ended_at: datetime | None


@strawberry.type(
    description="An attempt to send an event to a webhook endpoint, or one that waits."
)
class DeliveryEntry(TimelineEntry):
    endpoint_id: strawberry.ID
    event_id: strawberry.ID
    event_type: str
    outcome: str | None = strawberry.field(description="Null while it waits for its attempt.")
    status: int | None = strawberry.field(description="The HTTP status of the answer.")


ENTRY_TYPES: Final = (
    EventEntry,
    InterventionEntry,
    StepEntry,
    FailureEntry,
    ProviderCallEntry,
    WebhookEntry,
    NotificationEntry,
    DeliveryEntry,
)


def entry_of(entry: e.Entry) -> TimelineEntry:  # noqa: PLR0911 - one for each kind
    match entry:
        case e.EventEntry():
            return _event(entry)
        case e.StepEntry():
            return _step(entry)
        case e.FailureEntry():
            return FailureEntry(
                kind=TimelineKind.FAILURE,
                at=entry.at,
                text=entry.text,
                step=entry.step,
                number=entry.number,
                code=entry.code,
                message=entry.message,
            )
        case e.ProviderCallEntry():
            return _call(entry)
        case e.WebhookEntry():
            return WebhookEntry(
                kind=TimelineKind.WEBHOOK,
                at=entry.at,
                text=entry.text,
                provider=entry.provider,
                event_id=entry.event_id,
                type=entry.type,
                handled_at=entry.handled_at,
            )
        case e.NotificationEntry():
            return _notification(entry)
        case e.DeliveryEntry():
            return _delivery(entry)
    raise AssertionError(type(entry))


def _event(entry: e.EventEntry) -> EventEntry:
    if isinstance(entry, e.InterventionEntry):
        return _intervention(entry)
    return EventEntry(
        kind=TimelineKind.EVENT,
        at=entry.at,
        text=entry.text,
        position=Position(entry.position),
        stream=entry.stream,
        version=entry.version,
        type=entry.type,
        actor=entry.actor,
        step=entry.step,
        workflow_id=entry.workflow_id,
    )


def _intervention(entry: e.InterventionEntry) -> InterventionEntry:
    return InterventionEntry(
        kind=TimelineKind.INTERVENTION,
        at=entry.at,
        text=entry.text,
        position=Position(entry.position),
        stream=entry.stream,
        version=entry.version,
        type=entry.type,
        actor=entry.actor,
        step=entry.step,
        workflow_id=entry.workflow_id,
        parked_step=entry.parked_step,
        parking=entry.parking,
        intervention=entry.intervention,
        reason=entry.reason,
    )


def _step(entry: e.StepEntry) -> StepEntry:
    return StepEntry(
        kind=TimelineKind.STEP,
        at=entry.at,
        text=entry.text,
        step=entry.step,
        is_undo=entry.is_undo,
        state=entry.state,
        attempts=entry.attempts,
        ended_at=entry.ended_at,
    )


def _call(entry: e.ProviderCallEntry) -> ProviderCallEntry:
    return ProviderCallEntry(
        kind=TimelineKind.PROVIDER_CALL,
        at=entry.at,
        text=entry.text,
        provider=entry.provider,
        operation=entry.operation,
        key=entry.key,
        answer=entry.answer,
        reference=entry.reference,
    )


def _notification(entry: e.NotificationEntry) -> NotificationEntry:
    return NotificationEntry(
        kind=TimelineKind.NOTIFICATION,
        at=entry.at,
        text=entry.text,
        id=strawberry.ID(str(entry.id)),
        notice=entry.notice,
        channel=entry.channel,
        state=entry.state,
        attempts=entry.attempts,
        cause=entry.cause,
        ended_at=entry.ended_at,
    )


def _delivery(entry: e.DeliveryEntry) -> DeliveryEntry:
    return DeliveryEntry(
        kind=TimelineKind.DELIVERY,
        at=entry.at,
        text=entry.text,
        endpoint_id=strawberry.ID(str(entry.endpoint_id)),
        event_id=strawberry.ID(str(entry.event_id)),
        event_type=entry.event_type,
        outcome=entry.outcome,
        status=entry.status,
    )
