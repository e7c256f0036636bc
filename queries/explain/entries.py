"""The entries of an order's timeline. None holds personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.saga.commands import Intervention
from notifications.facts import Notice
from notifications.outbox import Channel, State
from queries.saga_states import StepState


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    at: datetime
    text: str
    """One line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEntry(Entry):
    position: int
    stream: str
    version: int
    type: str
    actor: str | None
    step: str | None
    workflow_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InterventionEntry(EventEntry):
    """The event of an operator's act on a parked step."""

    parked_step: str
    parking: int
    intervention: Intervention
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEntry(Entry):
    """A step or an undo that has begun.

    `at` is the time at which it began, or at which it ended if its beginning is not recorded.
    """

    step: str
    is_undo: bool
    state: StepState
    attempts: int
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureEntry(Entry):
    """A failed attempt at a step."""

    step: str
    number: int
    """Counts the failed attempts at the step, from 1."""
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCallEntry(Entry):
    """A call to a provider that the log has an answer of; `at` is the time of the record."""

    provider: str
    operation: str
    key: str | None
    """The derived idempotency key; None for a call that is idempotent by nature."""
    answer: str | None
    """None while the log has no answer."""
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEntry(Entry):
    """A webhook that a provider has sent."""

    provider: str
    event_id: str
    type: str
    handled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationEntry(Entry):
    id: UUID
    notice: Notice
    channel: Channel
    state: State
    attempts: int
    cause: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEntry(Entry):
    """An attempt to send an event to a webhook endpoint, or an event that waits for it."""

    endpoint_id: UUID
    event_id: UUID
    event_type: str
    outcome: str | None
    """None while it waits for its next attempt."""
    status: int | None
    """The HTTP status of the answer."""
