"""Compose the mail of a notification from the log, or say why there is none to send.

The contact is opened here, just before the mail is sent, and is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Final, cast

from domain.order.contact import Contact
from domain.order.events import OrderCancelled, OrderCreated, OrderReturned
from domain.shipping.events import TrackingNumberAssigned
from eventstore.envelope import StoredEvent
from eventstore.privacy.errors import Erased, PrivacyError, Tampered
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from notifications.facts import Notice
from notifications.mail.content import Facts, content_of
from notifications.mail.language import language_of
from notifications.mail.message import Letter, letter
from notifications.outbox import Channel, Outcome, State, Taken
from notifications.policy import DeliveryPolicy
from notifications.suppressions import Suppressions

_SETTLED: Final = frozenset({OrderReturned.__name__, OrderCancelled.__name__})
"""The money is given back after all."""


@dataclass(frozen=True, slots=True)
class Composer:
    store: EventStore
    vault: Vault
    suppressions: Suppressions
    policy: DeliveryPolicy
    sender: Address
    public_url: str
    """The URL of the API, where the links to unsubscribe lead."""

    async def compose(self, taken: Taken) -> Letter | Outcome:
        """Return the mail, or the outcome when none is to be sent.

        Raises UnknownKey when this process lacks a master key, and BadAddress.
        """
        order = await self.store.load_events(f"order-{taken.order_id}")
        (event,) = await self.store.load_all_events(taken.position - 1, 1) or (None,)
        if event is None or event.position != taken.position or not order:
            return Outcome(State.OUTDATED, "the log has lost the event")
        if await self._is_outdated(taken.kind, event, order):
            return Outcome(State.OUTDATED)
        created = cast("OrderCreated", order[0].decode())
        contact = await self._contact(created)
        if isinstance(contact, Outcome):
            return contact
        email = contact.email
        if email is None:
            return Outcome(State.NO_RECIPIENT)
        withheld = await self._withheld(taken.kind, created.customer_id, email, contact.time_zone)
        if withheld is not None:
            return withheld
        url = f"{self.public_url.rstrip('/')}/unsubscribe/{self.suppressions.token(email)}"
        facts = Facts(
            taken.kind,
            created,
            order[0].recorded_at,
            event.decode(),
            event.recorded_at,
            await self._tracking(taken),
        )
        content = content_of(facts, language_of(contact.locale), contact.time_zone, url)
        return letter(content, email, self.sender, taken.id)

    async def _contact(self, created: OrderCreated) -> Contact | Outcome:
        (contact,) = await self.vault.open_each([(created, "contact")])
        match contact:
            case None:
                return Outcome(State.NO_RECIPIENT)
            case Contact():
                return contact
            case Erased():
                return Outcome(State.ERASED)
            case Tampered():
                return Outcome(State.FAILED, type(contact).__name__)
            case PrivacyError():  # an unknown key, which the operator can add
                raise contact
            case _:
                raise TypeError(f"a contact opened as a {type(contact).__name__}")

    async def _withheld(
        self, kind: Notice, customer_id: str, email: str, time_zone: str | None
    ) -> Outcome | None:
        """Return the outcome when the customer must not get this mail, or not yet."""
        if await self.suppressions.is_suppressed(email):
            return Outcome(State.SUPPRESSED)
        return await self.policy.outcome(kind, Channel.EMAIL, customer_id, time_zone)

    async def _is_outdated(
        self, kind: Notice, event: StoredEvent, order: Sequence[StoredEvent]
    ) -> bool:
        """Return whether the order has moved on since, so that the notice would be wrong by now."""
        match kind:
            case Notice.PAYMENT_NEEDED:  # a later event of the payment is another answer or attempt
                return bool(await self.store.load_events(event.stream_id, event.version))
            case Notice.WAITING_FOR_STOCK:
                return len(order) > 1
            case Notice.REFUND_FAILED:
                return any(
                    stored.type in _SETTLED and stored.position > event.position for stored in order
                )
            case _:
                return False

    async def _tracking(self, taken: Taken) -> TrackingNumberAssigned | None:
        if taken.kind is not Notice.SHIPPED:
            return None
        shipment = await self.store.load_events(f"shipment-{taken.order_id}")
        found = [s.decode() for s in shipment if s.type == TrackingNumberAssigned.__name__]
        return cast("TrackingNumberAssigned", found[-1]) if found else None
