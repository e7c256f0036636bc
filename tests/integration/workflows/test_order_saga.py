from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks.saga.driver import key_use
from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.order.commands import CancellationReason
from domain.provider_notifications import PaymentNotification, ShipmentNotificationKind
from providers.carrier_simulator.routes import DOWN, NORMAL, REFUSED
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.support.sagas import Sagas, an_order
from tests.support.simulators import SimulatorProcess
from workflows.types import SagaType

DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED


async def test_an_order_without_a_fault_is_completed(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    sku, other = await sagas.stocked(5), await sagas.stocked(1)

    order_id = await sagas.place(an_order((sku, 2), (other, 1)))
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == [
        "OrderCreated",
        "OrderReserved",
        "OrderAuthorized",
        "OrderConfirmed",
        "OrderShipped",
        "OrderDelivered",
        "OrderCompleted",
    ]
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentAuthorized",
        "PaymentCaptured",
    ]
    assert await sagas.events(f"shipment-{order_id}") == [
        "ShipmentCreated",
        "ShipmentDispatched",
        "ShipmentDelivered",
    ]
    assert await sagas.inventory(sku) == InventoryState(received=5, shipped=2)
    assert await sagas.inventory(other) == InventoryState(received=1, shipped=1)
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 750),
        "captured": (1, 750),
    }


async def test_a_saga_is_started_and_compensated_by_its_id_alone(
    sagas: Sagas,
) -> None:
    order = an_order((await sagas.stocked(1), 1))

    accepted = await sagas.orchestrator.start_saga(SagaType.ORDER, order)
    await sagas.orchestrator.compensate_saga(accepted.order_id)

    assert await sagas.end(accepted.order_id) == "CANCELLED"
    stored = await sagas.store.load_events(f"order-{accepted.order_id}")
    asked = next(e for e in stored if e.type == "OrderCancellationRequested")
    assert (asked.data["reason"], asked.metadata.actor) == ("OPERATOR_REQUEST", "system")


async def test_an_order_with_a_short_line_is_rejected_and_holds_nothing(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    plenty, short = await sagas.stocked(5), await sagas.stocked(1)

    order_id = await sagas.place(an_order((plenty, 2), (short, 2)))

    assert await sagas.end(order_id) == "REJECTED"
    assert await sagas.events(f"order-{order_id}") == ["OrderCreated", "OrderRejected"]
    assert await sagas.inventory(plenty) == InventoryState(received=5)
    assert await sagas.inventory(short) == InventoryState(received=1)
    assert await payment_simulator.effects(order_id) == {}


async def test_placing_the_same_order_again_returns_the_first_answer(sagas: Sagas) -> None:
    sku = await sagas.stocked(5)
    order = an_order((sku, 1), key="the-same-key")

    answers = [
        await sagas.orchestrator.start_saga(SagaType.ORDER, order, actor="customer:test")
        for _ in range(2)
    ]

    assert answers[0] == answers[1]
    await sagas.until(f"shipment-{order.aggregate_id}", "ShipmentCreated")
    assert await sagas.inventory(sku) == InventoryState(
        received=5, reservations={order.aggregate_id: 1}
    )


async def test_another_order_under_the_same_key_is_refused_and_changes_nothing(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(5)
    order_id = await sagas.place(an_order((sku, 1), key="one-key"))

    with pytest.raises(Refused) as refusal:
        await sagas.place(an_order((sku, 2), key="one-key"))

    assert refusal.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert (await sagas.inventory(sku)).reserved == 1


async def test_a_repeat_after_the_saga_has_ended_returns_the_first_answer(sagas: Sagas) -> None:
    order = an_order((await sagas.stocked(1), 1))
    first = await sagas.orchestrator.start_saga(SagaType.ORDER, order, actor="customer:test")
    await sagas.notify(first.order_id, DISPATCHED, DELIVERED)
    assert await sagas.end(first.order_id) == "COMPLETED"

    assert (
        await sagas.orchestrator.start_saga(SagaType.ORDER, order, actor="customer:test") == first
    )


async def test_a_declined_order_continues_with_another_payment_method(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=DECLINED))
    await sagas.until(f"payment-{order_id}", "PaymentDeclined")

    await sagas.orchestrator.retry_payment(
        order_id, VISA, key=key_use("retryPayment"), actor="customer:test"
    )
    await sagas.notify(order_id, DISPATCHED, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentDeclined",
        "PaymentRequested",
        "PaymentAuthorized",
        "PaymentCaptured",
    ]
    effects = await payment_simulator.effects(order_id)
    assert (effects["authorized"], effects["captured"]) == ((1, 250), (1, 250))


async def test_a_payment_window_that_closes_cancels_the_order_and_releases_its_stock(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    sku = await sagas.stocked(1)

    order_id = await sagas.within(payment_window=timedelta(milliseconds=200)).place(
        an_order((sku, 1), method=APPROVAL)
    )

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentPending",
        "PaymentVoided",
    ]
    cancelled = (await sagas.store.load_events(f"order-{order_id}"))[-1]
    assert cancelled.data["reason"] == "PAYMENT_WINDOW_CLOSED"
    assert "captured" not in await payment_simulator.effects(order_id)


async def test_a_pending_payment_continues_when_its_customer_has_approved_it(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")
    pending = (await sagas.store.load_events(f"payment-{order_id}"))[-1]

    await payment_simulator.authenticate(pending.data["reference"], "approve")
    await sagas.orchestrator.handle_event(PaymentNotification(order_id, attempt=1))

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentPending",
        "PaymentAuthorized",
    ]


async def test_a_cancellation_stops_the_parcel_before_it_undoes_money_and_stock(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    sku = await sagas.stocked(3)
    order_id = await sagas.place(an_order((sku, 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    await sagas.orchestrator.compensate_saga(
        order_id, reason=CancellationReason.CUSTOMER_REQUEST, actor="customer:test"
    )

    assert await sagas.end(order_id) == "CANCELLED"
    undone = [
        event.type
        for event in await sagas.store.load_all_events(types=UNDONE)
        if order_id in event.data_json
    ]
    assert (undone[0], undone[-1]) == ("ShipmentCancelled", "OrderCancelled")
    assert sorted(undone[1:-1]) == ["InventoryReleased", "PaymentVoided"]
    assert await sagas.inventory(sku) == InventoryState(received=3)
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 500), "voided": (1, 500)}


UNDONE = ("ShipmentCancelled", "PaymentVoided", "InventoryReleased", "OrderCancelled")


async def test_cancelling_what_has_shipped_is_refused_and_changes_nothing(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.notify(order_id, DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    before = await sagas.store.load_all_events()

    with pytest.raises(Refused) as refusal:
        await sagas.orchestrator.compensate_saga(
            order_id, reason=CancellationReason.CUSTOMER_REQUEST, actor="customer:test"
        )

    assert refusal.value.code == ErrorCode.ORDER_NOT_CANCELLABLE
    assert await sagas.store.load_all_events() == before


@pytest.mark.parametrize(
    ("stream", "event"),
    [("order", "OrderCreated"), ("order", "OrderAuthorized"), ("shipment", "ShipmentCreated")],
)
async def test_a_cancelled_workflow_loses_no_compensation(
    sagas: Sagas, payment_simulator: SimulatorProcess, stream: str, event: str
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"{stream}-{order_id}", event)

    await sagas.client.get_workflow_handle(f"order-{order_id}").cancel()

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    effects = await payment_simulator.effects(order_id)
    assert effects.get("authorized", (0, 0)) == effects.get("voided", (0, 0))
    assert "captured" not in effects


async def test_a_parcel_that_left_before_the_carrier_could_stop_it_is_paid_for(
    sagas: Sagas, payment_simulator: SimulatorProcess, carrier_simulator: SimulatorProcess
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await carrier_simulator.until_recorded(order_id, "dispatched")

    await sagas.orchestrator.compensate_saga(
        order_id, reason=CancellationReason.CUSTOMER_REQUEST, actor="customer:test"
    )
    await sagas.notify(order_id, DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert "OrderCancellationWithdrawn" in await sagas.events(f"order-{order_id}")
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 250),
        "captured": (1, 250),
    }


@pytest.mark.parametrize("postal_code", [REFUSED, DOWN])
async def test_an_order_that_no_carrier_takes_is_cancelled_and_its_payment_voided(
    sagas: Sagas, payment_simulator: SimulatorProcess, postal_code: str
) -> None:
    sku = await sagas.stocked(1)

    order_id = await sagas.within(provider_timeout=timedelta(seconds=1)).place(
        an_order((sku, 1), postal_code=postal_code)
    )

    assert await sagas.end(order_id) == "CANCELLED"
    cancelled = (await sagas.store.load_events(f"order-{order_id}"))[-1]
    assert cancelled.data["reason"] == "SHIPMENT_FAILED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 250), "voided": (1, 250)}


async def test_an_order_that_is_not_dispatched_in_time_is_cancelled(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)

    order_id = await sagas.within(dispatch=timedelta(milliseconds=200)).place(an_order((sku, 1)))

    assert await sagas.end(order_id) == "CANCELLED"
    cancelled = (await sagas.store.load_events(f"order-{order_id}"))[-1]
    assert cancelled.data["reason"] == "DISPATCH_DEADLINE_MISSED"
    assert await sagas.events(f"shipment-{order_id}") == ["ShipmentCreated", "ShipmentCancelled"]
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_no_workflow_history_has_an_address_in_clear(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    history = await sagas.client.get_workflow_handle(f"order-{order_id}").fetch_history()

    assert "Lovelace" not in history.to_json()
    assert b"Lovelace" not in b"".join(event.SerializeToString() for event in history.events)


@pytest.mark.parametrize("moment", ["PaymentRequested", "PaymentPending"])
@pytest.mark.parametrize("method", [APPROVAL, DECLINED])
async def test_an_order_that_waits_for_its_customer_is_cancelled_at_any_moment(
    sagas: Sagas, payment_simulator: SimulatorProcess, moment: str, method: str
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=method))
    waiting = moment if method == APPROVAL else "PaymentRequested"
    await sagas.until(f"payment-{order_id}", waiting)

    await sagas.orchestrator.compensate_saga(
        order_id, reason=CancellationReason.CUSTOMER_REQUEST, actor="customer:test"
    )

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert "captured" not in await payment_simulator.effects(order_id)
