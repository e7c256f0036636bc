"""The sagas that need attention. A row exists until an operator intervenes or the records agree.

The progress of a saga is not part of it. It is read from the order's events (queries/sagas.py) and
costs the forward path nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.saga import events as e
from domain.saga.plan import COMPLETE
from eventstore.envelope import StoredEvent
from projections.change import Change

PARKED = """
    INSERT INTO readmodel.parked_step
        (order_id, step, undoing, parking, code, message, workflow_id, parked_at, position)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
DECIDED = """
    DELETE FROM readmodel.parked_step WHERE order_id = $1 AND step = $2
"""
# An order without its last step stays open and has no saga.
ABANDONED = """
    WITH decided AS (DELETE FROM readmodel.parked_step WHERE order_id = $1 AND step = $2)
    INSERT INTO readmodel.abandoned_saga VALUES ($1) ON CONFLICT DO NOTHING
"""
RECOVERED = """
    INSERT INTO readmodel.saga_recovery AS s VALUES ($1, 1)
    ON CONFLICT (order_id) DO UPDATE SET times = s.times + 1
"""
DISCREPANCY_FOUND = """
    INSERT INTO readmodel.saga_discrepancy AS d (order_id, system, ours, theirs, found_at, position)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (order_id, system) DO UPDATE SET ours = $3, theirs = $4, position = $6
"""
DISCREPANCY_RESOLVED = """
    DELETE FROM readmodel.saga_discrepancy WHERE order_id = $1 AND system = $2
"""


def project(event: e.SagaEvent, stored: StoredEvent) -> Sequence[Change]:
    at = (stored.recorded_at, stored.position)
    match event:
        case e.SagaParked():
            failure = (event.undoing, event.parking, event.code, event.message, event.workflow_id)
            return [Change(PARKED, (event.order_id, event.step, *failure, *at))]
        case e.SagaStepSkipped(step=COMPLETE.name) | e.SagaStepResolved(step=COMPLETE.name):
            return [Change(ABANDONED, (event.order_id, event.step))]
        case e.SagaStepIntervened():
            return [Change(DECIDED, (event.order_id, event.step))]
        case e.DiscrepancyFound():
            sides = (event.system, event.ours, event.theirs)
            return [Change(DISCREPANCY_FOUND, (event.order_id, *sides, *at))]
        case e.DiscrepancyResolved():
            return [Change(DISCREPANCY_RESOLVED, (event.order_id, event.system))]
        case e.SagaRecovered():
            return [Change(RECOVERED, (event.order_id,))]
