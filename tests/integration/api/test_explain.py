"""An order explains itself to staff: its timeline, its waits, its money and its stock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest

from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound
from kit.pool import Pool
from providers.carrier_simulator.routes import LOST, REFUSED
from tests.integration.api.explaining import (
    attempts,
    calls,
    events,
    explained,
    money,
    steps,
    stock,
    timeline,
    waits,
)
from tests.integration.api.orders import (
    declined,
    delivered,
    parked_at_capture,
    waiting_for_the_carrier,
)
from tests.support.api_client import Api, Viewer
from tests.support.api_inputs import ADDRESS
from tests.support.sagas import an_order as a_command

RESERVED: Final = (
    *("EVENT OrderCreated", "EVENT OrderReserved", "EVENT InventoryReserved"),
    "STEP reserve",  # placed and reserved in one transaction, so at the same time
    *("PROVIDER_CALL authorize attempt 1", "EVENT PaymentRequested", "STEP authorize"),
)
UNTIL_CONFIRMATION: Final = (
    *RESERVED,
    *("EVENT PaymentAuthorized", "EVENT OrderAuthorized", "EVENT OrderConfirmed"),
    *("STEP await_payment", "STEP create_shipment"),
)
UNTIL_SHIPMENT: Final = (
    *UNTIL_CONFIRMATION,
    *("PROVIDER_CALL create shipment", "EVENT ShipmentCreated", "STEP await_dispatch"),
)
UNTIL_DISPATCH: Final = (
    *UNTIL_SHIPMENT,
    *("EVENT OrderShipped", "EVENT ShipmentDispatched", "EVENT InventoryCommitted"),
    "STEP capture",
)
UNDOS: Final = ("cancel", "cancel_shipment", "give_back", "release")
UNTIL_DELIVERY: Final = (
    *("PROVIDER_CALL capture", "EVENT PaymentCaptured", "STEP await_delivery"),
    *("EVENT OrderDelivered", "EVENT ShipmentDelivered", "STEP deliver", "STEP await_return"),
)


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def test_a_delivered_order_explains_each_of_its_steps(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await delivered(api, ada)

    explanation = await explained(eve, order_id)
    assert timeline(explanation) == [*UNTIL_DISPATCH, *UNTIL_DELIVERY]
    total = explanation["money"]["total"]
    assert calls(explanation) == [
        ("authorize attempt 1", "/1/confirm", "authorized"),
        ("create shipment", "/create", "created"),
        ("capture", None, f"captured {total['amount']} {total['currency']} (minor units)"),
    ]
    assert money(explanation) == (0, total["amount"], 0)
    assert attempts(explanation) == [(1, "CAPTURED")]
    assert stock(explanation) == [(2, 0, 2, 0)]
    assert waits(explanation) == ["RETURN_WINDOW"]
    assert {name for name, state in steps(explanation) if state == "DONE"} >= {
        *("reserve", "authorize", "create_shipment", "await_dispatch", "capture"),
        *("await_delivery", "deliver"),
    }
    assert explanation["workflows"] == [
        {
            "workflowId": f"order-{order_id}",
            "status": "RUNNING",
            "url": f"http://127.0.0.1:8233/namespaces/default/workflows/order-{order_id}",
        }
    ]
    positions = [each["positionNumber"] for each in explanation["timeline"] if "stream" in each]
    assert len(set(positions)) == len(positions)
    assert positions[-1] == explanation["positionNumber"]
    assert explanation["isCut"] is False
    assert api.number(explanation["continueAfter"]) == explanation["positionNumber"]


async def test_the_timeline_is_in_the_order_of_time(api: Api, ada: Viewer, eve: Viewer) -> None:
    order_id = await delivered(api, ada)

    times = [each["at"] for each in (await explained(eve, order_id))["timeline"]]

    moments = [datetime.fromisoformat(at) for at in times]
    assert moments == sorted(moments)


async def test_a_declined_payment_and_its_retry_are_two_attempts(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await declined(api, ada)
    waiting = await explained(eve, order_id)
    retry = {"idempotencyKey": str(uuid4()), "orderId": order_id, "paymentMethod": "pm_card_visa"}
    assert (await ada.run("RetryPayment", input=retry))["userErrors"] == []
    await api.sagas.until(f"order-{order_id}", "OrderConfirmed")
    await api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    explanation = await explained(eve, order_id)

    assert waits(waiting) == ["PAYMENT"]
    [wait] = waiting["waitsFor"]
    assert datetime.fromisoformat(wait["until"]) > datetime.fromisoformat(wait["since"])
    assert attempts(waiting) == [(1, "DECLINED")]
    assert attempts(explanation) == [(1, "DECLINED"), (2, "AUTHORIZED")]
    assert timeline(explanation) == [
        *(*RESERVED, "EVENT PaymentDeclined"),
        *("PROVIDER_CALL authorize attempt 2", "EVENT PaymentRequested"),
        *UNTIL_SHIPMENT[len(RESERVED) :],
    ]
    assert calls(explanation)[:2] == [
        ("authorize attempt 1", "/1/confirm", "declined: generic_decline"),
        ("authorize attempt 2", "/2/confirm", "authorized"),
    ]
    assert [each["workflowId"] for each in explanation["workflows"]] == [
        f"order-{order_id}",
        f"payment-{order_id}",
    ]


async def test_a_compensation_shows_its_undos_and_gives_everything_back(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await ada.place(shippingAddress=ADDRESS | {"postalCode": REFUSED, "country": "DE"})
    await api.sagas.until(f"order-{order_id}", "OrderCancelled")

    explanation = await explained(eve, order_id)

    assert timeline(explanation)[: len(UNTIL_CONFIRMATION) + 2] == [
        *UNTIL_CONFIRMATION,
        *("FAILURE create_shipment", "EVENT OrderCancellationRequested"),
    ]
    undone = timeline(explanation)[len(UNTIL_CONFIRMATION) + 2 :]
    assert sorted(undone[:4]) == [f"STEP {name}" for name in UNDOS]
    assert undone[4:6] == ["PROVIDER_CALL cancel shipment", "EVENT ShipmentCancelled"]
    assert sorted(undone[6:-1]) == [  # these undos run at the same time
        *("EVENT InventoryReleased", "EVENT PaymentVoided", "PROVIDER_CALL void"),
    ]
    assert undone[-1] == "EVENT OrderCancelled"
    undos = [
        (each["stepName"], each["stepState"])
        for each in explanation["timeline"]
        if each["kind"] == "STEP" and each["isUndo"]
    ]
    assert sorted(undos) == [
        ("cancel_shipment", "UNDONE"),
        ("give_back", "UNDONE"),
        ("release", "UNDONE"),
    ]
    assert ("void", None, "voided") in calls(explanation)
    assert explanation["status"] == "CANCELLED"
    assert money(explanation) == (0, 0, 0)
    assert attempts(explanation) == [(1, "VOIDED")]
    assert stock(explanation) == [(2, 0, 0, 0)]
    assert waits(explanation) == []


async def test_a_parked_saga_names_its_step_and_then_the_intervention(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await parked_at_capture(api, ada)
    parked = await explained(eve, order_id)
    retry = {"idempotencyKey": str(uuid4()), "orderId": order_id, "reason": "the bank is back"}
    await eve.run("RetrySaga", input=retry)
    await api.sagas.until(f"payment-{order_id}", "PaymentCaptured")

    explanation = await explained(eve, order_id)

    parking_entries = ("FAILURE capture", "EVENT SagaParked")
    assert timeline(parked) == [*UNTIL_DISPATCH, *parking_entries]
    assert timeline(explanation) == [
        *(*UNTIL_DISPATCH, *parking_entries, "INTERVENTION SagaRetried"),
        *("PROVIDER_CALL capture", "EVENT PaymentCaptured", "STEP await_delivery"),
    ]
    [parking] = parked["parked"]
    assert (parking["step"], parking["isUndo"], parking["code"]) == (
        "capture",
        False,
        "PROVIDER_REFUSED",
    )
    assert "OPERATOR" in waits(parked)
    [failure] = [each for each in parked["timeline"] if each["kind"] == "FAILURE"]
    assert (failure["stepName"], failure["failure"]) == ("capture", 1)
    assert money(parked)[1] == 0
    assert money(parked)[0] == parked["money"]["total"]["amount"]
    [made] = [each for each in explanation["timeline"] if each["kind"] == "INTERVENTION"]
    assert (made["parkedStep"], made["intervention"]) == ("capture", "RETRY")
    assert (made["reason"], made["actor"]) == ("the bank is back", f"operator:{eve.sub}")
    assert explanation["parked"] == []
    assert money(explanation)[1] == explanation["money"]["total"]["amount"]


async def test_a_discrepancy_says_what_each_side_records(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await api.logged_order(ada)
    found = DiscrepancyFound(
        order_id=order_id, system=ReconciledSystem.PAYMENT, ours="CAPTURED", theirs="VOIDED"
    )
    await api.log.append(f"saga-{order_id}", found)

    [wait] = (await explained(eve, order_id))["waitsFor"]

    assert (wait["waitsFor"], wait["until"]) == ("OPERATOR", None)
    assert wait["text"] == (
        "Waits for an operator: PAYMENT differs (the log says CAPTURED, the system VOIDED)."
    )


async def test_a_return_shows_its_refund_and_the_pieces_that_are_back(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await delivered(api, ada)
    before = await explained(eve, order_id)
    [line] = before["stock"]
    returning = {
        "idempotencyKey": str(uuid4()),
        "orderId": order_id,
        "lines": [{"sku": line["sku"], "quantity": 1}],
    }
    assert (await ada.run("RequestReturn", input=returning))["userErrors"] == []
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.carrier_simulator.until_recorded(order_id, "returned")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await api.sagas.until(f"order-{order_id}", "OrderReturned")

    explanation = await explained(eve, order_id)

    assert timeline(explanation) == [
        *(*UNTIL_DISPATCH, *UNTIL_DELIVERY, "EVENT OrderReturnRequested"),
        *("PROVIDER_CALL create return", "EVENT ShipmentReturnRequested", "STEP collect_return"),
        *("PROVIDER_CALL refund", "EVENT PaymentRefunded", "EVENT StockReturned"),
        *("EVENT ShipmentReturned", "EVENT OrderReturned", "STEP refund"),
    ]
    refunded = money(explanation)[2]
    assert 0 < refunded < explanation["money"]["total"]["amount"]
    assert stock(explanation) == [(2, 0, 1, 1)]
    [(key, answer)] = [(key, done) for name, key, done in calls(explanation) if name == "refund"]
    assert key == "/refund/0/0/250"
    assert answer == f"refunded {refunded} EUR (minor units)"
    assert ("create return", "/return", "created") in calls(explanation)
    assert ("refund", "DONE") in steps(explanation)


async def test_a_rejected_order_no_longer_waits_for_its_stock(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    sku = await api.sagas.stocked(1)
    impatient = api.sagas.within(backorder=timedelta(milliseconds=200))
    order = a_command((sku, 2), backorder=True).model_copy(update={"customer_id": ada.sub})
    order_id = await impatient.place(order)
    assert await api.sagas.end(order_id) == "REJECTED"

    explanation = await explained(eve, order_id)

    [line] = explanation["stock"]
    assert (line["backordered"], line["reserved"], line["shipped"]) == (0, 0, 0)
    assert "BackorderEnded" in events(explanation)


async def test_a_parcel_that_came_back_to_the_sender_is_in_stock_again(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    sku = await api.sagas.stocked(2)
    order = a_command((sku, 2), postal_code=LOST).model_copy(update={"customer_id": ada.sub})
    order_id = await api.sagas.place(order)
    await api.sagas.carrier_simulator.until_recorded(order_id, "lost")
    await api.sagas.notify(
        order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST
    )
    assert await api.sagas.end(order_id) == "CANCELLED"
    lost = await explained(eve, order_id)
    back = {"reference": order_id, "status": "returned_to_sender"}
    await api.sagas.carrier_simulator.happen("shipments", **back)
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED_TO_SENDER)
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnedToSender")

    found = await explained(eve, order_id)

    assert (stock(lost), stock(found)) == ([(2, 0, 2, 0)], [(2, 0, 0, 2)])


async def test_the_money_and_the_stock_are_those_of_the_read_models(
    api: Api, ada: Viewer, eve: Viewer, module_pool: Pool
) -> None:
    sku = await api.sagas.stocked(5)
    await api.log.list_product(sku)
    order_id = await ada.place(lines=[{"sku": sku, "quantity": 3}])
    await api.sagas.until(f"payment-{order_id}", "PaymentAuthorized")

    explanation = await explained(eve, order_id)

    async with module_pool.acquire() as connection:
        paid = await connection.fetchrow(
            "SELECT captured, refunded FROM readmodel.payment_view WHERE order_id = $1", order_id
        )
        kept = await connection.fetchrow(
            "SELECT reserved, shipped FROM readmodel.inventory_view WHERE sku = $1", sku
        )
    assert paid is not None
    assert kept is not None
    [line] = explanation["stock"]
    assert money(explanation)[1:] == tuple(paid)
    assert (line["reserved"] + line["shipped"], line["quantity"]) == (sum(kept), 3)


async def test_received_webhooks_and_notifications_are_in_the_timeline(
    api: Api, ada: Viewer, eve: Viewer, module_pool: Pool
) -> None:
    order_id = await api.logged_order(ada)
    async with module_pool.acquire() as connection:
        await connection.execute(
            """INSERT INTO journal.webhook
                   (provider, event_id, type, order_id, received_at, claimed_until, handled_at)
               VALUES ('payments', $2, 'charge.captured', $1, now(), now(), NULL)""",
            order_id,
            f"evt-{order_id}",
        )
        await connection.execute(
            """INSERT INTO eventstore.notification
                   (id, event_id, position, recipient, channel, kind, order_id, state, cause,
                    ended_at)
               VALUES ($2, $2, 1, 'ada', 'email', 'shipped', $1, 'failed', 'bounced', now())""",
            order_id,
            uuid4(),
        )

    entries = (await explained(eve, order_id))["timeline"]

    [webhook] = [each for each in entries if each["kind"] == "WEBHOOK"]
    assert (webhook["provider"], webhook["eventId"]) == ("payments", f"evt-{order_id}")
    assert (webhook["webhookType"], webhook["handledAt"]) == ("charge.captured", None)
    [mail] = [each for each in entries if each["kind"] == "NOTIFICATION"]
    assert (mail["notice"], mail["channel"]) == ("SHIPPED", "EMAIL")
    assert (mail["notificationState"], mail["cause"]) == ("FAILED", "bounced")


async def test_the_deadline_of_a_dispatch_counts_from_the_booking(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await waiting_for_the_carrier(api, ada)

    explanation = await explained(eve, order_id)

    [booked] = [e["at"] for e in explanation["timeline"] if e.get("type") == "ShipmentCreated"]
    [wait] = explanation["waitsFor"]
    assert wait["waitsFor"] == "DISPATCH"
    until = datetime.fromisoformat(wait["until"])
    assert until - datetime.fromisoformat(booked) == api.sagas.deadlines.promises.dispatch
