"""A payment that the provider refuses to create: nothing is held, and the undo asks for nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from activities.types.payment import AuthorizationOutcome as Outcome
from activities.types.payment import AuthorizationResult
from domain.errors import ErrorCode, Refused
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from kit.pool import Pool
from providers.errors import CreationDenied, CreationRefused, ProviderUnavailable
from providers.payment_simulator.methods import DECLINED
from tests.integration.workflows.payment_fixture import Till, a_till
from tests.support.simulators import SimulatorProcess

HELD: Final = {"authorized": (1, 500)}
RELEASED: Final = {**HELD, "voided": (1, 500)}
KEPT: Final = "500"
KEPT_AFTER: Final = "500_after"


@pytest.fixture
async def till(module_pool: Pool, payment_simulator: SimulatorProcess) -> AsyncIterator[Till]:
    async with a_till(module_pool, payment_simulator) as till:
        yield till


async def test_a_refused_creation_is_in_the_log_with_the_providers_code(till: Till) -> None:
    await till.order()
    with till.failing("create", "refuse"), pytest.raises(CreationRefused):
        await till.authorize()

    payment = await till.payment()
    assert await till.events() == ["Requested", "Refused"]
    assert (payment.status, payment.decline_code) == (PaymentStatus.REFUSED, "refused_on_request")
    assert await till.status() is OrderStatus.RESERVED
    assert await till.effects() == {}


async def test_the_undo_of_a_refused_creation_asks_the_provider_nothing(till: Till) -> None:
    await till.order()
    with till.failing("create", "refuse"), pytest.raises(CreationRefused):
        await till.authorize()
    await till.request_cancellation()

    with till.failing("*", "down"):
        await till.give_back()

    assert await till.events() == ["Requested", "Refused", "Voided"]
    assert await till.effects() == {}


async def test_the_undo_of_an_attempt_that_was_never_recorded_as_refused_ends_too(
    till: Till,
) -> None:
    await till.order()
    with till.failing("create", "down"), pytest.raises(ProviderUnavailable):
        await till.authorize()
    await till.request_cancellation()

    with till.failing("create", "refuse"):
        await till.give_back()

    assert await till.events() == ["Requested", "Voided"]
    assert await till.effects() == {}


async def test_a_refusal_that_is_met_by_a_look_up_is_recorded(till: Till) -> None:
    await till.order()
    with till.failing("create", "down"), pytest.raises(ProviderUnavailable):
        await till.authorize()
    with till.failing("create", "refuse"), pytest.raises(CreationRefused):
        await till.authorize()

    assert await till.events() == ["Requested", "Refused"]


async def test_a_revoked_key_is_recorded_once_and_asked_with_again(till: Till) -> None:
    await till.order()
    with till.failing("*", "401"):
        for _ in "123":
            with pytest.raises(CreationDenied):
                await till.authorize()
    assert await till.events() == ["Requested", "Refused"]
    assert (await till.payment()).decline_code == "api_key_expired"

    assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 2)
    assert await till.events() == ["Requested", "Refused", "Requested", "Authorized"]
    assert await till.status() is OrderStatus.CONFIRMED
    assert await till.effects() == HELD


async def test_a_revoked_key_parks_no_undo_of_an_attempt_that_it_kept_from_being_made(
    till: Till,
) -> None:
    await till.order()
    with till.failing("*", "401"):
        with pytest.raises(CreationDenied):
            await till.authorize()
        await till.request_cancellation()
        await till.give_back()

    assert await till.events() == ["Requested", "Refused", "Voided"]
    assert await till.effects() == {}


async def test_a_revoked_key_proves_nothing_of_an_attempt_made_before(till: Till) -> None:
    await till.order()
    with (
        till.failing("confirm", "timeout_after"),
        pytest.raises(ProviderUnavailable),
    ):
        await till.authorize()
    with till.failing("*", "401"):
        with pytest.raises(ProviderUnavailable):
            await till.authorize()
        await till.request_cancellation()
        with pytest.raises(ProviderUnavailable):
            await till.give_back()
    assert await till.events() == ["Requested"]

    await till.give_back()
    assert await till.effects() == RELEASED


async def test_a_refused_payment_is_not_made_for_an_order_that_compensates(till: Till) -> None:
    await till.order()
    with till.failing("create", "refuse"), pytest.raises(CreationRefused):
        await till.authorize()
    await till.request_cancellation()

    with pytest.raises(Refused) as refused:
        await till.authorize()

    assert refused.value.code is ErrorCode.WRONG_STATE
    assert await till.events() == ["Requested", "Refused"]
    assert await till.effects() == {}


async def test_the_attempts_before_a_refused_one_are_voided(till: Till) -> None:
    await till.order(DECLINED)
    await till.authorize()
    with till.failing("create", "refuse"), pytest.raises(CreationRefused):
        await till.retry(2)
    await till.request_cancellation()
    await till.give_back()

    assert await till.events() == ["Requested", "Declined", "Requested", "Refused", "Voided"]
    assert await till.effects() == {"voided": (1, 0)}


# Kept 500s: the order is paid all the same, once.


@pytest.mark.parametrize(
    ("operation", "how"),
    [("create", KEPT), ("create", KEPT_AFTER), ("confirm", KEPT), ("confirm", KEPT_AFTER)],
)
async def test_a_kept_500_does_not_keep_an_order_from_being_paid(
    till: Till, operation: str, how: str
) -> None:
    await till.order()
    with till.failing(operation, how, times=1):
        assert await till.authorize() == AuthorizationResult(Outcome.AUTHORIZED, 1)

    assert await till.events() == ["Requested", "Authorized"]
    assert await till.effects() == HELD
    await till.request_cancellation()
    await till.give_back()
    assert await till.effects() == RELEASED


@pytest.mark.parametrize(
    ("operation", "how", "effects"),
    [
        ("create", KEPT, {"voided": (1, 0)}),
        ("confirm", KEPT, {"voided": (1, 0)}),
        ("confirm", KEPT_AFTER, RELEASED),
    ],
)
async def test_the_undo_of_an_attempt_lost_behind_kept_500s_leaves_nothing_held(
    till: Till, operation: str, how: str, effects: dict[str, tuple[int, int]]
) -> None:
    await till.order()
    with (
        till.failing(operation, how),
        till.simulator.control(fail_next={"operation": "look", "how": "503"}),
    ):
        for _ in "12":
            with pytest.raises(ProviderUnavailable):
                await till.authorize()
            if how == KEPT_AFTER:
                break
    await till.request_cancellation()

    await till.give_back()

    assert (await till.events())[-1] == "Voided"
    assert await till.effects() == effects
