"""Not a read model: an erased customer's key goes, in the transaction of the event that says so."""

from __future__ import annotations

from typing import Final

from domain.customer.events import CustomerEvent
from eventstore.envelope import StoredEvent
from projections.change import Change

# Replayed, it does no harm to the key of a customer who has come back since, and does erase a key
# that came back from a backup.
ERASED: Final = "DELETE FROM eventstore.subject_key WHERE subject = $1 AND created_at <= $2"


def project(event: CustomerEvent, stored: StoredEvent) -> Change:
    return Change(ERASED, (event.customer_id, stored.recorded_at))
