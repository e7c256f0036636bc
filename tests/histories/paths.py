"""Play every way of an order on real servers. Each path returns the order's id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from activities.types import PlaceInput
from benchmarks.saga.driver import key_use
from domain.ids import refund_workflow_id
from domain.inventory.commands import AdjustmentReason, AdjustStock
from domain.order.commands import PlaceOrder, RequestRefund
from domain.order.lines import ReturnedLine
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from domain.saga.commands import Intervention
from kit.eventually import eventually
from providers.carrier_simulator.routes import (
    CANCELLED_BY_CARRIER,
    LOST,
    NEVER_COMES_BACK,
    NEVER_DISPATCHED,
    NORMAL,
    REFUSED,
)
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.support.gates import When
from tests.support.lost_tail import lose_tail
from tests.support.resetting import reset
from tests.support.sagas import Sagas, an_order

Path = Callable[[Sagas], Awaitable[str]]

SOON: Final = timedelta(milliseconds=50)
LATER: Final = timedelta(minutes=5)


async def order(
    sagas: Sagas, on_hand: int = 2, *, postal_code: str = NEVER_DISPATCHED, method: str = VISA
) -> PlaceOrder:
    """Return an order of two pieces of one SKU."""
    sku = await sagas.stocked(on_hand)
    return an_order((sku, 2), postal_code=postal_code, method=method)


async def asked_for(sagas: Sagas, postal_code: str = NEVER_DISPATCHED) -> str:
    """Place and pay an order; return it when its shipment is created."""
    order_id = await sagas.place(await order(sagas, postal_code=postal_code))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def waiting_to_pay(sagas: Sagas, method: str) -> str:
    order_id = await sagas.place(await order(sagas, method=method))
    await sagas.until_running(f"payment-{order_id}")
    return order_id


# Paths on which a hold ends.


async def hold_ended_and_paid_again(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.release_hold(order_id)
    await sagas.until(f"payment-{order_id}", "PaymentHoldEnded")
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA, key="again")
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated", times=2)
    await sagas.deliver(order_id)
    return order_id


async def hold_ended_and_not_paid(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(payment_window=timedelta(seconds=2)))
    await sagas.release_hold(order_id)
    return order_id


async def owed_and_paid(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.payment_simulator.end_hold(order_id)
    await sagas.payment_simulator.until_recorded(order_id, "expired")
    await sagas.deliver(order_id)
    await sagas.parked(order_id, "capture")
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA, key="again")
    return order_id


# Paths to a delivery.


async def delivered(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.deliver(order_id)
    return order_id


async def delivered_and_not_returned(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(return_window=SOON))
    await sagas.deliver(order_id)
    return order_id


async def carrier_was_silent(sagas: Sagas) -> str:
    return await asked_for(sagas.within(dispatch=SOON, delivery=SOON), NORMAL)


async def rejected(sagas: Sagas) -> str:
    return await sagas.place(await order(sagas, on_hand=1))


async def _waiting_for_stock(sagas: Sagas) -> tuple[str, str]:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 2), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    return order_id, sku


async def backorder_notified(sagas: Sagas) -> str:
    order_id, sku = await _waiting_for_stock(sagas)
    await sagas.receive(sku, 1)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def left_short(sagas: Sagas) -> str:
    """Lose the goods of an order before it is paid, and receive others before it is sent."""
    placed = await order(sagas, method=DECLINED)
    sku = placed.lines[0].sku
    order_id = await sagas.place(placed)
    await sagas.until_running(f"payment-{order_id}")
    await sagas.run(AdjustStock(aggregate_id=sku, difference=-2, reason=AdjustmentReason.LOST))
    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")
    await sagas.receive(sku, 2)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def backorder_too_late(sagas: Sagas) -> str:
    order_id, _ = await _waiting_for_stock(sagas.within(backorder=SOON))
    return order_id


async def declined_then_paid(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, DECLINED)
    await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def approved(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await sagas.approve(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def payment_window_closed(sagas: Sagas) -> str:
    return await sagas.within(payment_window=SOON).place(await order(sagas, method=APPROVAL))


# Cancellations by the customer.


async def cancelled_while_waiting_for_stock(sagas: Sagas) -> str:
    order_id, _ = await _waiting_for_stock(sagas)
    await sagas.cancel(order_id)
    return order_id


async def cancelled_while_paying(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await sagas.cancel(order_id)
    return order_id


def _beside(step: str, cancel: Callable[[Sagas, str], Awaitable[None]]) -> Path:
    async def path(sagas: Sagas) -> str:
        wanted = await order(sagas)
        async with sagas.gates.stopped(step, wanted.aggregate_id, When.AFTER) as gate:
            placing = asyncio.create_task(sagas.place(wanted))
            await gate.reached()
            await cancel(sagas, wanted.aggregate_id)
        return await placing

    return path


async def cancelled_before_dispatch(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.cancel(order_id)
    return order_id


async def parcel_was_quicker(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, NORMAL)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await sagas.cancel(order_id)
    await sagas.deliver(order_id)
    return order_id


# Cancellations in Temporal.


async def cancelled(sagas: Sagas, order_id: str) -> None:
    await sagas.cancel(order_id)


async def workflow_cancelled(sagas: Sagas, order_id: str) -> None:
    await sagas.workflow(order_id).cancel()


async def workflow_cancelled_while_reserving(sagas: Sagas) -> str:
    """An order that has waited for its stock: a straight one is reserved as it is placed."""
    order_id, sku = await _waiting_for_stock(sagas)
    async with sagas.gates.stopped("reserve", order_id, When.AFTER) as gate:
        await sagas.receive(sku, 1)
        await gate.reached()
        await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_while_paying(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_before_dispatch(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_while_undoing(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    async with sagas.gates.stopped("give_back", order_id, When.BEFORE) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await workflow_cancelled(sagas, order_id)
    return order_id


async def workflow_cancelled_after_dispatch(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await workflow_cancelled(sagas, order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


# Failures of the carrier.


async def carrier_refused(sagas: Sagas) -> str:
    return await sagas.place(await order(sagas, postal_code=REFUSED))


async def dispatch_missed(sagas: Sagas) -> str:
    return await asked_for(sagas.within(dispatch=SOON))


async def carrier_cancelled(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, CANCELLED_BY_CARRIER)
    await sagas.carrier_simulator.until_recorded(order_id, "cancelled")
    await sagas.notify(order_id, ShipmentNotificationKind.CANCELLED)
    return order_id


async def parcel_lost(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, LOST)
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    return order_id


# Parked steps.


def _parked(intervention: Intervention) -> Path:
    async def path(sagas: Sagas) -> str:
        order_id = await asked_for(sagas)
        with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
            await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
            await sagas.parked(order_id, "capture")
        await sagas.intervene(order_id, "capture", intervention)
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
        return order_id

    return path


def _undo_parked(intervention: Intervention) -> Path:
    async def path(sagas: Sagas) -> str:
        order_id = await asked_for(sagas)
        with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
            await sagas.cancel(order_id)
            await sagas.parked(order_id, "give_back")
        await sagas.intervene(order_id, "give_back", intervention)
        return order_id

    return path


async def parked_and_tried_again_by_itself(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(undo_timeout=SOON, parked_retry=SOON))
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


async def overdue_and_then_delivered(sagas: Sagas) -> str:
    order_id = await asked_for(sagas.within(delivery=SOON))
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.parked(order_id, "await_delivery")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


# Returns.


async def _to_be_returned(
    sagas: Sagas, *lines: ReturnedLine, postal_code: str = NORMAL, **deadlines: timedelta
) -> str:
    patient = sagas.within(**{"return_window": LATER, **deadlines})
    order_id = await patient.arrived(await order(sagas, postal_code=postal_code))
    await sagas.send_back(order_id, *lines)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    return order_id


async def returned(sagas: Sagas) -> str:
    order_id = await _to_be_returned(sagas)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def returned_in_part(sagas: Sagas) -> str:
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=timedelta(seconds=2))
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NORMAL))
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def return_lapsed(sagas: Sagas) -> str:
    window = timedelta(seconds=2)
    return await _to_be_returned(
        sagas, postal_code=NEVER_COMES_BACK, return_delivery=SOON, return_window=window
    )


async def back_after_the_lapse(sagas: Sagas) -> str:
    """The goods come back while the order is open, and the return resumes."""
    order_id = await _to_be_returned(
        sagas, postal_code=NEVER_COMES_BACK, return_delivery=SOON, return_window=LATER
    )
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    return order_id


async def back_after_the_end(sagas: Sagas) -> str:
    """The goods come back to a complete order, whose aftercare refunds them."""
    order_id = await return_lapsed(sagas)
    await sagas.end(order_id)
    await sagas.carrier_simulator.happen("returns", reference=order_id)
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.client.get_workflow_handle(f"aftercare-{order_id}").result()
    return order_id


async def refund_failed_late(sagas: Sagas) -> str:
    order_id = await parcel_lost(sagas)
    await sagas.end(order_id)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    refund = PaymentNotification(order_id, 1, PaymentNotificationKind.REFUND)
    await sagas.orchestrator.handle_event(refund)
    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)
    await sagas.client.get_workflow_handle(f"aftercare-{order_id}").result()
    return order_id


def _refund_parked(intervention: Intervention) -> Path:
    async def path(sagas: Sagas) -> str:
        order_id = await _to_be_returned(sagas)
        with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
            await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
            await sagas.parked(order_id, "refund")
        await sagas.intervene(order_id, "refund", intervention)
        return order_id

    return path


# Refunds that an operator requests.


async def refund_requested(sagas: Sagas) -> str:
    order_id = await delivered(sagas)
    await sagas.end(order_id)
    await _promise_refund(sagas, order_id)
    await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).result()
    return order_id


async def refund_requested_and_resolved(sagas: Sagas) -> str:
    order_id = await delivered(sagas)
    await sagas.end(order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await _promise_refund(sagas, order_id)
        await sagas.parked(order_id, "refund_order_1")
    await sagas.intervene(order_id, "refund_order_1", Intervention.RESOLVE)
    await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).result()
    return order_id


async def _promise_refund(sagas: Sagas, order_id: str) -> None:
    command = RequestRefund(aggregate_id=order_id, key="refund", amount=100, reason="a scratch")
    await sagas.orchestrator.execute(command, key=key_use("refundOrder"), actor="operator:eve")
    await sagas.orchestrator.run_refund(order_id, 1)


# Recoveries.


async def reset_while_paying(sagas: Sagas) -> str:
    """The saga ends the payment's workflow of the old run, and starts it again."""
    order_id = await waiting_to_pay(sagas, APPROVAL)
    payment = sagas.client.get_workflow_handle(f"payment-{order_id}")
    first = (await payment.describe()).run_id
    await reset(sagas.client, f"order-{order_id}")

    async def is_started_again() -> bool:
        return (await payment.describe()).run_id != first

    await eventually(is_started_again)
    await sagas.approve(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


async def _recovered(sagas: Sagas, order_id: str) -> None:
    await sagas.terminate(order_id)
    await sagas.recover(order_id)


async def recoveries(sagas: Sagas) -> str:
    order_id = await asked_for(sagas, NORMAL)
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")
    await _recovered(sagas, order_id)
    return order_id


async def recovered_while_compensating(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    async with sagas.gates.stopped("give_back", order_id, When.AFTER) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await _recovered(sagas, order_id)
    return order_id


async def recovered_where_it_was_parked(sagas: Sagas) -> str:
    order_id = await asked_for(sagas)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    await _recovered(sagas, order_id)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    return order_id


async def recovered_while_returned(sagas: Sagas) -> str:
    order_id = await _to_be_returned(sagas)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.terminate(order_id)
    await sagas.within(return_window=LATER).recover(order_id)
    return order_id


async def placed_again(sagas: Sagas) -> str:
    """Place again an order that the log has lost and the providers have not."""
    sku = await sagas.stocked(5)
    before = await sagas.store.safe_head()
    command = an_order((sku, 2), postal_code=NORMAL)
    order_id = await sagas.within(return_window=LATER).arrived(command)
    await lose_tail(sagas.store._pool, before)
    await sagas.orchestrator.place_again(PlaceInput(command, "customer:test"))
    return order_id


async def payment_begun_again(sagas: Sagas) -> str:
    order_id = await waiting_to_pay(sagas, APPROVAL)
    await sagas.client.get_workflow_handle(f"payment-{order_id}").terminate()
    await sagas.approve(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)
    return order_id


PATHS: Final[dict[str, Path]] = {
    **{
        path.__name__: path
        for path in (
            hold_ended_and_paid_again,
            hold_ended_and_not_paid,
            owed_and_paid,
            delivered,
            delivered_and_not_returned,
            carrier_was_silent,
            rejected,
            backorder_notified,
            backorder_too_late,
            left_short,
            declined_then_paid,
            approved,
            payment_window_closed,
            cancelled_while_waiting_for_stock,
            cancelled_while_paying,
            cancelled_before_dispatch,
            parcel_was_quicker,
            workflow_cancelled_while_reserving,
            workflow_cancelled_while_paying,
            workflow_cancelled_before_dispatch,
            workflow_cancelled_while_undoing,
            workflow_cancelled_after_dispatch,
            carrier_refused,
            dispatch_missed,
            carrier_cancelled,
            parcel_lost,
            parked_and_tried_again_by_itself,
            overdue_and_then_delivered,
            returned,
            returned_in_part,
            return_lapsed,
            back_after_the_lapse,
            back_after_the_end,
            refund_failed_late,
            refund_requested,
            refund_requested_and_resolved,
            reset_while_paying,
            recoveries,
            recovered_while_compensating,
            recovered_where_it_was_parked,
            recovered_while_returned,
            placed_again,
            payment_begun_again,
        )
    },
    "cancelled_while_authorizing": _beside("authorize", cancelled),
    "cancelled_while_shipping": _beside("create_shipment", cancelled),
    "workflow_cancelled_while_authorizing": _beside("authorize", workflow_cancelled),
    "workflow_cancelled_while_shipping": _beside("create_shipment", workflow_cancelled),
    **{
        f"parked_and_{intervention.lower()}": _parked(intervention) for intervention in Intervention
    },
    **{
        f"undo_parked_and_{intervention.lower()}": _undo_parked(intervention)
        for intervention in (Intervention.RETRY, Intervention.RESOLVE)
    },
    **{
        f"refund_parked_and_{intervention.lower()}": _refund_parked(intervention)
        for intervention in (Intervention.RETRY, Intervention.RESOLVE)
    },
}

COMMANDS_TOO: Final = {"backorder_notified", "left_short"}
"""The paths in which the workflows of commands and of the stock are recorded too."""
