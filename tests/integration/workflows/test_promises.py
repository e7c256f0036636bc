"""An order keeps what it was promised, also when its saga is recovered with other settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from domain.order.promises import Promises
from tests.integration.workflows.test_windows import (
    A_WORKFLOW_TASK,
    may_be_returned,
    waits_for_delivery,
    waits_for_dispatch,
    waits_for_its_goods,
    waits_for_payment,
    waits_for_stock,
)
from tests.support.sagas import PATIENT, Sagas, an_order
from workflows.types import Deadlines

PROMISED: Final = timedelta(hours=1)
WINDOWS: Final = [
    (waits_for_stock, "backorder", "OrderCreated", "order"),
    (waits_for_payment, "payment_window", "OrderReserved", "payment"),
    (waits_for_dispatch, "dispatch", "OrderConfirmed", "order"),
    (waits_for_delivery, "delivery", "OrderShipped", "order"),
    (may_be_returned, "return_window", "OrderDelivered", "order"),
    (waits_for_its_goods, "return_delivery", "OrderReturnRequested", "return"),
]
"""Each row names the story up to the wait, the promise, the event that opened the window, and the
workflow that waits."""
Story = Callable[[Sagas], Awaitable[str]]
A_SECOND: Final = timedelta(seconds=1)
OTHER: Final = Deadlines(
    provider_timeout=PATIENT.provider_timeout,
    undo_timeout=PATIENT.undo_timeout,
    parked_retry=PATIENT.parked_retry,
    backorder=A_SECOND,
    payment_window=A_SECOND,
    dispatch=A_SECOND,
    delivery=A_SECOND,
    return_window=A_SECOND,
    return_delivery=A_SECOND,
)


@pytest.fixture
def sagas(sagas: Sagas) -> Sagas:
    return sagas.within(return_window=timedelta(minutes=5))


@pytest.mark.parametrize(("story", "promise", "opened_by", "waits"), WINDOWS)
async def test_a_saga_recovered_with_shorter_settings_keeps_the_promise(
    sagas: Sagas, story: Story, promise: str, opened_by: str, waits: str
) -> None:
    order_id = await story(sagas.within(**{promise: PROMISED}))
    await sagas.terminate(order_id)
    for workflow in ("payment", "return"):
        await sagas.until_closed(f"{workflow}-{order_id}")

    await replace(sagas, deadlines=OTHER).recover(order_id)

    closes_at = await sagas.waits_until(f"{waits}-{order_id}")
    stored = await sagas.store.load_events(f"order-{order_id}")
    opened_at = next(event.recorded_at for event in stored if event.type == opened_by)
    assert abs(closes_at - opened_at - PROMISED) < A_WORKFLOW_TASK


async def test_a_placed_order_records_its_promises(sagas: Sagas) -> None:
    promised = OTHER.promises
    order = an_order((await sagas.stocked(1), 2), backorder=True)

    order_id = await replace(sagas, deadlines=OTHER).place(order)

    created = (await sagas.store.load_events(f"order-{order_id}"))[0]
    assert Promises.model_validate(created.data["promises"]) == promised
    assert created.data["promises"]["dispatch"] == "PT1S"


async def test_a_repeated_request_after_a_change_of_settings_keeps_the_first_promises(
    sagas: Sagas,
) -> None:
    order = an_order((await sagas.stocked(1), 2), backorder=True)
    order_id = await sagas.place(order)
    before = await sagas.store.load_events(f"order-{order_id}")

    assert await replace(sagas, deadlines=OTHER).place(order) == order_id

    assert await sagas.store.load_events(f"order-{order_id}") == before
    closes_at = await sagas.waits_until(f"order-{order_id}")
    assert abs(closes_at - before[0].recorded_at - PATIENT.backorder) < A_WORKFLOW_TASK


async def test_a_recovered_saga_takes_its_time_outs_from_the_settings(sagas: Sagas) -> None:
    order_id = await waits_for_dispatch(sagas)
    await sagas.terminate(order_id)
    with sagas.carrier_simulator.failing(order_id, "*", "down"):
        await sagas.within(provider_timeout=timedelta(seconds=1)).recover(order_id)
        await sagas.until_asked(order_id, "track", times=2)
