"""Run the single activities that capture and refund."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from domain.errors import ErrorCode, Refused
from domain.order import commands as o
from domain.order.state import OrderStatus
from kit.pool import Pool
from providers.errors import ProviderError, ProviderRefused, ProviderUnavailable
from tests.integration.workflows.payment_fixture import Till, a_till
from tests.support.simulators import SimulatorProcess


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


# The capture.


async def test_the_dispatch_is_recorded_and_then_the_money_is_taken_once(till: Till) -> None:
    await till.paid()
    await till.ship()

    for _ in "12":
        await till.capture()

    assert await till.status() is OrderStatus.SHIPPED
    assert await till.events() == ["Requested", "Authorized", "Captured"]
    assert await till.effects() == {"authorized": (1, 500), "captured": (1, 500)}


async def test_a_dispatch_is_recorded_although_the_capture_fails(
    till: Till,
) -> None:
    await till.paid()
    await till.ship()
    with (
        till.failing("capture", "refuse"),
        pytest.raises(ProviderRefused),
    ):
        await till.capture()
    assert await till.status() is OrderStatus.SHIPPED
    assert await till.events() == ["Requested", "Authorized"]

    await till.capture()

    assert await till.effects() == {"authorized": (1, 500), "captured": (1, 500)}


@pytest.mark.parametrize(
    ("how", "failure"),
    [
        ("refuse_kept", ProviderRefused),
        ("500", ProviderUnavailable),
        ("500_after", ProviderUnavailable),
    ],
)
async def test_a_capture_succeeds_as_soon_as_its_fault_is_gone(
    till: Till, how: str, failure: type[ProviderError]
) -> None:
    await till.paid()
    with till.failing("capture", how), pytest.raises(failure):
        await till.capture()

    await till.capture()

    assert await till.events() == ["Requested", "Authorized", "Captured"]
    assert await till.effects() == {"authorized": (1, 500), "captured": (1, 500)}


async def test_a_parcel_that_left_before_its_shipment_was_recorded_is_paid(till: Till) -> None:
    await till.paid()

    await till.capture()

    assert await till.status() is OrderStatus.SHIPPED
    assert (await till.effects())["captured"] == (1, 500)


async def test_nothing_is_captured_for_an_order_that_was_never_paid(till: Till) -> None:
    await till.order()
    await till.does(
        o.MarkAuthorized(aggregate_id=till.order_id), o.ConfirmOrder(aggregate_id=till.order_id)
    )

    with pytest.raises(Refused) as refusal:
        await till.capture()

    assert refusal.value.code is ErrorCode.WRONG_STATE
    assert await till.status() is OrderStatus.SHIPPED
    assert await till.effects() == {}


# The return.


async def payment_view(till: Till, pool: Pool) -> tuple[str, int, int]:
    async with pool.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT status, captured, refunded FROM readmodel.payment_view WHERE order_id = $1",
            till.order_id,
        )
    assert row is not None
    return row["status"], row["captured"], row["refunded"]


async def test_a_whole_return_gives_all_back_and_puts_the_goods_into_stock(
    till: Till, module_pool: Pool
) -> None:
    await till.returning(2)
    assert await till.on_hand() == 3

    assert [await till.refund() for _ in "12"] == [OrderStatus.RETURNED] * 2

    assert await till.on_hand() == 5
    assert await till.events() == ["Requested", "Authorized", "Captured", "Refunded"]
    assert (await till.effects())["refunded"] == (1, 500)
    assert await payment_view(till, module_pool) == ("REFUNDED", 500, 500)


async def test_a_return_of_a_part_gives_its_price_back(till: Till, module_pool: Pool) -> None:
    await till.returning(1)

    assert await till.refund() is OrderStatus.DELIVERED

    assert await till.on_hand() == 4
    assert (await till.effects())["refunded"] == (1, 250)
    assert await payment_view(till, module_pool) == ("CAPTURED", 500, 250)


async def test_a_return_whose_refund_was_never_recorded_is_not_refunded_again(
    till: Till,
) -> None:
    await till.returning(1)
    reference = str((await till.payment()).reference)
    await till.provider.refund(
        reference=reference,
        amount=250,
        currency="EUR",
        key=f"{till.order_id}/lost",
        purpose="refund",
    )

    await till.refund()

    assert (await till.payment()).refunded == 250
    assert (await till.effects())["refunded"] == (1, 250)


async def test_a_return_with_a_refused_refund_leaves_stock_and_order_unchanged(
    till: Till,
) -> None:
    await till.returning(2)
    with (
        till.failing("refund", "refuse"),
        pytest.raises(ProviderRefused),
    ):
        await till.refund()

    assert await till.status() is OrderStatus.DELIVERED
    assert await till.on_hand() == 3
    assert await till.events() == ["Requested", "Authorized", "Captured"]


async def test_a_refund_of_a_return_is_not_repeated(till: Till) -> None:
    await till.returning(1)
    await till.refund()

    await till.give_back()

    assert (await till.payment()).refunded == 500
    assert (await till.effects())["refunded"] == (2, 500)
