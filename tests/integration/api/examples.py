"""Run each document of graphql/operations once, as an example for docs/API.md.

The steps run in order, each on what the steps before it have left. An example shows the answer to
the repeat of a mutation: by then the saga has come to rest, so the answer is the same each time.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from graphql import FieldNode, OperationDefinitionNode, parse

from cli.documents import document
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound
from kit.pool import create_pool
from providers.carrier_simulator.routes import NEVER_DISPATCHED
from providers.payment_simulator.methods import DECLINED, VISA
from settings import DatabaseRole
from tests.support.analytics import fold_in, january
from tests.support.api_client import Api, Json, Viewer
from tests.support.letters import store_letter, store_waiting
from tests.support.notification_rows import write_notification
from tests.support.operator_notices import Operators

ADDRESS: Final = {
    "name": "A. Customer",
    "street": "1 Example Street",
    "city": "Berlin",
    "postalCode": "10115",
    "country": "DE",
}
STAYS: Final = {"shippingAddress": ADDRESS | {"postalCode": NEVER_DISPATCHED}}
"""The carrier never collects the parcel of such an order."""
BROWSER: Final = {
    "endpoint": "https://receiver.example.com/push/JzLQ3raZJfFBR0aqvOMsLrt54w4",
    "p256dh": (
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    ),
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}


@dataclass(frozen=True)
class Example:
    """A request and its answer. `role` is the role of the viewer's token."""

    role: str
    variables: Json
    answer: Json

    def as_json(self) -> Json:
        return {"role": self.role, "variables": self.variables, "answer": self.answer}


@dataclass
class Story:
    """The viewers, and the examples so far by the name of their document."""

    api: Api
    customer: Viewer
    operator: Viewer
    admin: Viewer
    examples: dict[str, Example] = field(default_factory=dict)

    async def show(self, name: str, viewer: Viewer, /, **variables: object) -> Json:
        """Run the document, keep it as the example of that name, and return its answer."""
        answer = await viewer.run(name, **variables)
        self.examples[name] = Example(viewer.role, dict(variables), {"data": _named(name, answer)})
        return answer

    async def change(
        self,
        name: str,
        viewer: Viewer,
        settled: Callable[[Json], Awaitable[object]],
        /,
        **given: object,
    ) -> Json:
        """Run the mutation, wait until its effect has settled, and show its repeat."""
        request = {"idempotencyKey": f"{_field(name)}-1", **given}
        await settled(await viewer.run(name, input=request))
        return await self.show(name, viewer, input=request)


async def told(api: Api) -> Story:
    """Return the examples of all documents."""
    story = Story(api, api.viewer(), api.viewer("operator"), api.viewer("admin"))
    for chapter in (
        *(_stock, _catalogue, _order, _cancellation, _payment, _return, _parked_sagas),
        *(_reads, _notes, _projections, _dead_letters, _notices, _analytics, _webhooks),
        *(_preferences, _push, _refunds, _discrepancies, _end),
    ):
        await chapter(story)
    return story


async def _stock(story: Story) -> None:
    for sku, name, price in (("TEA-01", "Green tea", 1290), ("NEW-01", "New teapot", 4500)):
        await story.api.log.list_product(sku, name=name, price=price)
    await story.change("ReceiveStock", story.operator, _at_once, sku="TEA-01", quantity=100)


async def _catalogue(story: Story) -> None:
    admin, sku, price = story.admin, "BOX-01", {"amount": 500, "currency": "EUR"}
    await story.change("ListProduct", admin, _at_once, sku=sku, name="Gift box", price=price)
    lower = price | {"amount": 450}
    await story.change("ChangePrice", admin, _at_once, sku=sku, price=lower)
    await story.show("PriceHistory", admin, sku=sku, first=2)
    await story.change(
        "AdjustStock", story.operator, _at_once, sku=sku, difference=3, reason="FOUND"
    )
    await story.change("DiscontinueProduct", admin, _at_once, sku=sku)
    await story.show("StockHistory", story.operator, sku=sku, first=2)
    await story.show("ProductHistory", story.operator, sku=sku, first=2)


async def _order(story: Story) -> None:
    async def reserved(placed: Json) -> None:
        await story.api.sagas.until(f"shipment-{placed['order']['id']}", "ShipmentCreated")

    await story.change(
        "PlaceOrder",
        story.customer,
        reserved,
        lines=[{"sku": "TEA-01", "quantity": 2}],
        paymentMethod=VISA,
        expectedTotal={"amount": 2580, "currency": "EUR"},
        contact={"email": "customer@example.com", "locale": "de-DE", "timeZone": "Europe/Berlin"},
        reference="PO-117",
        metadata=[{"key": "channel", "value": "web"}],
        **STAYS,
    )


async def _cancellation(story: Story) -> None:
    async def cancelled(payload: Json) -> None:
        await story.api.sagas.until(f"order-{payload['order']['id']}", "OrderCancelled")

    order_id = await _placed(story, lines=[{"sku": "NEW-01", "quantity": 1}], backorder=True)
    await story.change("CancelOrder", story.customer, cancelled, orderId=order_id)


async def _payment(story: Story) -> None:
    async def paid(payload: Json) -> None:
        await story.api.sagas.until(f"shipment-{payload['order']['id']}", "ShipmentCreated")

    order_id = await _placed(story, paymentMethod=DECLINED, **STAYS)
    await story.api.sagas.until_running(f"payment-{order_id}")
    await story.change("RetryPayment", story.customer, paid, orderId=order_id, paymentMethod=VISA)


async def _return(story: Story) -> None:
    async def requested(payload: Json) -> None:
        order_id = payload["order"]["id"]
        await story.api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")

    order_id = await _placed(story)
    await story.api.sagas.delivered(order_id)
    await story.api.sagas.until(f"order-{order_id}", "OrderDelivered")
    await story.change(
        "RequestReturn",
        story.customer,
        requested,
        orderId=order_id,
        lines=[{"sku": "TEA-01", "quantity": 1}],
    )


async def _parked_sagas(story: Story) -> None:
    """Show the reads of the first parked saga, and an intervention in each."""
    reads_are_shown = False
    for name, settled_by in (
        ("RetrySaga", "payment-{}:PaymentCaptured"),
        ("SkipSagaStep", "saga-{}:SagaStepSkipped"),
        ("ResolveSaga", "saga-{}:SagaStepResolved"),
        ("CompensateSaga", "order-{}:OrderCancelled"),
    ):
        order_id = await _parked(story)
        if not reads_are_shown:
            await story.show("ParkedSagas", story.operator, first=10)
            await story.show("Saga", story.operator, orderId=order_id)
            await story.show("Explain", story.operator, orderId=order_id)
            reads_are_shown = True
        stream, event_type = settled_by.format(order_id).split(":")

        async def settled(_: Json, stream: str = stream, event_type: str = event_type) -> None:
            await story.api.sagas.until(stream, event_type)

        await story.change(
            name,
            story.operator,
            settled,
            orderId=order_id,
            step="capture",
            reason="the provider takes captures again",
        )


async def _reads(story: Story) -> None:
    placed = story.examples["PlaceOrder"].answer["data"]["placeOrder"]["order"]
    await _notified(story, placed["id"])
    await story.show("Order", story.customer, id=placed["id"])
    created, reserved, *_ = await story.api.log.store.load_events(f"order-{placed['id']}")
    then = story.api.position(reserved.position)
    await story.show("OrderAt", story.customer, id=placed["id"], asOf=then)
    await story.show("Orders", story.customer, first=2, filter={"status": ["CONFIRMED"]})
    await story.show("WaitingOrders", story.operator, waitingFor=["DISPATCH"], first=1)
    await story.api.follow_contacts()
    await story.show("OrdersByEmail", story.operator, email="Customer@Example.com", first=1)
    stream = f"order-{placed['id']}"
    await story.show("Events", story.operator, stream=stream, types=["OrderReserved"], first=1)
    await story.show("Product", story.customer, sku="TEA-01")
    await story.show("Products", story.customer, first=1)
    await story.show("Stock", story.operator, sku="TEA-01")
    await story.show("Stocks", story.operator, first=1)
    variables = {"orderId": placed["id"]}
    async with story.customer.socket() as socket:
        await socket.subscribe(document("OrderUpdates"), **variables)
        update = await socket.update()
    answer = {"data": {"orderUpdates": update}}
    story.examples["OrderUpdates"] = Example(story.customer.role, variables, answer)
    variables = {"after": story.api.position(created.position - 1), "locale": "en"}
    async with story.customer.socket() as socket:
        await socket.subscribe(document("Notifications"), **variables)
        update = await socket.update()
    answer = {"data": {"notifications": update}}
    story.examples["Notifications"] = Example(story.customer.role, variables, answer)


async def _notified(story: Story, order_id: str) -> None:
    """Record a mail of this order, as a worker does."""
    async with await create_pool(story.api.settings.url_of(DatabaseRole.APPEND)) as pool:
        await write_notification(pool, order_id, "received", "sent")


async def _notes(story: Story) -> None:
    placed = story.examples["PlaceOrder"].answer["data"]["placeOrder"]["order"]
    text = "The customer asked for a gift box."
    await story.change("AddOrderNote", story.operator, _at_once, orderId=placed["id"], text=text)
    await story.show("OrderNotes", story.operator, number=placed["number"])


async def _projections(story: Story) -> None:
    await story.show("Projections", story.operator)
    await story.show("RebuildProjection", story.admin, name="products")
    await story.show("RedriveProjection", story.operator, name="orders")


async def _dead_letters(story: Story) -> None:
    """Show a letter that a consumer has given up, and the one that waits behind it."""
    url = story.api.settings.url_of(DatabaseRole.APPEND)
    async with await create_pool(url) as pool:
        order_id = story.examples["PlaceOrder"].answer["data"]["placeOrder"]["order"]["id"]
        dead, _ = [
            await store(
                pool,
                group="search-index",
                key=f"order-{order_id}",
                event_type=event_type,
                origin=origin,
                body=json.dumps({"type": f"waybill.{event_type}.v1"}).encode(),
            )
            for store, event_type, origin in (
                (store_letter, "OrderShipped", "WAYBILL/17"),
                (store_waiting, "OrderDelivered", "WAYBILL/21"),
            )
        ]
    await story.show("DeadLetters", story.operator, group="search-index", first=10)
    letter = {"id": str(dead)}
    await story.show("RedriveDeadLetter", story.operator, **letter)
    reason = "the index has no such order any more"
    await story.show("DiscardDeadLetter", story.operator, **letter, reason=reason)


async def _notices(story: Story) -> None:
    """Show the notice of a group whose letter is dead, before its message is sent."""
    url = story.api.settings.url_of(DatabaseRole.APPEND)
    async with await create_pool(url) as pool:
        await store_letter(pool, group="mailing-list")
        await Operators(pool, webhook_url="https://receiver.example.com/operators").look()
        await pool.execute("DELETE FROM eventstore.dead_letter")
    [notice] = (await story.show("OperatorNotices", story.operator, open=True, first=1))["edges"]
    given = {"id": notice["node"]["id"], "note": "I restart the consumer."}
    await story.show("AcknowledgeNotice", story.operator, **given)


async def _analytics(story: Story) -> None:
    """Show the figures of a month of its own, because a story never takes the same time."""
    url = story.api.settings.url_of(DatabaseRole.APPEND)
    async with await create_pool(url) as pool, pool.acquire() as connection:
        await fold_in(connection, january())
    month = {"from": "2026-01-01T00:00:00+01:00", "to": "2026-02-01T00:00:00+01:00"}
    variables = {**month, "timeZone": "Europe/Zurich", "grain": "MONTH"}
    await story.show("Analytics", story.operator, **variables, first=1)
    async with story.operator.socket() as socket:
        await socket.subscribe(document("AnalyticsUpdates"), **variables)
        answer = (await socket.receive())["payload"]
    story.examples["AnalyticsUpdates"] = Example(story.operator.role, variables, answer)


async def _webhooks(story: Story) -> None:
    """Show a webhook whose first attempt was recorded by a worker."""
    operator, url = story.operator, "https://receiver.example.com/hooks"
    webhook_id = await _registered(story, url, ["order.*", "*.PaymentRefunded"])
    await story.show("UpdateWebhook", operator, id=webhook_id, patterns=["order.*"])
    test = {"idempotencyKey": "testWebhook-1", "id": webhook_id}
    event_id = (await story.show("TestWebhook", operator, input=test))["eventId"]
    async with await create_pool(story.api.settings.url_of(DatabaseRole.APPEND)) as pool:
        await pool.execute(_ATTEMPT, UUID(webhook_id), UUID(event_id))
    await story.show("Webhook", operator, id=webhook_id, first=1)
    await story.show("Webhooks", operator, first=1)
    rotation = {"idempotencyKey": "rotateWebhookSecret-1", "id": webhook_id}
    await story.show("RotateWebhookSecret", operator, input=rotation)
    await story.show("DisableWebhook", operator, id=webhook_id)
    await story.show("EnableWebhook", operator, id=webhook_id)
    await story.show("ReplayWebhook", operator, id=webhook_id, **{"from": story.api.position(1)})


_ATTEMPT: Final = """
    INSERT INTO eventstore.webhook_attempt
        (endpoint_id, event_id, event_type, position, at, duration, outcome, status)
    VALUES ($1, $2, 'WebhookTested', 0, clock_timestamp(), '41 ms', 'delivered', 204)
"""


async def _registered(story: Story, url: str, patterns: Sequence[str]) -> str:
    """Show the first answer: only that one has the secret."""
    request = {
        "idempotencyKey": "registerWebhook-1",
        "url": url,
        "patterns": patterns,
        "description": "The warehouse's orders",
    }
    answer = await story.show("RegisterWebhook", story.operator, input=request)
    return str(answer["webhook"]["id"])


async def _preferences(story: Story) -> None:
    """Show what a customer chooses, and an address that a mail provider has reported."""
    chosen: dict[str, object] = {
        "optOuts": [{"category": "ORDER_UPDATES", "channels": ["PUSH"]}],
        "quietHours": {"from": "22:00", "to": "07:00"},
        "timeZone": "Europe/Zurich",
    }
    await story.show("SetNotificationPreferences", story.customer, **chosen)
    await story.show("NotificationPreferences", story.customer)
    address = {"email": "grace@example.com"}
    await story.show("SuppressEmail", story.operator, **address, reason="BOUNCED")
    await story.show("EmailSuppression", story.operator, **address)
    reason = "the mailbox exists again"
    await story.show("LiftEmailSuppression", story.operator, **address, reason=reason)


async def _push(story: Story) -> None:
    """Show a browser with the keys of the example in RFC 8291."""
    customer = story.customer
    await story.show("VapidPublicKey", customer)
    answer = await story.show("SubscribeToPush", customer, input=BROWSER)
    await story.show("PushSubscriptions", customer)
    await story.show("UnsubscribeFromPush", customer, id=answer["subscription"]["id"])


async def _refunds(story: Story) -> None:
    async def refunded(payload: Json) -> None:
        await story.api.sagas.until(f"order-{payload['order']['id']}", "OrderRefundEnded")

    order_id = await _placed(story, **STAYS)
    await story.api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await story.api.sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await story.api.sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await story.change(
        "RefundOrder",
        story.operator,
        refunded,
        orderId=order_id,
        amount={"amount": 500, "currency": "EUR"},
        reason="one of the boxes is dented",
    )
    await story.show("OrderRefunds", story.customer, id=order_id)


async def _discrepancies(story: Story) -> None:
    order_id = await _placed(story, **STAYS)
    await story.api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    found = DiscrepancyFound(
        order_id=order_id,
        system=ReconciledSystem.PAYMENT,
        ours="attempt 1 held",
        theirs="captured 2580",
    )
    await story.api.log.append(f"saga-{order_id}", found)
    await story.show("Discrepancies", story.operator, filter={"accepted": False}, first=10)
    await story.change(
        "AcceptDiscrepancy",
        story.operator,
        _at_once,
        orderId=order_id,
        system="PAYMENT",
        reason="the parcel was handed over in the shop",
    )


async def _end(story: Story) -> None:
    """Erase a customer who has no open order."""
    await story.change(
        "EraseCustomer",
        story.admin,
        _at_once,
        customerId="customer-without-orders",
        reason="CUSTOMER_REQUEST",
    )


async def _placed(story: Story, **changes: object) -> str:
    """Place an order that is no example; return its id."""
    order: dict[str, object] = {
        "idempotencyKey": f"order-{len(story.examples)}",
        "lines": [{"sku": "TEA-01", "quantity": 2}],
        "paymentMethod": VISA,
        "shippingAddress": ADDRESS,
    }
    payload = await story.customer.run("PlaceOrder", input=order | changes)
    return str(payload["order"]["id"])


async def _parked(story: Story) -> str:
    """Park a saga at the capture, which the provider refuses once."""
    sagas, order_id = story.api.sagas, await _placed(story, **STAYS)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture", 1)
    return order_id


async def _at_once(_: Json) -> None:
    """The effect is complete when the mutation answers."""


def _named(name: str, value: object) -> dict[str, Any]:
    """Return the value under the root field of the document."""
    operation, *_ = parse(document(name)).definitions
    assert isinstance(operation, OperationDefinitionNode)
    root, *_ = operation.selection_set.selections
    assert isinstance(root, FieldNode)
    return {root.name.value: value}


def _field(name: str) -> str:
    return name[0].lower() + name[1:]
