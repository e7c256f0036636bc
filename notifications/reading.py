"""Read what a notification is about: the facts of its order, and the order's contact.

They are read from the log just before the notification is sent, by every channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from domain.order.contact import Contact
from domain.order.events import OrderCancelled, OrderCreated, OrderReturned
from domain.shipping.events import TrackingNumberAssigned
from eventstore.envelope import StoredEvent
from eventstore.privacy.errors import Erased, PrivacyError, Tampered
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from notifications.facts import Notice
from notifications.mail.content import Facts
from notifications.outbox import Outcome, State, Taken

_SETTLED: Final = frozenset({OrderReturned.__name__, OrderCancelled.__name__})
"""The money is given back after all."""


async def facts_of(store: EventStore, taken: Taken) -> Facts | Outcome:
    """Return the facts, or the outcome when they are outdated or lost."""
    order = await store.load_events(f"order-{taken.order_id}")
    (event,) = await store.load_all_events(taken.position - 1, 1) or (None,)
    if event is None or event.position != taken.position or not order:
        return Outcome(State.OUTDATED, "the log has lost the event")
    if await _is_outdated(store, taken.kind, event, order):
        return Outcome(State.OUTDATED)
    return Facts(
        taken.kind,
        cast("OrderCreated", order[0].decode()),
        order[0].recorded_at,
        event.decode(),
        event.recorded_at,
        await _tracking(store, taken),
    )


async def contact_of(vault: Vault, created: OrderCreated) -> Contact | Outcome | None:
    """Return the contact in clear, None if the order has none, or the outcome when it cannot be
    read.

    Raises UnknownKey when this process lacks a master key, which the operator can add.
    """
    (contact,) = await vault.open_each([(created, "contact")])
    match contact:
        case None | Contact():
            return contact
        case Erased():
            return Outcome(State.ERASED)
        case Tampered():
            return Outcome(State.FAILED, type(contact).__name__)
        case PrivacyError():
            raise contact
        case _:
            raise TypeError(f"a contact opened as a {type(contact).__name__}")


async def _is_outdated(
    store: EventStore, kind: Notice, event: StoredEvent, order: Sequence[StoredEvent]
) -> bool:
    """Return whether the order has moved on since, so that the notice would be wrong by now."""
    match kind:
        case Notice.PAYMENT_NEEDED:  # a later event of the payment is another answer or attempt
            return bool(await store.load_events(event.stream_id, event.version))
        case Notice.WAITING_FOR_STOCK:
            return len(order) > 1
        case Notice.REFUND_FAILED:
            return any(
                stored.type in _SETTLED and stored.position > event.position for stored in order
            )
        case _:
            return False


async def _tracking(store: EventStore, taken: Taken) -> TrackingNumberAssigned | None:
    if taken.kind is not Notice.SHIPPED:
        return None
    shipment = await store.load_events(f"shipment-{taken.order_id}")
    found = [s.decode() for s in shipment if s.type == TrackingNumberAssigned.__name__]
    return cast("TrackingNumberAssigned", found[-1]) if found else None
