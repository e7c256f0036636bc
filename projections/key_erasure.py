"""Erase the key of a customer in the transaction of the event that records the erasure.

What the customer has chosen about notifications goes with it. This changes no read model, so that
no rebuild repeats it. A replay of the append keeps the key and the choices of a customer who has
come back since, and erases what came back from a backup: see eventstore/sql/erase_subject.sql. It
fails when a key that is older than the erasure still exists; then nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from domain.customer.events import CustomerErased
from eventstore.envelope import StoredEvent
from projections.statements import Statement

ERASED: Final = "SELECT eventstore.erase_subject($1, $2)"
PREFERENCES: Final = """
    DELETE FROM eventstore.notification_preference WHERE customer_id = $1 AND made_after < $2
"""
"""It follows the function, which waits for choices that are being made and then sees them."""


def statements(stored: StoredEvent) -> Sequence[Statement]:
    if stored.type != CustomerErased.__name__:
        return ()
    event = cast("CustomerErased", stored.decode())
    erasure = (event.customer_id, stored.position)
    return [Statement(ERASED, erasure), Statement(PREFERENCES, erasure)]
