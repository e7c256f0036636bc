"""Erase the key of a customer in the transaction of the event that records the erasure.

This changes the key table and no read model. A replay keeps the key of a customer who has come back
since, and erases a key that came back from a backup: see eventstore/sql/erase_subject.sql. It fails
when a key that is older than the erasure still exists; then nothing is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.customer.events import CustomerEvent
from eventstore.envelope import StoredEvent
from projections.change import Change

ERASED: Final = "SELECT eventstore.erase_subject($1, $2)"


def project(event: CustomerEvent, stored: StoredEvent) -> Sequence[Change]:
    return [Change(ERASED, (event.customer_id, stored.position))]
