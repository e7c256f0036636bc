"""Follow the log to write a digest of each order's e-mail address, by which staff find the order.

It is no projection of the registry, because it needs what none may have: the customers' keys. The
row refers to the key that seals the address, so the erasure of the key deletes the row in the same
transaction: see migration 0026 and docs/decisions/0026-search-by-email.md.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple, NoReturn, cast
from uuid import UUID

from domain.order.contact import Contact
from domain.order.events import OrderCreated
from domain.privacy import Sealed
from eventstore.checkpoint import Checkpoint
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.privacy.errors import Erased, PrivacyError, Tampered
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from kit.faults import one_line
from kit.leadership import leading
from kit.pauses import with_pauses
from kit.pool import Connection, Pool
from kit.restart import is_database_away, restarting
from projections.status import note_fault

NAME: Final = "order-contacts"
CHECKPOINT: Final = f"projection.{NAME}"


@dataclass(frozen=True)
class OrderContactsModel:
    """The facts by which operators see and rebuild the rows."""

    name: str = NAME
    version: int = 1
    types: frozenset[str] = frozenset({OrderCreated.__name__})
    checkpoint: str = CHECKPOINT


ORDER_CONTACTS: Final = OrderContactsModel()

ASK_EVERY: Final = timedelta(seconds=1)
"""The interval at which the leader of a silent log looks whether it is to begin again."""

# A row is written for a key that exists, and this transaction keeps it until it ends: an erasure
# waits, and then deletes the row. An order's first event is its only one of this type.
_WRITE: Final = """
    INSERT INTO readmodel.order_contact (order_id, key_id, email_digest)
    SELECT n.order_id, k.key_id, n.email_digest
    FROM unnest($1::text[], $2::uuid[], $3::text[]) AS n (order_id, key_id, email_digest)
    JOIN eventstore.subject_key AS k ON k.key_id = n.key_id
    FOR KEY SHARE OF k
    ON CONFLICT (order_id) DO NOTHING
"""
_BEGIN_AGAIN: Final = """
    UPDATE eventstore.checkpoint SET position = 0, event_id = eventstore.newest_event(0)
    WHERE name = $1
"""
_DELETE: Final = "DELETE FROM readmodel.order_contact"
_DONE: Final = """
    UPDATE eventstore.projection_rebuild SET state = 'done', finished_at = clock_timestamp()
    WHERE name = $1
"""

logger = logging.getLogger(__name__)


def _may_restart(error: BaseException) -> bool:
    # An operator can add a master key that this process lacks.
    return is_database_away(error) or isinstance(error, EventStoreError | PrivacyError)


class Row(NamedTuple):
    order_id: str
    key_id: UUID
    email_digest: str


class OrderContacts:
    """Run in every worker that has the role; one at a time leads, and another takes over."""

    def __init__(self, pool: Pool, store: EventStore, vault: Vault, search_key: SearchKey) -> None:
        self._pool = pool
        self._store = store
        self._vault = vault
        self._search_key = search_key

    async def run(self) -> NoReturn:
        """Run until cancelled. After a fault it starts again from the checkpoint."""
        await restarting(f"projection {NAME}", self._lead, _may_restart)

    async def _lead(self) -> None:
        async with leading(self._pool, CHECKPOINT) as connection:
            try:
                await self._follow(connection)
            except (EventStoreError, PrivacyError) as error:
                await note_fault(connection, ORDER_CONTACTS, one_line(error))
                raise

    async def _follow(self, connection: Connection) -> None:
        checkpoint = await Checkpoint.read(connection, CHECKPOINT)
        types, is_noted = ORDER_CONTACTS.types, False
        async with (
            aclosing(self._store.follow(checkpoint.position, types=types)) as pages,
            aclosing(with_pauses(pages, ASK_EVERY)) as pages_and_pauses,
        ):
            async for page in pages_and_pauses:
                if page:
                    await self.take(connection, checkpoint, page)
                else:
                    await checkpoint.require_unmoved()
                if not is_noted:  # until it takes events again, the last fault stays
                    await note_fault(connection, ORDER_CONTACTS, None)
                    is_noted = True

    async def take(
        self, connection: Connection, checkpoint: Checkpoint, page: Sequence[StoredEvent]
    ) -> None:
        """Write the rows of these events of type OrderCreated, and advance the checkpoint.

        Raises UnknownKey when this process lacks a master key.
        """
        rows = [row async for row in self._rows(page)]
        async with connection.transaction():
            if rows:
                await connection.execute(_WRITE, *map(list, zip(*rows, strict=True)))
            await checkpoint.advance(page[-1].position)

    async def _rows(self, page: Sequence[StoredEvent]) -> AsyncIterator[Row]:
        """Yield the row of each order whose address can be opened.

        A contact in clear has no row: it is from before keys existed, and no erasure would find it.
        """
        events = [cast("OrderCreated", stored.decode()) for stored in page]
        sealed = [event for event in events if isinstance(event.contact, Sealed)]
        opened = await self._vault.open_each([(event, "contact") for event in sealed])
        for event, contact in zip(sealed, opened, strict=True):
            email = _email_of(event.order_id, contact)
            if email is not None and isinstance(event.contact, Sealed):
                digest = self._search_key.email_digest(email)
                yield Row(event.order_id, event.contact.key_id, digest)


def _email_of(order_id: str, contact: object) -> str | None:
    match contact:
        case Contact(email=email):
            return email
        case Erased():
            return None
        case Tampered():
            logger.error("order %s is not found by its e-mail address: %s", order_id, contact)
            return None
        case PrivacyError():  # an unknown key, which the operator can add
            raise contact
        case _:
            raise TypeError(f"the contact of order {order_id} opened as a {type(contact).__name__}")


async def begin_again(pool: Pool) -> None:
    """Delete all rows, which the leader then writes anew for the customers who have a key.

    A rebuild that was asked for is done by that.

    The checkpoint is changed first: a leader that is writing rows waits for it, or has committed
    them before.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_BEGIN_AGAIN, CHECKPOINT)
        await connection.execute(_DELETE)
        await connection.execute(_DONE, NAME)
