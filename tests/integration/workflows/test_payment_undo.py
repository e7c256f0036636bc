"""Run the single activities that undo a payment; check the log and the provider's records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from activities.types.payment import AuthorizationOutcome as Outcome
from activities.types.payment import AuthorizationResult, AuthorizeInput
from domain.payment.attempts import MAX_ATTEMPTS
from kit.local_http import local_client
from kit.pool import Pool
from providers.errors import ProviderRefused, ProviderUnavailable
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.workflows.payment_fixture import LOST_ANSWER, Till, a_till
from tests.support.simulators import API_KEY, SimulatorProcess


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


# The compensation.


async def test_voiding_twice_frees_the_hold_once(till: Till) -> None:
    await till.paid()
    await till.request_cancellation()

    for _ in "12":
        await till.give_back()

    assert await till.events() == ["Requested", "Authorized", "Voided"]
    assert await till.effects() == {"authorized": (1, 500), "voided": (1, 500)}


@pytest.mark.parametrize("how", ["500", "500_after"])
async def test_a_hold_is_voided_behind_a_kept_500(till: Till, how: str) -> None:
    await till.paid()
    await till.request_cancellation()
    with till.failing("cancel", how, times=1), pytest.raises(ProviderUnavailable):
        await till.give_back()

    await till.give_back()

    assert await till.events() == ["Requested", "Authorized", "Voided"]
    assert await till.effects() == {"authorized": (1, 500), "voided": (1, 500)}


async def test_an_unrecorded_hold_is_voided(till: Till) -> None:
    await till.order()
    with (
        till.failing("confirm", LOST_ANSWER),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()

    await till.give_back()

    assert await till.events() == ["Requested", "Voided"]
    assert await till.effects() == {"authorized": (1, 500), "voided": (1, 500)}


async def test_an_attempt_that_begins_during_the_void_is_freed_too(till: Till) -> None:
    await till.order(DECLINED)
    await till.authorize()
    till.provider.gated = "void"
    giving = asyncio.create_task(till.give_back())
    await till.provider.answered.wait()

    await till.run(till.activities.request_payment, AuthorizeInput(till.order_id, 2, VISA))
    till.provider.gate.set()
    await giving

    assert (await till.payment()).attempt == 2
    assert await till.events() == ["Requested", "Declined", "Requested", "Voided"]
    assert await till.run(
        till.activities.authorize_again, AuthorizeInput(till.order_id, 2, VISA)
    ) == AuthorizationResult(Outcome.DECLINED, 2)
    assert "authorized" not in await till.effects()


async def test_many_attempts_are_freed_at_the_same_time(till: Till) -> None:
    await till.order(DECLINED)
    await till.authorize()
    for attempt in range(2, MAX_ATTEMPTS + 1):
        await till.retry(attempt, DECLINED)
    till.provider.meeting = asyncio.Barrier(MAX_ATTEMPTS)

    async with asyncio.timeout(10):  # one after the other, they would wait for ever
        await till.give_back()

    assert (await till.events())[-1] == "Voided"
    assert await till.effects() == {"voided": (MAX_ATTEMPTS, 0)}


async def test_an_unrecorded_capture_is_refunded_and_recorded(till: Till) -> None:
    await till.paid()
    await till.ship()
    with (
        till.failing("capture", LOST_ANSWER),
        pytest.raises(ProviderUnavailable),
    ):
        await till.capture()

    for _ in "12":
        await till.give_back()

    assert await till.events() == ["Requested", "Authorized", "Captured", "Refunded"]
    assert await till.effects() == {
        "authorized": (1, 500),
        "captured": (1, 500),
        "refunded": (1, 500),
    }


async def test_a_refund_whose_answer_was_lost_is_not_made_again(till: Till) -> None:
    await till.sent()
    with (
        till.failing("refund", LOST_ANSWER),
        pytest.raises(ProviderUnavailable),
    ):
        await till.give_back()
    assert await till.events() == ["Requested", "Authorized", "Captured"]

    await till.give_back()

    assert await till.events() == ["Requested", "Authorized", "Captured", "Refunded"]
    assert (await till.effects())["refunded"] == (1, 500)


async def test_a_refused_refund_leaves_the_log_unchanged(till: Till) -> None:
    await till.sent()
    with (
        till.failing("refund", "refuse"),
        pytest.raises(ProviderRefused),
    ):
        await till.give_back()

    assert await till.events() == ["Requested", "Authorized", "Captured"]
    assert "refunded" not in await till.effects()


# Attempts whose keys the provider has forgotten.


async def held_under_no_key(till: Till) -> str:
    """Make an attempt without an answer in the log or a key; return its reference."""
    await till.order()
    with (
        till.failing("*", "down"),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()
    return await hold(till)


async def hold(till: Till) -> str:
    """Create a payment labelled as the first attempt, without a key; return its reference."""
    form = {
        "amount": "500",
        "currency": "eur",
        "capture_method": "manual",
        "metadata[order_id]": till.order_id,
        "metadata[attempt]": "1",
    }
    intents = f"{till.simulator.url}/v1/payment_intents"
    async with local_client(headers={"Authorization": f"Bearer {API_KEY}"}) as http:
        reference = str((await http.post(intents, data=form)).json()["id"])
        await http.post(f"{intents}/{reference}/confirm", data={"payment_method": VISA})
    return reference


async def test_an_old_attempt_is_searched_for_and_freed(till: Till) -> None:
    await held_under_no_key(till)

    await till.give_back()

    assert (await till.effects())["authorized"] == (1, 500)
    assert (await till.effects())["voided"][1] == 500


async def test_the_hold_of_an_old_attempt_is_freed_after_a_partial_capture(
    till: Till,
) -> None:
    await held_under_no_key(till)
    await till.provider.capture(reference=await hold(till), amount=500, currency="EUR")

    await till.give_back()

    effects = await till.effects()
    assert (effects["authorized"], effects["voided"][1]) == ((2, 1000), 500)
    assert (effects["captured"], effects["refunded"]) == ((1, 500), (1, 500))
    assert (await till.payment()).refunded == 500


async def test_an_old_attempt_is_searched_for_before_it_is_made(till: Till) -> None:
    await held_under_no_key(till)

    assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)
    assert await till.effects() == {"authorized": (1, 500)}


async def test_an_old_attempt_that_never_began_is_made(till: Till) -> None:
    await till.order()
    with (
        till.failing("*", "down"),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()

    assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)
    assert await till.effects() == {"authorized": (1, 500)}
