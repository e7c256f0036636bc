"""Compose the mail of a notification from the log, or say why there is none to send.

The contact is opened here, just before the mail is sent, and is kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address

from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from notifications.facts import Notice
from notifications.mail.content import content_of
from notifications.mail.language import language_of
from notifications.mail.message import Letter, letter
from notifications.outbox import Channel, Outcome, State, Taken
from notifications.policy import DeliveryPolicy
from notifications.reading import contact_of, facts_of
from notifications.suppressions import Suppressions


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
        facts = await facts_of(self.store, taken)
        if isinstance(facts, Outcome):
            return facts
        contact = await contact_of(self.vault, facts.created)
        if isinstance(contact, Outcome):
            return contact
        email = None if contact is None else contact.email
        if contact is None or email is None:
            return Outcome(State.NO_RECIPIENT)
        withheld = await self._withheld(
            taken.kind, facts.created.customer_id, email, contact.time_zone
        )
        if withheld is not None:
            return withheld
        url = f"{self.public_url.rstrip('/')}/unsubscribe/{self.suppressions.token(email)}"
        content = content_of(facts, language_of(contact.locale), contact.time_zone, url)
        return letter(content, email, self.sender, taken.id)

    async def _withheld(
        self, kind: Notice, customer_id: str, email: str, time_zone: str | None
    ) -> Outcome | None:
        """Return the outcome when the customer must not get this mail, or not yet."""
        if await self.suppressions.is_suppressed(email):
            return Outcome(State.SUPPRESSED)
        return await self.policy.outcome(kind, Channel.EMAIL, customer_id, time_zone)
