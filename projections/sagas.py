"""The sagas that need attention. A row exists until an operator intervenes, the step
succeeds or the records agree.

The progress of a saga is not part of it. It is read from the order's events (queries/sagas.py) and
costs the forward path nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.saga import events as e
from eventstore.envelope import StoredEvent
from projections.change import Change, Initially, Plus, delete, insert, update, upsert
from projections.projection import Inline, events_of
from projections.tables import parked_step, saga_discrepancy, saga_recovery


def apply(event: e.SagaEvent, stored: StoredEvent) -> Sequence[Change]:
    match event:
        case e.SagaParked():
            return [_parked(event, stored)]
        case e.SagaStepIntervened() | e.SagaUnparked():
            return [delete(parked_step, (event.order_id, event.step))]
        case e.DiscrepancyFound():
            return [_discrepancy(event, stored)]
        case e.DiscrepancyAccepted():
            return [_accepted(event, stored)]
        case e.DiscrepancyResolved():
            return [delete(saga_discrepancy, (event.order_id, event.system))]
        case e.SagaRecovered():
            return [upsert(saga_recovery, event.order_id, times=Plus(1))]


def _parked(event: e.SagaParked, stored: StoredEvent) -> Change:
    return insert(
        parked_step,
        (event.order_id, event.step),
        undoing=event.undoing,
        parking=event.parking,
        code=event.code,
        message=event.message,
        workflow_id=event.workflow_id,
        parked_at=stored.recorded_at,
        position=stored.position,
    )


def _discrepancy(event: e.DiscrepancyFound, stored: StoredEvent) -> Change:
    return upsert(
        saga_discrepancy,
        (event.order_id, event.system),
        ours=event.ours,
        theirs=event.theirs,
        found_at=Initially(stored.recorded_at),
        position=stored.position,
        accepted_at=None,  # a difference that has changed is open again
        accepted_by=None,
        accepted_reason=None,
    )


def _accepted(event: e.DiscrepancyAccepted, stored: StoredEvent) -> Change:
    return update(
        saga_discrepancy,
        (event.order_id, event.system),
        accepted_at=stored.recorded_at,
        accepted_by=stored.metadata.actor,
        accepted_reason=event.reason,
        position=stored.position,
    )


SAGAS: Final = Inline(
    "sagas",
    1,
    [parked_step, saga_discrepancy, saga_recovery],
    events_of(e.SagaEvent),
    apply,
)
