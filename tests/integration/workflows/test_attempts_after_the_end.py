"""Attempts that arrive after the end of the saga change nothing."""

from __future__ import annotations

import pytest

from domain.errors import Refused
from tests.support.sagas import Sagas, an_order

OF_THE_ORDER = [
    "reserve",
    "authorize",
    "look_up",
    "create_shipment",
    "capture",
    "track",
    "deliver",
    "complete",
    "release",
    "withdraw_cancellation",
    "cancel",
    "lapse_return",
    "finish_return",
    "collect_return",
    "refund",
]


@pytest.mark.parametrize("end", ["COMPLETED", "CANCELLED", "REJECTED"])
async def test_a_stray_attempt_at_any_step_changes_nothing_after_the_end(
    sagas: Sagas, end: str
) -> None:
    sku = await sagas.stocked(5)
    order_id = await sagas.place(an_order((sku, 9 if end == "REJECTED" else 2)))
    if end != "REJECTED":
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    if end == "COMPLETED":
        await sagas.deliver(order_id)
    if end == "CANCELLED":
        await sagas.cancel(order_id)
    assert await sagas.end(order_id) == end
    before = await sagas.store.load_all_events(limit=10_000), await sagas.money(order_id)

    for step in OF_THE_ORDER:
        try:
            await sagas.stray(step, order_id)
        except Refused:
            continue

    after = await sagas.store.load_all_events(limit=10_000), await sagas.money(order_id)
    assert after == before
