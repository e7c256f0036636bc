"""Write the digests of orders' e-mail addresses, as the worker that leads does."""

from __future__ import annotations

from eventstore.checkpoint import Checkpoint
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from kit.pool import Pool
from projections.order_contacts import CHECKPOINT, OrderContacts
from tests.support.keys import SEARCH_KEY


async def follow(pool: Pool, store: EventStore, vault: Vault) -> None:
    """Take the rest of the log."""
    contacts = OrderContacts(pool, store, vault, SearchKey(SEARCH_KEY))
    async with pool.acquire() as connection:
        checkpoint = await Checkpoint.read(connection, CHECKPOINT)
        while page := await store.load_all_events(checkpoint.position, types=["OrderCreated"]):
            await contacts.take(connection, checkpoint, page)
