from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.order.events import OrderReserved
from domain.saga import events as e
from domain.saga.commands import ReconciledSystem, RecoveryCause
from kit.pool import Pool
from queries.keyset import Page, PageRequest
from queries.saga_records import AttemptOutcome
from queries.saga_states import StepState
from queries.sagas import ParkedSaga, SagaQueries
from tests.integration.queries.statements import counted
from tests.support.order_log import OrderLog


@pytest.fixture
def sagas(engine: AsyncEngine) -> SagaQueries:
    return SagaQueries(engine)


async def park(log: OrderLog, order_id: str, step: str = "capture", parking: int = 1) -> None:
    parked = e.SagaParked(
        order_id=order_id,
        step=step,
        undoing=False,
        parking=parking,
        code="PROVIDER_REFUSED",
        message="refused",
        workflow_id=f"order-{order_id}",
    )
    await log.append(f"saga-{order_id}", parked)


async def retry(log: OrderLog, order_id: str, step: str = "capture") -> None:
    retried = e.SagaRetried(order_id=order_id, step=step, parking=1, reason="x")
    await log.append(f"saga-{order_id}", retried)


def ids(page: Page[ParkedSaga]) -> tuple[str, bool, bool]:
    return " ".join(item.saga.order_id for item in page.items), page.has_previous, page.has_next


async def test_an_order_that_was_never_placed_has_no_saga(sagas: SagaQueries) -> None:
    assert await sagas.get("nothing") is None


async def test_a_saga_is_read_from_its_orders_events_and_failed_attempts(
    log: OrderLog, pool: Pool, sagas: SagaQueries
) -> None:
    await log.place("o1")
    await log.place("o2")
    position = await log.append("order-o1", OrderReserved(order_id="o1"))
    await pool.execute(
        "INSERT INTO journal.failed_attempts (order_id, step, number, code, message, failed_at)"
        " VALUES ('o1', 'authorize', 1, 'PROVIDER_REFUSED', 'no', now()),"
        " ('o1', 'authorize', 2, 'PROVIDER_UNAVAILABLE', 'timeout', now())"
    )

    saga = await sagas.get("o1")

    assert saga is not None
    assert (saga.order_id, saga.customer_id, saga.position) == ("o1", "ada", position)
    reserve, authorize, *_ = saga.steps
    assert (reserve.state, reserve.attempt_count, reserve.last_error) == (StepState.DONE, 1, None)
    assert (authorize.state, authorize.attempt_count) == (StepState.RUNNING, 3)
    assert [(each.outcome, each.code, each.message) for each in authorize.attempts] == [
        (AttemptOutcome.FAILED, "PROVIDER_REFUSED", "no"),
        (AttemptOutcome.FAILED, "PROVIDER_UNAVAILABLE", "timeout"),
        (AttemptOutcome.RUNNING, None, None),
    ]


ATTEMPT = "INSERT INTO journal.parked_attempt VALUES ('o1', 'capture', $1, 3, $2, 'm', $3, $4)"
FAILED_AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
RETRY_AT = datetime(2026, 5, 1, 14, tzinfo=UTC)


async def test_a_parked_step_shows_its_latest_failure_and_its_next_retry(
    log: OrderLog, pool: Pool, sagas: SagaQueries
) -> None:
    await log.place("o1")
    await park(log, "o1")
    await pool.execute(ATTEMPT, 1, "PROVIDER_UNAVAILABLE", FAILED_AT, RETRY_AT)

    saga = await sagas.get("o1")

    assert saga is not None
    shown = saga.parked["capture"]
    assert (shown.number, shown.code, shown.message) == (1, "PROVIDER_UNAVAILABLE", "m")
    assert (shown.attempts, shown.failed_at, shown.retry_at) == (3, FAILED_AT, RETRY_AT)
    assert shown.since == saga.parked_since


async def test_a_failure_under_an_earlier_parking_is_not_shown(
    log: OrderLog, pool: Pool, sagas: SagaQueries
) -> None:
    await log.place("o1")
    await park(log, "o1")
    await retry(log, "o1")
    await park(log, "o1", parking=2)
    await pool.execute(ATTEMPT, 1, "PROVIDER_UNAVAILABLE", FAILED_AT, RETRY_AT)

    saga = await sagas.get("o1")

    assert saga is not None
    shown = saga.parked["capture"]
    assert (shown.code, shown.attempts, shown.retry_at) == ("PROVIDER_REFUSED", 1, None)


async def test_a_step_that_has_succeeded_is_not_parked(log: OrderLog, sagas: SagaQueries) -> None:
    await log.place("o1")
    await park(log, "o1")
    await log.append("saga-o1", e.SagaUnparked(order_id="o1", step="capture", parking=1))

    saga = await sagas.get("o1")

    assert saga is not None
    assert (saga.parked, saga.needs_attention, saga.parked_since) == ({}, False, None)
    assert (await sagas.parked(PageRequest(10))).items == []
    assert (await sagas.figures()).parked == 0


async def test_parked_sagas_are_listed_longest_wait_first(
    log: OrderLog, sagas: SagaQueries
) -> None:
    for order_id in ("o1", "o2", "o3", "o4"):
        await log.place(order_id)
    for order_id in ("o3", "o1", "o2"):
        await park(log, order_id)
    await park(log, "o3", "await_delivery", 2)

    whole = await sagas.parked(PageRequest(10))
    first = await sagas.parked(PageRequest(1))
    rest = await sagas.parked(PageRequest(2, after=first.items[0].key))
    last = await sagas.parked(PageRequest(1, backward=True))

    assert ids(whole) == ("o3 o1 o2", False, False)
    assert (ids(first), ids(rest)) == (("o3", False, True), ("o1 o2", True, False))
    assert ids(last) == ("o2", True, False)
    assert list(whole.items[0].saga.parked) == ["capture", "await_delivery"]


async def test_a_saga_is_listed_until_the_intervention_on_its_last_step(
    log: OrderLog, sagas: SagaQueries
) -> None:
    await log.place("o1")
    await park(log, "o1")
    await retry(log, "o1")

    assert (await sagas.parked(PageRequest(10))).items == []


async def test_the_list_costs_the_same_statements_however_many_are_parked(
    log: OrderLog, sagas: SagaQueries, engine: AsyncEngine
) -> None:
    for number in range(5):
        await log.place(f"o{number}")
        await park(log, f"o{number}")
        with counted(engine) as statements:
            page = await sagas.parked(PageRequest(10))
        assert (len(page.items), len(statements)) == (number + 1, 4)
    with counted(engine) as statements:
        await sagas.get("o1")
    assert len(statements) == 3


async def test_figures_show_waiting_orders_and_their_age(
    log: OrderLog, pool: Pool, sagas: SagaQueries
) -> None:
    nothing = await sagas.figures()
    await park(log, "o1")
    await park(log, "o1", "await_delivery", 2)
    await park(log, "o2")
    await pool.execute(
        "UPDATE readmodel.parked_step SET parked_at = parked_at - interval '1 hour'"
        " WHERE order_id = 'o2'"
    )
    found = e.DiscrepancyFound(order_id="o3", system=ReconciledSystem.PAYMENT, ours="a", theirs="b")
    await log.append("saga-o3", found)
    figures = await sagas.figures()

    assert (nothing.parked, nothing.oldest_seconds) == (0, 0)
    assert nothing.discrepancies == {
        ReconciledSystem.PAYMENT: 0,
        ReconciledSystem.SHIPMENT: 0,
        ReconciledSystem.WORKFLOW: 0,
        ReconciledSystem.STOCK: 0,
    }
    assert figures.parked == 2
    assert 3600 <= figures.oldest_seconds < 3660
    assert figures.discrepancies == {
        ReconciledSystem.PAYMENT: 1,
        ReconciledSystem.SHIPMENT: 0,
        ReconciledSystem.WORKFLOW: 0,
        ReconciledSystem.STOCK: 0,
    }


async def test_figures_count_missing_sagas(log: OrderLog, sagas: SagaQueries) -> None:
    assert (await sagas.figures()).recoveries == 0
    for order_id in ("o1", "o1", "o2"):
        recoveries = e.SagaRecovered(order_id=order_id, cause=RecoveryCause.MISSING)
        await log.append(f"saga-{order_id}", recoveries)
    assert (await sagas.figures()).recoveries == 3


async def test_figures_show_how_far_the_comparison_is_behind(
    log: OrderLog, pool: Pool, sagas: SagaQueries, owner: asyncpg.Connection
) -> None:
    never_compared = await sagas.figures()
    await pool.execute("INSERT INTO eventstore.checkpoint VALUES ('reconciliation.compared', 0)")
    empty = await sagas.figures()
    position = await log.place("o1")
    await owner.execute("UPDATE eventstore.event SET recorded_at = recorded_at - interval '1 hour'")
    behind = await sagas.figures()
    await pool.execute("UPDATE eventstore.checkpoint SET position = $1", position)
    await pool.execute("INSERT INTO journal.unchecked_order VALUES ('o1', 'X', 'x', now())")
    compared = await sagas.figures()

    assert (never_compared.reconciliation_lag_seconds, empty.reconciliation_lag_seconds) == (0, 0)
    assert 3600 <= behind.reconciliation_lag_seconds < 3660
    assert (compared.reconciliation_lag_seconds, compared.unchecked_orders) == (0, 1)
