"""Refund again, after a first try that the provider remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from domain.order.state import OrderStatus
from kit.pool import Pool
from providers.errors import ProviderError, ProviderRefused, ProviderUnavailable
from tests.integration.workflows.payment_fixture import LOST_ANSWER, Till, a_till
from tests.support.simulators import SimulatorProcess

FAILS_ONCE = "pm_waybill_refundFailsOnce"


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


async def fails_to_refund(till: Till, how: str, failure: type[ProviderError]) -> None:
    with till.failing("refund", how), pytest.raises(failure):
        await till.refund()


async def lost_refund_that_fails_later(till: Till) -> None:
    """Make a refund that succeeds, loses its answer, and then fails at the bank."""
    await till.returning(2, FAILS_ONCE)
    await fails_to_refund(till, LOST_ANSWER, ProviderUnavailable)
    await till.simulator.until_recorded(till.order_id, "refund_failed")


async def test_a_refund_that_the_provider_remembers_as_refused_is_retried_once(
    till: Till,
) -> None:
    await till.returning(1)
    await fails_to_refund(till, "refuse_kept", ProviderRefused)
    with pytest.raises(ProviderRefused):  # the cause is gone; the provider repeats itself
        await till.refund()

    await till.retry_as_operator("refund")

    assert [await till.refund() for _ in "12"] == [OrderStatus.DELIVERED] * 2
    assert (await till.payment()).refunded == 250
    assert (await till.effects())["refunded"] == (1, 250)


@pytest.mark.parametrize("how", ["500", "500_after"])
async def test_a_refund_behind_a_kept_500_needs_no_operator(till: Till, how: str) -> None:
    await till.returning(1)
    with till.failing("refund", how, times=2), suppress(ProviderUnavailable):
        await till.refund()

    assert await till.refund() is OrderStatus.DELIVERED

    assert (await till.payment()).refunded == 250
    assert (await till.effects())["refunded"] == (1, 250)


async def test_an_undo_that_the_provider_remembers_as_refused_is_retried_once(
    till: Till,
) -> None:
    await till.sent()
    with till.failing("refund", "refuse_kept"), pytest.raises(ProviderRefused):
        await till.give_back()

    await till.retry_as_operator("give_back")
    await till.give_back()

    assert await till.events() == ["Requested", "Authorized", "Captured", "Refunded"]
    assert (await till.effects())["refunded"] == (1, 500)


async def test_a_part_that_was_refunded_for_the_return_is_not_refunded_again(till: Till) -> None:
    await till.returning(1)
    await fails_to_refund(till, "refuse_kept", ProviderRefused)
    reference = str((await till.payment()).reference)
    await till.provider.refund(
        reference=reference,
        amount=100,
        currency="EUR",
        key=f"{till.order_id}/part",
        purpose="refund",
    )

    assert await till.refund() is OrderStatus.DELIVERED

    assert (await till.payment()).refunded == 250
    assert (await till.effects())["refunded"] == (2, 250)


async def test_a_refund_that_has_failed_at_the_bank_is_not_recorded_as_made(till: Till) -> None:
    await lost_refund_that_fails_later(till)

    with pytest.raises(ProviderRefused) as refusal:
        await till.refund()

    assert refusal.value.code == "refund_failed"
    assert await till.events() == ["Requested", "Authorized", "Captured"]
    assert await till.status() is OrderStatus.DELIVERED
    assert await till.on_hand() == 3


async def test_a_refund_that_failed_at_the_bank_is_retried_by_an_operator(
    till: Till,
) -> None:
    await lost_refund_that_fails_later(till)
    await till.retry_as_operator("refund")

    assert await till.refund() is OrderStatus.RETURNED

    effects = await till.effects()
    assert (effects["refunded"], effects["refund_failed"]) == ((2, 1000), (1, 500))
    assert (await till.payment()).refunded == 500


async def test_concurrent_refunds_refund_once(till: Till) -> None:
    """Each has read the provider's list before the first of them refunds."""
    await till.returning(1)

    till.provider.first_lists = asyncio.Barrier(4)
    await asyncio.gather(*(till.refund() for _ in range(4)), return_exceptions=True)
    with suppress(ProviderUnavailable):  # one that was first is still at it
        await till.refund()

    assert (await till.payment()).refunded == 250
    assert (await till.effects())["refunded"] == (1, 250)
