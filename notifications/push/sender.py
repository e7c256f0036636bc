"""Send the push messages of the outbox, some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from domain.customer.events import CustomerErased
from eventstore.privacy.errors import ErasedValue, Tampered
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from notifications.mail.content import Facts
from notifications.mail.language import language_of
from notifications.outbox import Channel, Outbox, Outcome, State, Taken
from notifications.policy import DeliveryPolicy
from notifications.push.message import Push, delivery_headers, payload_of, push_of
from notifications.push.subscriptions import Subscriptions, Target, subscription_in
from notifications.push.vapid import Vapid
from notifications.reading import contact_of, facts_of
from notifications.sender import NotSent, Pace, Sender
from notifications.webhooks.outcome import Answer
from notifications.webhooks.outcome import Outcome as Ending

IN_FLIGHT: Final = 8
"""An endpoint that does not answer delays the others little."""
KEEP_FOR: Final = timedelta(days=3)
"""The time from a fact in which its message may reach the browser. It gives the TTL."""
HOLD: Final = timedelta(minutes=1)
"""A subscription whose service does not answer, or answers 429 or 503 without `Retry-After`, gets
nothing for this time."""

_GONE: Final = frozenset({404, 410})
"""The browser has ended the subscription (RFC 8030, sections 7.3 and 8.3)."""
_MAY_SUCCEED_LATER: Final = frozenset({401, 403, 408, 425, 429})
"""401 and 403 concern our VAPID key: another setting may be right."""


class Posts(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class PushSender(Sender):
    """Post each message to the endpoint of its subscription."""

    def __init__(self, outbox: Outbox, poster: PushPoster, pace: Pace | None = None) -> None:
        @asynccontextmanager
        async def connect() -> AsyncIterator[PushPoster]:
            yield poster  # the client connects to each push service by itself

        super().__init__(outbox, connect, pace, in_flight=IN_FLIGHT)


@dataclass(frozen=True, slots=True)
class PushPoster:
    """Compose each message just before it is posted: nothing keeps it."""

    store: EventStore
    vault: Vault
    subscriptions: Subscriptions
    policy: DeliveryPolicy
    vapid: Vapid
    client: Posts
    hold: timedelta = HOLD

    async def send(self, taken: Taken) -> Outcome:
        """Make one attempt. Raises NotSent, and UnknownKey when a master key is missing."""
        composed = await self._compose(taken)
        if isinstance(composed, Outcome):
            return composed
        answer = await self.client.post(composed.endpoint, composed.headers, composed.body)
        return await self._outcome(taken, answer)

    async def _compose(self, taken: Taken) -> Push | Outcome:
        facts = await facts_of(self.store, taken)
        if isinstance(facts, Outcome):
            return facts
        ttl = facts.recorded_at + KEEP_FOR - datetime.now(UTC)
        if ttl <= timedelta(0):
            return Outcome(State.OUTDATED)
        target = await self._target(taken, facts)
        if isinstance(target, Outcome):
            return target
        contact = await contact_of(self.vault, facts.created)
        if isinstance(contact, Outcome):
            return contact
        locale, zone = (contact.locale, contact.time_zone) if contact else (None, None)
        customer_id = facts.created.customer_id
        withheld = await self.policy.outcome(taken.kind, Channel.PUSH, customer_id, zone)
        if withheld is not None:
            return withheld
        payload = payload_of(facts, language_of(locale), zone, taken.id)
        return push_of(payload, target, self.vapid, delivery_headers(taken.kind, ttl, taken.id))

    async def _target(self, taken: Taken, facts: Facts) -> Target | Outcome:
        try:
            target = await self.subscriptions.target_of(subscription_in(taken.recipient))
        except ErasedValue:
            return Outcome(State.ERASED)
        except Tampered as fault:
            return Outcome(State.FAILED, type(fault).__name__)
        if target is not None:
            return target
        is_erased = await self._is_erased(facts.created.customer_id, taken.position)
        return Outcome(State.ERASED if is_erased else State.NO_RECIPIENT)

    async def _is_erased(self, customer_id: str, since: int) -> bool:
        """Return whether the customer was erased after this position."""
        return any(
            stored.type == CustomerErased.__name__ and stored.position > since
            for stored in await self.store.load_events(f"customer-{customer_id}")
        )

    async def _outcome(self, taken: Taken, answer: Answer) -> Outcome:
        if answer.outcome is Ending.DELIVERED:
            return Outcome(State.SENT)
        cause = str(answer.outcome) if answer.status is None else f"HTTP {answer.status}"
        if answer.status in _GONE:
            await self.subscriptions.drop(subscription_in(taken.recipient))
            return Outcome(State.NO_RECIPIENT, cause)
        held = self._held(answer)
        if held is not None:
            await self.subscriptions.pause(subscription_in(taken.recipient), held)
        raise NotSent(cause, is_final=_is_final(answer), retry_after=held)

    def _held(self, answer: Answer) -> timedelta | None:
        """Return the time in which every message to this subscription would fail too."""
        if answer.outcome.concerns_endpoint or answer.retry_after is not None:
            return answer.retry_after or self.hold
        return None


def _is_final(answer: Answer) -> bool:
    if answer.outcome is Ending.FORBIDDEN_ADDRESS:
        return True
    return answer.outcome is Ending.REJECTED and answer.status not in _MAY_SUCCEED_LATER
