"""A customer approves at the bank and changes the method at the same time."""

from __future__ import annotations

import pytest

from activities.types.payment import AuthorizeInput
from domain.errors import ErrorCode, Refused
from providers.payment_simulator.methods import APPROVAL, VISA
from tests.integration.workflows.race_fixture import PAID
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order


async def pending(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")
    return order_id


async def test_a_new_method_recorded_before_the_approval_pays(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    async with sagas.gates.stopped("look_up", order_id, When.BEFORE) as gate:
        await sagas.approve(order_id)
        await gate.reached()
        await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {
        "authorized": (2, 500),
        "voided": (1, 250),
        "captured": (1, 250),
    }


async def test_an_approval_recorded_before_the_new_method_pays(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    async with sagas.gates.stopped("look_up", order_id, When.AFTER) as gate:
        await sagas.approve(order_id)
        await gate.reached()
        with pytest.raises(Refused) as refusal:
            await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)

    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID


async def test_every_attempt_of_a_cancelled_order_is_void_and_no_other_follows(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    await sagas.pay_with(order_id, APPROVAL)
    await sagas.until(f"payment-{order_id}", "PaymentPending", times=2)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {"voided": (2, 0)}
    with pytest.raises(Refused) as refusal:
        await sagas.stray("authorize_again", order_id, AuthorizeInput(order_id, 3, VISA))
    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await sagas.money(order_id) == {"voided": (2, 0)}


async def test_an_attempt_that_begins_during_the_void_holds_nothing(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    async with sagas.gates.stopped("give_back", order_id, When.BEFORE) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        again = AuthorizeInput(order_id, 2, VISA)
        await sagas.stray("request_payment", order_id, again)
        await sagas.stray("authorize_again", order_id, again)

    assert await sagas.end(order_id) == "CANCELLED"
    effects = await sagas.money(order_id)
    assert effects.get("authorized", (0, 0))[1] == effects["voided"][1]
