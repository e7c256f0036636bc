"""Put the records of an order into one timeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from domain.saga import events as saga_events
from domain.saga.state import INTERVENTION_OF
from eventstore.envelope import StoredEvent
from notifications.facts import Notice
from notifications.outbox import Channel, State
from queries.explain.calls import calls_of
from queries.explain.entries import (
    DeliveryEntry,
    Entry,
    EventEntry,
    FailureEntry,
    InterventionEntry,
    NotificationEntry,
    ProviderCallEntry,
    StepEntry,
    WebhookEntry,
)
from queries.explain.meanings import meaning_of
from queries.explain.reading import OrderRecords
from queries.saga_ledger import SagaView, StepView, UndoView

_RANKS: Final[Mapping[type[Entry], int]] = {
    WebhookEntry: 0,
    ProviderCallEntry: 1,
    EventEntry: 2,
    InterventionEntry: 2,
    FailureEntry: 3,
    StepEntry: 4,
    NotificationEntry: 5,
    DeliveryEntry: 6,
}
"""The order of entries of the same time: a cause comes before its effects."""


def timeline_of(records: OrderRecords, saga: SagaView) -> list[Entry]:
    order_id = records.order.id
    events = sorted([*records.events, *records.stock_events], key=lambda each: each.position)
    entries: list[Entry] = [
        *(_event(each, is_unpaid=records.order.total.amount == 0) for each in events),
        *calls_of(order_id, events),
        *_steps(saga),
        *_failures(records),
        *_webhooks(records),
        *_notifications(records),
        *_deliveries(records),
    ]
    return sorted(entries, key=lambda entry: (entry.at, _RANKS[type(entry)]))


def _event(stored: StoredEvent, *, is_unpaid: bool) -> EventEntry:
    event, metadata = stored.decode(), stored.metadata
    entry = EventEntry(
        at=stored.recorded_at,
        text=meaning_of(event, is_unpaid=is_unpaid),
        position=stored.position,
        stream=stored.stream_id,
        version=stored.version,
        type=stored.type,
        actor=metadata.actor,
        step=metadata.step,
        workflow_id=metadata.workflow_id,
    )
    return _intervention(entry, event) if type(event) in INTERVENTION_OF else entry


def _intervention(entry: EventEntry, event: object) -> InterventionEntry:
    assert isinstance(event, saga_events.SagaStepIntervened)  # noqa: S101 - of INTERVENTION_OF
    return InterventionEntry(
        at=entry.at,
        text=entry.text,
        position=entry.position,
        stream=entry.stream,
        version=entry.version,
        type=entry.type,
        actor=entry.actor,
        step=entry.step,
        workflow_id=entry.workflow_id,
        parked_step=event.step,
        parking=event.parking,
        intervention=INTERVENTION_OF[type(event)],
        reason=event.reason,
    )


def _steps(saga: SagaView) -> Iterator[StepEntry]:
    for step in saga.steps:
        yield from _step(step, is_undo=False)
        if step.undo is not None:
            yield from _step(step.undo, is_undo=True)


def _step(step: StepView | UndoView, *, is_undo: bool) -> Iterable[StepEntry]:
    at = step.started_at or step.ended_at
    if at is None:
        return
    count = step.attempt_count
    tries = f" after {count} attempts" if count > 1 else ""
    yield StepEntry(
        at=at,
        text=f"{step.description} {step.state}{tries}.",
        step=step.name,
        is_undo=is_undo,
        state=step.state,
        attempts=count,
        ended_at=step.ended_at,
    )


def _failures(records: OrderRecords) -> Iterator[FailureEntry]:
    for step, calls in records.failed_calls.items():
        for call in calls:
            yield FailureEntry(
                at=call.failed_at,
                text=f"Failure {call.number} of the step {step}: {call.code}: {call.message}",
                step=step,
                number=call.number,
                code=call.code,
                message=call.message,
            )


def _webhooks(records: OrderRecords) -> Iterator[WebhookEntry]:
    for row in records.webhooks:
        handled = "handled" if row.handled_at else "not handled yet"
        yield WebhookEntry(
            at=row.received_at,
            text=f"{row.provider} sent the webhook {row.type}: {handled}.",
            provider=row.provider,
            event_id=row.event_id,
            type=row.type,
            handled_at=row.handled_at,
        )


def _notifications(records: OrderRecords) -> Iterator[NotificationEntry]:
    for row in records.notifications:
        cause = f" ({row.cause})" if row.cause else ""
        yield NotificationEntry(
            at=row.created_at,
            text=f"Notification {row.kind} to the customer by {row.channel}: {row.state}{cause}.",
            id=row.id,
            notice=Notice(row.kind),
            channel=Channel(row.channel),
            state=State(row.state),
            attempts=row.attempts,
            cause=row.cause,
            ended_at=row.ended_at,
        )


def _deliveries(records: OrderRecords) -> Iterator[DeliveryEntry]:
    for row in records.deliveries:
        answer = f" (HTTP {row.status})" if row.status else ""
        outcome = "waits for its next attempt" if row.outcome is None else f"{row.outcome}{answer}"
        yield DeliveryEntry(
            at=row.at,
            text=f"{row.event_type} to a webhook endpoint: {outcome}.",
            endpoint_id=row.endpoint_id,
            event_id=row.event_id,
            event_type=row.event_type,
            outcome=row.outcome,
            status=row.status,
        )
