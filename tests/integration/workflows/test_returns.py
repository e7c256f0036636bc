"""Customers return an order wholly, in part, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.command_handler import CommandHandler
from activities.saga import load_progress
from activities.types.order import ReturnRequestInput
from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import NEVER_COMES_BACK, NORMAL
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order

OPEN = timedelta(minutes=5)
PAID = {"authorized": (1, 500), "captured": (1, 500)}


async def arrived(
    sagas: Sagas, *, postal_code: str = NORMAL, window: timedelta = OPEN, **deadlines: timedelta
) -> tuple[str, str]:
    """Deliver an order of two pieces, its return window open; return it and its SKU."""
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=window, **deadlines)
    return await patient.arrived(an_order((sku, 2), postal_code=postal_code)), sku


async def sent_back(sagas: Sagas, order_id: str, *lines: ReturnedLine) -> None:
    """Request a return that the carrier knows of."""
    await sagas.send_back(order_id, *lines)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")


async def test_a_whole_return_is_refunded_and_in_stock_again(sagas: Sagas) -> None:
    order_id, sku = await arrived(sagas)
    await sent_back(sagas, order_id)
    assert await sagas.money(order_id) == PAID

    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.events(f"order-{order_id}"))[-3:] == [
        "OrderDelivered",
        "OrderReturnRequested",
        "OrderReturned",
    ]
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 500)}
    assert (await sagas.inventory(sku)).on_hand == 2
    assert (await sagas.inventory(sku)).shipped == 0


async def test_an_order_is_completed_after_the_return_of_a_part(
    sagas: Sagas,
) -> None:
    order_id, sku = await arrived(sagas, window=timedelta(seconds=2))
    await sent_back(sagas, order_id, ReturnedLine(sku=sku, quantity=1))

    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert (await sagas.events(f"order-{order_id}"))[-3:] == [
        "OrderReturnRequested",
        "OrderReturned",
        "OrderCompleted",
    ]
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 250)}
    stock = await sagas.inventory(sku)
    assert (stock.received, stock.shipped, stock.on_hand) == (2, 1, 1)


async def test_a_return_whose_goods_never_come_back_lapses_and_refunds_nothing(
    sagas: Sagas,
) -> None:
    order_id, sku = await arrived(
        sagas,
        postal_code=NEVER_COMES_BACK,
        window=timedelta(seconds=2),
        return_delivery=timedelta(milliseconds=50),
    )

    await sagas.send_back(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert (await sagas.events(f"order-{order_id}"))[-3:] == [
        "OrderReturnRequested",
        "OrderReturnLapsed",
        "OrderCompleted",
    ]
    assert await sagas.money(order_id) == PAID
    assert await sagas.inventory(sku) == InventoryState(received=2, shipped=2)


async def test_goods_that_come_back_while_the_return_is_about_to_lapse_are_refunded(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    patient = sagas.within(
        return_window=timedelta(minutes=5), return_delivery=timedelta(milliseconds=200)
    )
    order_id = await patient.arrived(an_order((sku, 1), postal_code=NEVER_COMES_BACK))

    async with sagas.gates.stopped("track_return", order_id, When.AFTER) as gate:
        await sagas.send_back(order_id)
        await gate.reached()
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {
        "authorized": (1, 250),
        "captured": (1, 250),
        "refunded": (1, 250),
    }


async def test_a_return_notification_to_the_order_has_no_effect(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    report = ShipmentNotification(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.workflow(order_id).signal("shipment_notification", report)
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"


async def test_an_order_has_one_return_and_a_repeat_changes_nothing(
    sagas: Sagas,
) -> None:
    order_id, sku = await arrived(sagas)
    first = await sagas.send_back(order_id)

    assert await sagas.send_back(order_id) == first
    with pytest.raises(Refused) as refusal:
        await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))

    assert refusal.value.code is ErrorCode.RETURN_NOT_POSSIBLE
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    assert (await sagas.events(f"order-{order_id}")).count("OrderReturnRequested") == 1


async def test_an_undelivered_order_cannot_be_returned(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    with pytest.raises(Refused) as refusal:
        await sagas.send_back(order_id)

    assert refusal.value.code is ErrorCode.RETURN_NOT_POSSIBLE
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderConfirmed"


@pytest.mark.parametrize(
    ("intervention", "refunds"),
    [
        (Intervention.RETRY, {"refunded": (1, 500)}),
        (Intervention.RESOLVE, {}),
        (Intervention.SKIP, {}),
    ],
)
async def test_a_refused_refund_parks_and_the_goods_are_still_counted(
    sagas: Sagas, intervention: Intervention, refunds: dict[str, tuple[int, int]]
) -> None:
    order_id, sku = await arrived(sagas)
    await sent_back(sagas, order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        parked = await sagas.parked(order_id, "refund")
    await sagas.needs_attention(parked["workflow_id"], expected=True)

    await sagas.intervene(order_id, "refund", intervention)

    assert parked["workflow_id"] == f"return-{order_id}"
    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {**PAID, **refunds}
    assert (await sagas.inventory(sku)).on_hand == 2


async def test_a_return_cannot_be_compensated(sagas: Sagas) -> None:
    order_id, _ = await arrived(sagas)
    await sent_back(sagas, order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
        await sagas.parked(order_id, "refund")

    with pytest.raises(Refused) as refusal:
        await sagas.intervene(order_id, "refund", Intervention.COMPENSATE)
    await sagas.intervene(order_id, "refund", Intervention.RETRY)

    assert refusal.value.code is ErrorCode.SAGA_ALREADY_COMPENSATING
    assert await sagas.end(order_id) == "RETURNED"


@pytest.mark.parametrize("which", ["order", "return"])
async def test_a_cancelled_workflow_does_not_break_off_a_return(sagas: Sagas, which: str) -> None:
    order_id, _ = await arrived(sagas)
    await sent_back(sagas, order_id)

    await sagas.client.get_workflow_handle(f"{which}-{order_id}").cancel()
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)


async def test_a_terminated_return_starts_again_and_polls_the_carrier(
    sagas: Sagas,
) -> None:
    order_id, _ = await arrived(sagas)
    await sent_back(sagas, order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")

    await sagas.client.get_workflow_handle(f"return-{order_id}").terminate()

    assert await sagas.end(order_id) == "RETURNED"
    assert (await sagas.money(order_id))["refunded"] == (1, 500)
    assert (await sagas.carrier_simulator.effects(order_id))["return_requested"] == (1, 2)


async def test_a_return_that_only_the_log_has_precedes_the_completion(
    sagas: Sagas,
) -> None:
    """The update's answer, and the workflow task that it came with, were lost."""
    order_id, _ = await arrived(sagas, window=timedelta(seconds=1))
    await sagas.stray("request_return", order_id, ReturnRequestInput(order_id, "customer:test"))
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")

    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.events(f"saga-{order_id}") == []


async def test_an_unconfirmed_notification_of_returned_goods_refunds_nothing(sagas: Sagas) -> None:
    order_id, _ = await arrived(sagas, postal_code=NEVER_COMES_BACK)
    await sent_back(sagas, order_id)

    await sagas.hint(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.until_asked(order_id, "track_return", 1, saga="return")

    assert await sagas.money(order_id) == PAID


async def test_goods_that_the_carrier_confirms_after_a_hint_are_refunded(sagas: Sagas) -> None:
    order_id, _ = await arrived(sagas)
    await sent_back(sagas, order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")

    await sagas.hint(order_id, ShipmentNotificationKind.RETURNED)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.money(order_id) == {**PAID, "refunded": (1, 500)}


async def test_a_return_that_is_requested_again_is_collected_though_the_first_was_not(
    sagas: Sagas,
) -> None:
    order_id, _ = await arrived(
        sagas, postal_code=NEVER_COMES_BACK, return_delivery=timedelta(seconds=1)
    )
    with sagas.carrier_simulator.failing(order_id, "return", "refuse"):
        await sagas.send_back(order_id)
        await sagas.parked(order_id, "collect_return")
    await sagas.intervene(order_id, "collect_return", Intervention.SKIP)
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    assert (await sagas.carrier_simulator.effects(order_id)).get("return_requested") is None

    await sent_back(sagas, order_id)

    assert (await sagas.carrier_simulator.effects(order_id))["return_requested"] == (1, 2)
    recovered = await load_progress(CommandHandler(sagas.store), order_id)
    assert recovered.settled == ()
    await sagas.terminate(order_id)
