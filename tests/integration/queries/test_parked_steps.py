"""The sagas' events leave a row for each step that waits for an operator."""

from __future__ import annotations

from domain.saga import events as e
from domain.saga.commands import ReconciledSystem, RecoveryCause
from kit.pool import Pool
from tests.support.order_log import OrderLog


def parked(step: str, *, parking: int = 1, undoing: bool = False) -> e.SagaParked:
    return e.SagaParked(
        order_id="o1",
        step=step,
        undoing=undoing,
        parking=parking,
        code="PROVIDER_REFUSED",
        message="refused with card_lost",
        workflow_id="order-o1",
    )


def found(theirs: str) -> e.DiscrepancyFound:
    return e.DiscrepancyFound(
        order_id="o1", system=ReconciledSystem.PAYMENT, ours="AUTHORIZED", theirs=theirs
    )


async def test_a_parked_step_is_a_row_until_the_intervention(log: OrderLog, pool: Pool) -> None:
    await log.append("saga-o1", parked("release", undoing=True))
    position = await log.append("saga-o1", parked("give_back", parking=2, undoing=True))
    await log.append("saga-o1", e.SagaRetried(order_id="o1", step="release", parking=1, reason="x"))

    (row,) = await pool.fetch("SELECT * FROM readmodel.parked_step")

    assert {**row, "parked_at": None} == {
        "order_id": "o1",
        "step": "give_back",
        "undoing": True,
        "parking": 2,
        "code": "PROVIDER_REFUSED",
        "message": "refused with card_lost",
        "workflow_id": "order-o1",
        "parked_at": None,
        "position": position,
    }


async def test_a_step_that_parks_again_is_a_row_again(log: OrderLog, pool: Pool) -> None:
    await log.append(
        "saga-o1",
        parked("capture"),
        e.SagaRetried(order_id="o1", step="capture", parking=1, reason="x"),
        parked("capture", parking=2),
    )

    assert await pool.fetchval("SELECT parking FROM readmodel.parked_step") == 2


async def test_a_discrepancy_is_a_row_until_it_is_resolved(log: OrderLog, pool: Pool) -> None:
    await log.append("saga-o1", found("CAPTURED"))
    found_at = await pool.fetchval("SELECT found_at FROM readmodel.saga_discrepancy")
    await log.append("saga-o1", found("VOIDED"))

    (row,) = await pool.fetch("SELECT * FROM readmodel.saga_discrepancy")
    assert (row["system"], row["ours"], row["theirs"]) == ("PAYMENT", "AUTHORIZED", "VOIDED")
    assert row["found_at"] == found_at

    await log.append(
        "saga-o1", e.DiscrepancyResolved(order_id="o1", system=ReconciledSystem.PAYMENT)
    )
    assert await pool.fetchval("SELECT count(*) FROM readmodel.saga_discrepancy") == 0


async def test_a_recovery_waits_for_no_operator(log: OrderLog, pool: Pool) -> None:
    await log.append("saga-o1", e.SagaRecovered(order_id="o1", cause=RecoveryCause.MISSING))

    assert await pool.fetchval("SELECT count(*) FROM readmodel.parked_step") == 0
    assert await pool.fetchval("SELECT times FROM readmodel.saga_recovery") == 1
