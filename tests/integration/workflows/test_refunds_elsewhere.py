"""Refund what is due, whatever a person has refunded in the provider's dashboard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from activities.command_handler import CommandHandler
from activities.payments.refund_record import RefundRecord
from activities.reconciliation.provider_comparison import ProviderComparison
from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order.decide import ORDER
from domain.order.state import OrderStatus
from domain.payment.commands import DisputeOutcome, RecordDispute
from kit.pool import Pool
from providers.http_carrier import HttpCarrier
from tests.integration.workflows.payment_fixture import Till, a_till
from tests.support.simulators import SimulatorProcess


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


async def by_hand(till: Till, amount: int) -> str:
    """Refund in the dashboard. Waybill gets no notification of it here."""
    reference = str((await till.payment()).reference)
    return await till.simulator.refund_by_hand(reference, amount)


async def compare(till: Till) -> None:
    await RefundRecord(CommandHandler(till.store), till.provider).compare(till.order_id)


async def test_a_return_is_refunded_in_full_after_a_refund_by_hand(till: Till) -> None:
    await till.returning(1)
    refund = await by_hand(till, 100)

    assert await till.refund() is OrderStatus.DELIVERED

    payment = await till.payment()
    assert (payment.refunded, payment.refunds, payment.refunds_elsewhere) == (
        350,
        {"refund": 250},
        {refund: 100},
    )
    assert (await till.effects())["refunded"] == (2, 350)
    assert await till.events() == [
        *("Requested", "Authorized", "Captured", "RefundedElsewhere", "Refunded")
    ]


async def test_a_refund_by_hand_of_the_same_amount_is_not_the_returns(till: Till) -> None:
    await till.returning(1)
    refund = await by_hand(till, 250)

    await till.refund()

    payment = await till.payment()
    assert (payment.refunds, payment.refunds_elsewhere) == ({"refund": 250}, {refund: 250})
    assert str(payment.status) == "REFUNDED"


async def test_a_return_gives_what_is_left_and_says_that_it_is_too_little(till: Till) -> None:
    await till.returning(2)
    await by_hand(till, 100)

    with pytest.raises(Refused) as refusal:
        await till.refund()

    assert refusal.value.code is ErrorCode.REFUND_TOO_LARGE
    assert refusal.value.message == (
        f"500 EUR are due to the customer of order {till.order_id}, and only 400 were given: 500 of"
        " the 500 that were captured are refunded, 100 of them outside Waybill, and operators have"
        " given back 0 by other means, and lost disputes 0 (minor units). Resolve the step to go on"
        " with that"
    )
    assert (await till.payment()).refunds == {"refund": 400}
    assert (await till.effects())["refunded"] == (2, 500)
    assert await till.status() is OrderStatus.DELIVERED
    assert await till.on_hand() == 3


async def test_a_return_counts_no_more_of_a_lost_dispute_than_it_gave(till: Till) -> None:
    await till.returning(2)
    await by_hand(till, 400)
    await till.does(
        RecordDispute(
            aggregate_id=till.order_id,
            dispute_id="dp_1",
            amount=Money(amount=100, currency="EUR"),
            reason="fraudulent",
            outcome=DisputeOutcome.LOST,
        )
    )

    with pytest.raises(Refused) as refusal:
        await till.refund()

    assert refusal.value.code is ErrorCode.REFUND_TOO_LARGE
    assert "and lost disputes 100 (minor units)" in refusal.value.message
    assert (await till.effects())["refunded"] == (1, 400)
    assert await till.status() is OrderStatus.DELIVERED


async def test_a_short_return_is_not_refunded_again_by_its_retries(till: Till) -> None:
    await till.returning(2)
    await by_hand(till, 100)

    for _ in "123":
        with pytest.raises(Refused):
            await till.refund()

    assert (await till.effects())["refunded"] == (2, 500)
    assert (await till.events()).count("Refunded") == 1


async def test_a_cancellation_gives_back_what_was_not_refunded_by_hand(till: Till) -> None:
    await till.sent()
    await by_hand(till, 100)

    for _ in "12":
        await till.give_back()

    payment = await till.payment()
    assert (payment.refunded, payment.refunds) == (500, {"give_back": 400})
    assert str(payment.status) == "REFUNDED"
    assert (await till.effects())["refunded"] == (2, 500)


async def test_a_refund_by_hand_is_recorded_once_by_webhook_and_reconciliation(
    till: Till, carrier: HttpCarrier
) -> None:
    await till.sent()
    refund = await by_hand(till, 100)
    comparison = ProviderComparison(CommandHandler(till.store), till.provider, carrier)

    await asyncio.gather(
        compare(till), comparison.record_refunds(till.order_id), return_exceptions=True
    )
    await compare(till)
    await comparison.record_refunds(till.order_id)

    payment = await till.payment()
    assert (payment.refunded, payment.refunds_elsewhere) == (100, {refund: 100})
    assert (await till.events()).count("RefundedElsewhere") == 1
    payments, _ = await comparison.read(till.order_id)
    assert (payments.agrees, payments.ours) == (True, "captured 500, refunded 100")


async def test_every_refund_by_hand_of_a_long_list_is_recorded(till: Till) -> None:
    await till.sent()
    refunds = [await by_hand(till, 1) for _ in range(101)]

    await compare(till)

    payment = await till.payment()
    assert payment.refunds_elsewhere == dict.fromkeys(refunds, 1)
    assert payment.refunded == 101


async def test_a_refund_by_hand_that_fails_at_the_bank_no_longer_counts(till: Till) -> None:
    await till.sent("pm_waybill_refundFailsOnce")
    refund = await by_hand(till, 100)
    reference = str((await till.payment()).reference)
    await compare(till)
    await till.simulator.until_recorded(till.order_id, "refund_failed")
    assert [each.counts for each in await till.provider.refunds(reference=reference)] == [False]

    await compare(till)

    payment = await till.payment()
    assert payment.refunds_elsewhere == {}
    assert (payment.refunded, str(payment.status)) == (0, "CAPTURED")
    assert refund.startswith("re_")


async def test_nothing_is_compared_before_the_capture(till: Till) -> None:
    await till.paid()

    await compare(till)

    assert await till.events() == ["Requested", "Authorized"]


async def test_a_refund_elsewhere_is_no_part_of_the_orders_return(till: Till) -> None:
    await till.returning(1)
    await by_hand(till, 100)
    await till.refund()

    order = await CommandHandler(till.store).load(ORDER, till.order_id)
    assert order.returned is not None
    assert order.returned.refund.total == 250
