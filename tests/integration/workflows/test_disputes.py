"""The bank disputes a charge: nothing is refunded meanwhile, and never more than was captured."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.types.failures import NO_ANSWER
from domain.errors import ErrorCode, Refused
from domain.ids import aftercare_workflow_id
from domain.provider_notifications import PaymentNotificationKind, ShipmentNotificationKind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from kit.pool import Pool
from providers.carrier_simulator.routes import NEVER_DELIVERED, NORMAL
from queries.sagas import SagaQueries
from tests.integration.workflows.aftercare_fixture import (
    MONTH,
    aftercare_ended,
    bank_reports,
    facts,
    lapsed,
)
from tests.support.sagas import Sagas, an_order

MOMENT = timedelta(milliseconds=50)


async def disputed(sagas: Sagas, order_id: str, amount: int | None = None) -> str:
    """Let the bank dispute the charge; return the dispute's id once the log has it."""
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id, amount=amount)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await disputes_recorded(sagas, order_id, dispute["id"])
    return str(dispute["id"])


async def decided(sagas: Sagas, order_id: str, dispute: str, outcome: str) -> None:
    await sagas.payment_simulator.happen(f"disputes/{dispute}", status=outcome)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await disputes_recorded(sagas, order_id, dispute, outcome.upper())


async def disputes_recorded(
    sagas: Sagas, order_id: str, dispute: str, outcome: str | None = None
) -> None:
    async def is_recorded() -> bool:
        recorded = await facts(sagas, f"payment-{order_id}")
        return (dispute, outcome) in {
            (each.get("dispute_id"), each.get("outcome")) for each in recorded
        }

    await eventually(is_recorded)


async def goods_back(sagas: Sagas, order_id: str) -> None:
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)


async def delivered(sagas: Sagas) -> str:
    sku = await sagas.stocked(2)
    return await sagas.within(return_window=MONTH).arrived(an_order((sku, 2), postal_code=NORMAL))


async def test_a_return_waits_for_a_second_dispute_after_the_first_is_won(sagas: Sagas) -> None:
    order_id = await delivered(sagas)
    first = await disputed(sagas, order_id)
    second = await disputed(sagas, order_id)
    await decided(sagas, order_id, first, "won")

    await goods_back(sagas, order_id)
    assert (await sagas.parked(order_id, "refund"))["code"] == "CHARGE_DISPUTED"
    await decided(sagas, order_id, second, "won")

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    closed = (await facts(sagas, f"payment-{order_id}"))[-2]
    assert (closed["won_in_all"]["amount"], closed["disputed_in_all"]["amount"]) == (1000, 0)


async def test_a_return_after_a_lost_dispute_of_a_part_names_the_provider(sagas: Sagas) -> None:
    """The provider refunds nothing more of the charge. Nobody waits for a dispute that is over."""
    order_id = await delivered(sagas)
    await decided(sagas, order_id, await disputed(sagas, order_id, amount=200), "lost")

    await goods_back(sagas, order_id)

    parked = await sagas.parked(order_id, "refund")
    assert (parked["code"], "charge_disputed" in parked["message"]) == ("PROVIDER_REFUSED", True)
    await sagas.intervene(order_id, "refund", Intervention.RESOLVE)
    assert await sagas.end(order_id) == "RETURNED"
    settled = (await facts(sagas, f"payment-{order_id}"))[-1]
    assert (settled["step"], settled["amount"]["amount"]) == ("refund", 300)
    assert "refunded" not in await sagas.money(order_id)


async def test_a_step_parked_by_an_outage_and_then_by_a_dispute_is_retried(
    sagas: Sagas, pool: Pool
) -> None:
    hasty = sagas.within(
        undo_timeout=timedelta(seconds=1), parked_retry=timedelta(milliseconds=100)
    )
    order_id = await delivered(hasty)
    with sagas.payment_simulator.failing(order_id, "refund", "down"):
        await goods_back(hasty, order_id)
        assert (await sagas.parked(order_id, "refund"))["code"] == "PROVIDER_UNAVAILABLE"
        dispute = await disputed(sagas, order_id)

    async def meets_the_dispute() -> bool:
        latest = "SELECT code FROM journal.parked_attempt WHERE order_id = $1"
        async with pool.acquire() as connection:
            return str(await connection.fetchval(latest, order_id)) == "CHARGE_DISPUTED"

    await eventually(meets_the_dispute)
    await decided(sagas, order_id, dispute, "won")

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_resumed_return_waits_until_the_dispute_is_closed(sagas: Sagas) -> None:
    order_id, _ = await lapsed(sagas, timedelta(seconds=1))
    assert await sagas.end(order_id) == "COMPLETED"
    dispute = await disputed(sagas, order_id)
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    assert (await sagas.parked(order_id, "refund"))["workflow_id"] == f"aftercare-{order_id}"

    await decided(sagas, order_id, dispute, "won")

    await sagas.until(f"order-{order_id}", "OrderReturned")
    await aftercare_ended(sagas, order_id)
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_refund_that_an_operator_promised_gives_nothing_after_a_lost_dispute(
    sagas: Sagas,
) -> None:
    order_id = await sagas.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"
    await sagas.promise_refund(order_id, 200)
    await decided(sagas, order_id, await disputed(sagas, order_id), "lost")

    await sagas.orchestrator.run_refund(order_id, 1)

    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    ended = (await facts(sagas, f"order-{order_id}"))[-1]
    assert (ended["refund"], ended["refunded"]["amount"]) == (1, 0)
    assert "refunded" not in await sagas.money(order_id)
    with pytest.raises(Refused) as refusal:
        await sagas.promise_refund(order_id, 1)
    assert refusal.value.code is ErrorCode.REFUND_TOO_LARGE
    assert "0 of the 500 that were captured are left" in refusal.value.message


async def test_a_dispute_is_recorded_and_its_loss_gives_the_money_back(sagas: Sagas) -> None:
    order_id = await sagas.arrived(an_order((await sagas.stocked(2), 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"

    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await aftercare_ended(sagas, order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await aftercare_ended(sagas, order_id)
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentDisputed") == 1

    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="lost")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputeClosed")

    closed = (await facts(sagas, f"payment-{order_id}"))[-1]
    assert (closed["outcome"], closed["lost_in_all"]["amount"]) == ("LOST", 500)
    assert closed["disputed_in_all"]["amount"] == 0
    assert "refunded" not in await sagas.money(order_id)
    await aftercare_ended(sagas, order_id)
    assert await sagas.events(f"saga-{order_id}") == []


@pytest.mark.parametrize(("outcome", "refunds"), [("won", {"refunded": (1, 500)}), ("lost", {})])
async def test_a_return_waits_until_the_dispute_of_its_charge_is_closed(
    sagas: Sagas, outcome: str, refunds: dict[str, tuple[int, int]]
) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.within(return_window=MONTH).arrived(
        an_order((sku, 2), postal_code=NORMAL)
    )
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    assert (await sagas.parked(order_id, "refund"))["code"] == "CHARGE_DISPUTED"
    assert "refunded" not in await sagas.money(order_id)

    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status=outcome)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)

    assert await sagas.end(order_id) == "RETURNED"
    money = await sagas.money(order_id)
    assert {name: money[name] for name in money if name.startswith("refund")} == refunds
    assert (await sagas.inventory(sku)).on_hand == 2
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_retry_that_a_dispute_stops_is_made_again_once_it_is_closed(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    """The step was parked for another reason before: the provider did not answer."""
    sku = await sagas.stocked(2)
    hasty = sagas.within(return_window=MONTH, parked_retry=MOMENT)
    order_id = await hasty.arrived(an_order((sku, 2), postal_code=NORMAL))
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    sagas.gates.fail("refund", order_id, ApplicationError("no", type=NO_ANSWER, non_retryable=True))
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    async def is_disputed() -> bool:
        saga = await ledger.get(order_id)
        parked = saga.parked.get("refund") if saga is not None else None
        return parked is not None and parked.code == "CHARGE_DISPUTED"

    await eventually(is_disputed)
    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="won")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_the_compensation_of_a_disputed_order_parks_with_that_cause(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), postal_code=NEVER_DELIVERED))
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await sagas.carrier_simulator.happen("shipments", reference=order_id, status="lost")
    await sagas.notify(order_id, ShipmentNotificationKind.LOST)
    assert (await sagas.parked(order_id, "give_back"))["code"] == "CHARGE_DISPUTED"
    assert "refunded" not in await sagas.money(order_id)

    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="won")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)

    assert await sagas.end(order_id) == "CANCELLED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


# A lost dispute that is won after all.


async def test_a_return_that_only_a_lost_dispute_had_paid_is_owed_once_it_is_won(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=MONTH)
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NORMAL))
    dispute = await disputed(sagas, order_id)
    await decided(sagas, order_id, dispute, "lost")
    await goods_back(sagas, order_id)
    assert await sagas.end(order_id) == "RETURNED"
    assert "refunded" not in await sagas.money(order_id)
    assert await sagas.events(f"saga-{order_id}") == []

    await decided(sagas, order_id, dispute, "won")

    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    assert (await facts(sagas, f"saga-{order_id}"))[-1] == {
        "order_id": order_id,
        "system": "PAYMENT",
        "ours": "captured 500, refunded 500",
        "theirs": "captured 500",
    }
    await sagas.promise_refund(order_id, 500)
    await sagas.orchestrator.run_refund(order_id, 1)
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    await bank_reports(sagas, order_id, PaymentNotificationKind.DISPUTE)
    await sagas.until(f"saga-{order_id}", "DiscrepancyResolved")
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()
