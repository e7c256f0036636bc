"""Run single payment activities, and check the log and the provider's records after each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from activities.types.payment import AuthorizationOutcome as Outcome
from activities.types.payment import AuthorizationResult, AuthorizeInput
from domain.errors import ErrorCode, Refused
from domain.order.state import OrderStatus
from kit.pool import Pool
from providers.errors import ProviderUnavailable
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.integration.workflows.payment_fixture import LOST_ANSWER, Till, a_till, settled
from tests.support.simulators import SimulatorProcess


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


# The first attempt.


async def test_authorizing_holds_the_money_and_confirms_the_order(till: Till) -> None:
    await till.order()

    assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)
    assert await till.status() is OrderStatus.CONFIRMED
    assert await till.effects() == {"authorized": (1, 500)}


async def test_a_saga_recovered_after_the_authorization_holds_nothing_more(till: Till) -> None:
    await till.paid()

    assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)
    assert await till.events() == ["Requested", "Authorized"]
    assert await till.effects() == {"authorized": (1, 500)}


async def test_an_authorization_whose_answer_was_lost_is_found(till: Till) -> None:
    await till.order()
    with till.failing("confirm", LOST_ANSWER):
        with pytest.raises(ProviderUnavailable):
            await till.authorize()
        assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)

    assert await till.events() == ["Requested", "Authorized"]
    assert await till.effects() == {"authorized": (1, 500)}


async def test_a_hold_that_was_cancelled_before_its_answer_arrived_leaves_the_window_open(
    till: Till,
) -> None:
    await till.order()
    with till.failing("confirm", LOST_ANSWER), pytest.raises(ProviderUnavailable):
        await till.authorize()
    [held] = await till.provider.search(order_id=till.order_id, attempt=1)
    await till.provider.void(
        order_id=till.order_id, attempt=1, amount=500, currency="EUR", reference=held.reference
    )

    assert await till.authorize() == AuthorizationResult(Outcome.DECLINED, 1)
    assert await till.retry(2) == AuthorizationResult(Outcome.AUTHORIZED, 2)

    assert await till.events() == ["Requested", "Declined", "Requested", "Authorized"]
    assert await till.effects() == {"authorized": (2, 1_000), "voided": (1, 500)}


async def test_an_attempt_that_never_reached_the_provider_is_made(till: Till) -> None:
    await till.order()
    with (
        till.failing("confirm", "down"),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()

    assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)
    assert await till.status() is OrderStatus.CONFIRMED
    assert await till.effects() == {"authorized": (1, 500)}


async def test_an_order_that_compensates_before_its_payment_is_not_paid(till: Till) -> None:
    await till.order()
    await till.request_cancellation()

    with pytest.raises(Refused) as refusal:
        await till.authorize()

    assert refusal.value.code is ErrorCode.WRONG_STATE
    assert (await till.events(), await till.effects()) == ([], {})


async def test_no_attempt_is_made_for_an_order_that_compensates(till: Till) -> None:
    await till.order()
    with (
        till.failing("confirm", "down"),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()
    await till.request_cancellation()

    assert await till.authorize() == AuthorizationResult(Outcome.PENDING, 1)
    assert await till.effects() == {}


async def test_an_authorization_found_during_a_compensation_confirms_nothing(
    till: Till,
) -> None:
    await till.order(APPROVAL)
    assert await till.authorize() == AuthorizationResult(Outcome.PENDING, 1)
    await till.approve()
    await till.request_cancellation()

    assert await till.look_up() == AuthorizationResult(Outcome.AUTHORIZED, 1)
    assert await till.status() is OrderStatus.CANCELLING
    assert await till.events() == ["Requested", "Pending", "Authorized"]


async def test_nothing_is_authorized_after_the_void(till: Till) -> None:
    await till.order()
    await till.give_back()

    with pytest.raises(Refused) as refusal:
        await till.retry(1)

    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await till.authorize() == AuthorizationResult(Outcome.DECLINED, 0)
    assert await till.effects() == {}


# Further attempts.


async def test_a_declined_payment_is_paid_by_another_method(till: Till) -> None:
    await till.order(DECLINED)
    assert await till.authorize() == AuthorizationResult(Outcome.DECLINED, 1)

    assert await till.retry(2) == AuthorizationResult(Outcome.AUTHORIZED, 2)
    assert await till.status() is OrderStatus.CONFIRMED
    assert (await till.effects())["authorized"] == (1, 500)


async def test_a_method_that_the_provider_refuses_is_declined_and_another_pays(
    till: Till,
) -> None:
    await till.order("pm_mistyped")
    assert await till.authorize() == AuthorizationResult(Outcome.DECLINED, 1)
    assert (await till.payment()).decline_code == "resource_missing"
    assert await till.retry(2, "pm_mistyped_too") == AuthorizationResult(Outcome.DECLINED, 2)

    assert await till.retry(3) == AuthorizationResult(Outcome.AUTHORIZED, 3)

    assert await till.status() is OrderStatus.CONFIRMED
    assert (await till.effects())["authorized"] == (1, 500)


async def test_an_attempt_is_made_with_the_method_that_the_log_has(till: Till) -> None:
    await till.order(DECLINED)
    await till.authorize()
    await till.run(till.activities.request_payment, AuthorizeInput(till.order_id, 2, DECLINED))

    assert await till.retry(2, VISA) == AuthorizationResult(Outcome.DECLINED, 2)
    assert (await till.payment()).method == DECLINED
    assert "authorized" not in await till.effects()


async def test_an_attempt_after_an_outage_voids_the_earlier_attempts(
    till: Till,
) -> None:
    await till.order(DECLINED)
    await till.authorize()
    with (
        till.failing("confirm", LOST_ANSWER),
        pytest.raises(ProviderUnavailable),
    ):
        await till.retry(2)

    assert await till.retry(3) == AuthorizationResult(Outcome.AUTHORIZED, 3)
    assert await till.events() == ["Requested", "Declined", "Requested", "Requested", "Authorized"]
    assert await till.effects() == {"authorized": (2, 1000), "voided": (2, 500)}


async def test_an_approval_before_the_record_of_the_retry_wins(till: Till) -> None:
    await till.order(APPROVAL)
    await till.authorize()
    await till.approve()
    assert await till.look_up() == AuthorizationResult(Outcome.AUTHORIZED, 1)

    with pytest.raises(Refused) as refusal:
        await till.retry(2)

    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await till.effects() == {"authorized": (1, 500)}


async def test_a_retry_recorded_before_the_approval_wins_and_voids_the_approved(
    till: Till,
) -> None:
    await till.order(APPROVAL)
    await till.authorize()
    await till.approve()
    till.provider.gated = "get"
    looking = asyncio.create_task(till.look_up())
    await till.provider.answered.wait()

    again = AuthorizeInput(till.order_id, 2, VISA)
    await till.run(till.activities.request_payment, again)
    till.provider.gate.set()

    assert await looking == AuthorizationResult(Outcome.PENDING, 2)
    assert await till.status() is OrderStatus.RESERVED
    assert await till.effects() == {"authorized": (1, 500), "voided": (1, 500)}
    authorized = await till.run(till.activities.authorize_again, again)
    assert settled(authorized) == AuthorizationResult(Outcome.AUTHORIZED, 2)
    assert await till.status() is OrderStatus.CONFIRMED
    assert await till.effects() == {"authorized": (2, 1000), "voided": (1, 500)}


@pytest.mark.parametrize("_", range(5))
async def test_a_concurrent_approval_and_retry_leave_one_payment(till: Till, _: int) -> None:
    await till.order(APPROVAL)
    await till.authorize()
    await till.approve()
    again = AuthorizeInput(till.order_id, 2, VISA)

    looked, requested = await asyncio.gather(
        till.look_up(), till.run(till.activities.request_payment, again), return_exceptions=True
    )

    if isinstance(requested, Refused):
        assert requested.code is ErrorCode.PAYMENT_NOT_RETRYABLE
        assert looked == AuthorizationResult(Outcome.AUTHORIZED, 1)
        assert await till.effects() == {"authorized": (1, 500)}
    else:
        assert looked == AuthorizationResult(Outcome.PENDING, 2)
        assert await till.status() is OrderStatus.RESERVED
        authorized = await till.run(till.activities.authorize_again, again)
        assert settled(authorized) == AuthorizationResult(Outcome.AUTHORIZED, 2)
        assert await till.effects() == {"authorized": (2, 1000), "voided": (1, 500)}
    assert await till.status() is OrderStatus.CONFIRMED


async def test_the_customer_gets_the_url_of_an_already_pending_payment(
    till: Till, module_pool: Pool
) -> None:
    await till.order(APPROVAL)
    with (
        till.failing("confirm", "down"),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()
    assert await till.look_up() == AuthorizationResult(Outcome.PENDING, 1)
    assert (await till.payment()).action_url is None

    assert await till.authorize() == AuthorizationResult(Outcome.PENDING, 1)

    payment = await till.payment()
    assert payment.action_url == f"{till.simulator.url}/authenticate/{payment.reference}"
    assert await till.events() == ["Requested", "Pending", "Pending"]
    async with module_pool.acquire() as connection:
        shown = await connection.fetchval(
            "SELECT action_url FROM readmodel.payment_view WHERE order_id = $1", till.order_id
        )
    assert shown == payment.action_url
