"""Check which fields each viewer sees, and that a denied mutation changes nothing.

The queries are built from the schema, so that a new field is tested as well.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import time
from uuid import UUID, uuid4

import pytest

from api.access import RULES, Access
from domain.inventory.commands import AdjustmentReason
from domain.inventory.events import (
    BackorderEnded,
    BackorderQueued,
    InventoryReserved,
    StockAdjusted,
)
from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.events import OrderCancellationRequested, OrderRejected, OrderReserved
from domain.payment.events import PaymentDeclined, PaymentRequested
from domain.product.events import ProductListed
from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.privacy.search_key import SearchKey
from eventstore.versions import ANY
from kit.pool import Pool
from notifications.preferences import Preferences, PreferenceStore
from notifications.quiet_hours import QuietHours
from providers.payment_simulator.methods import VISA
from tests.integration.api import orders
from tests.integration.api.selecting import (
    FIELDS,
    SUPPRESSED,
    WEBHOOK_ID,
    document,
    paths,
    rules_on,
    values_at,
)
from tests.integration.api.test_push_subscriptions import subscribed
from tests.integration.api.world import EUROS, SECRETS, park, two_orders
from tests.support.analytics import follow
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import an_order
from tests.support.keys import SEARCH_KEY
from tests.support.notification_rows import write_notification
from tests.support.order_parts import PLACED_AT
from tests.support.push import Browser

PATHS = paths()
UPDATES = """
    subscription($orderId: ID!) {
      orderUpdates(orderId: $orderId) {
        ... on OrderUpdate { position positionNumber order { needsAttention positionNumber } }
      }
    }
"""


class World:
    """The viewers, and two orders of the owner."""

    def __init__(self, api: Api) -> None:
        self.owner, self.stranger = api.viewer(), api.viewer()
        self.operator, self.admin = api.viewer("operator"), api.viewer("admin")
        self.orders: tuple[str, ...] = ()

    async def ask(self, viewer: Viewer, field: tuple[str, str]) -> tuple[list[object], list[str]]:
        """Return the values of a field and the errors' codes, of both orders together."""
        path = PATHS[field]
        text = document(path)
        orders = self.orders if "$id" in text else self.orders[:1]
        customer = self.owner.sub
        answers = [await viewer.ask(text, id=order_id, customer=customer) for order_id in orders]
        values = [value for answer in answers for value in values_at(answer.get("data"), path)]
        errors = [error for answer in answers for error in answer.get("errors", [])]
        return values, [error["extensions"]["code"] for error in errors]


PROJECTION_AT_FAULT = """
    INSERT INTO eventstore.projection (name, version, fault, built_at)
    VALUES ('analytics', 1, 'a fault', now())
"""
PARKED_EVENT = """
    INSERT INTO eventstore.parked_event (projection, position, stream_id, cause, attempts)
    VALUES ('projection.analytics.1', 1, 'order-a', 'LookupError', 4)
"""
REBUILD = """
    INSERT INTO eventstore.projection_rebuild
        (name, version, state, requested_by, requested_at, finished_at, fault)
    VALUES ('analytics', 1, 'failed', 'admin:a', now(), now(), 'a fault')
"""

DEAD_LETTER = """
    WITH letter AS (
        INSERT INTO eventstore.dead_letter
            (group_name, key, message_id, event_type, origin, headers, body, state, attempts, cause,
             first_failed_at, last_failed_at, next_try_at)
        VALUES ('mailer', 'order-a', gen_random_uuid(), 'OrderShipped', 'WAYBILL/1', '{}', 'a body',
                'dead', 8, 'LookupError', now(), now(), now())
        RETURNING id, message_id
    )
    INSERT INTO eventstore.dead_letter_action
        (letter_id, group_name, key, message_id, action, actor, reason)
    SELECT id, 'mailer', 'order-a', message_id, 'redriven', 'operator:a', 'a reason' FROM letter
"""


# A webhook with a value in each of its columns, though no webhook has all of them at a time.
WEBHOOK = """
    INSERT INTO eventstore.webhook_endpoint
        (id, url, description, patterns, created_by, fingerprint, position, failing_since,
         paused_until, disabled_at, disabled_cause, disabled_by)
    VALUES ($1, 'https://receiver.example.com/', 'A webhook', '{*.*}', 'operator:a', 'f', 1, now(),
            now(), now(), 'OPERATOR', 'operator:a')
"""
WEBHOOK_KEY = """
    INSERT INTO eventstore.webhook_secret (id, endpoint_id, sealed, master_key_id, expires_at)
    VALUES ($1, $1, '', 'm', now() + interval '1 day')
"""
WEBHOOK_ATTEMPT = """
    INSERT INTO eventstore.webhook_attempt
        (endpoint_id, event_id, event_type, position, at, duration, outcome, status)
    VALUES ($1, $1, 'T', 1, now(), '1 s', 'delivered', 204)
"""
SUPPRESSION = """
    INSERT INTO eventstore.email_suppression (email_digest, reason) VALUES ($1, 'bounced')
"""
SUPPRESSION_ACTION = """
    INSERT INTO eventstore.email_suppression_action (email_digest, action, actor, reason)
    VALUES ($1, 'suppressed', 'operator:a', 'bounced')
"""
PREFERENCES = Preferences(quiet_hours=QuietHours(time(22), time(7)), time_zone="Europe/Zurich")
NOTICE = """
    WITH notice AS (
        INSERT INTO eventstore.operator_notice
            (key, kind, subject, order_number, detail, since, closed_at, acknowledged_at,
             acknowledged_by, note)
        VALUES ('saga:o:capture', 'parked_saga', 'o', 'W-1', 'capture: PROVIDER_REFUSED', now(),
                now(), now(), 'operator:a', 'A note')
        RETURNING id
    ), message AS (
        INSERT INTO eventstore.operator_message
            (id, target, digest, state, cause, due_at, ended_at)
        VALUES ($1, 'webhook', '', 'failed', 'gone', NULL, now())
    )
    INSERT INTO eventstore.operator_notice_message (notice_id, target, occasion, message_id)
    SELECT id, 'webhook', 'opened', $1 FROM notice
"""


@pytest.fixture(scope="module")
async def world(module_api: Api, module_pool: Pool) -> World:
    world = World(module_api)
    listed = ProductListed(sku="mug", name="Mug", price=Money(amount=250, currency="EUR"))
    metadata = EventMetadata(correlation_id="mug", actor=f"admin:{world.admin.sub}")
    await module_api.log.store.save_events(
        "product-mug", [NewEvent(uuid4(), listed, metadata)], ANY
    )
    await module_api.log.receive("mug", 12)
    await adjust_stock(module_api, world.operator)
    world.orders = await two_orders(module_api, world.owner, world.operator, module_pool)
    waiting = {"sku": "mug", "order_id": world.orders[1], "quantity": 1}
    await module_api.log.append(
        "inventory-mug", BackorderQueued(**waiting, since=PLACED_AT), BackorderEnded(**waiting)
    )
    rejected = await module_api.logged_order(module_api.viewer())
    reason = RejectionReason.OUT_OF_STOCK
    await module_api.log.append(
        f"order-{rejected}", OrderRejected(order_id=rejected, reason=reason, sku="mug")
    )
    await follow(module_pool)
    await module_pool.execute(PROJECTION_AT_FAULT)
    await module_pool.execute(PARKED_EVENT)
    await module_pool.execute(REBUILD)
    await module_pool.execute(DEAD_LETTER)
    for statement in (WEBHOOK, WEBHOOK_KEY, WEBHOOK_ATTEMPT, NOTICE):
        await module_pool.execute(statement, UUID(WEBHOOK_ID))
    digest = SearchKey(SEARCH_KEY).email_digest(SUPPRESSED)
    for statement in (SUPPRESSION, SUPPRESSION_ACTION):
        await module_pool.execute(statement, digest)
    await PreferenceStore(module_pool).set(world.owner.sub, PREFERENCES)
    for order_id in world.orders:
        await write_notification(module_pool, order_id, "received", "failed", cause="550")
    for viewer in (world.owner, world.operator):
        await subscribed(viewer, Browser())
    await module_pool.execute("UPDATE eventstore.push_subscription SET paused_until = now()")
    return world


async def adjust_stock(api: Api, operator: Viewer) -> None:
    found = StockAdjusted(sku="mug", difference=1, reason=AdjustmentReason.FOUND)
    reserved = InventoryReserved(sku="mug", order_id="an-order-of-none", quantity=1)
    metadata = EventMetadata(correlation_id="mug", actor=f"operator:{operator.sub}")
    events = [NewEvent(uuid4(), event, metadata) for event in (found, reserved)]
    await api.log.store.save_events("inventory-mug", events, ANY)


def of_staff(field: tuple[str, str]) -> bool:
    return Access.STAFF in rules_on(PATHS[field])


@pytest.mark.parametrize("field", PATHS, ids=".".join)
async def test_staff_see_every_field(world: World, field: tuple[str, str]) -> None:
    values, errors = await world.ask(world.operator, field)

    assert (len(values) > 0, errors) == (True, [])


async def test_admins_see_what_operators_see(world: World) -> None:
    order_id = world.orders[0]

    for name, variables in (("Saga", {"orderId": order_id}), ("Order", {"id": order_id})):
        assert await world.admin.run(name, **variables) == await world.operator.run(
            name, **variables
        )


@pytest.mark.parametrize("field", [field for field in PATHS if of_staff(field)], ids=".".join)
async def test_a_customer_does_not_see_a_field_of_staff(
    world: World, field: tuple[str, str]
) -> None:
    is_for_staff_alone = RULES["Query"][PATHS[field][0][1]] is Access.STAFF

    values, errors = await world.ask(world.owner, field)

    assert (values, set(errors)) == ([], {"FORBIDDEN"} if is_for_staff_alone else set())


@pytest.mark.parametrize("field", [field for field in PATHS if not of_staff(field)], ids=".".join)
async def test_a_customer_sees_every_other_field_of_their_orders(
    world: World, field: tuple[str, str]
) -> None:
    values, errors = await world.ask(world.owner, field)

    assert (len(values) > 0, errors) == (True, [])
    assert [secret for secret in SECRETS if secret in json.dumps(values)] == []


@pytest.mark.parametrize("field", PATHS, ids=".".join)
async def test_a_customer_sees_nothing_of_anothers_order(
    world: World, field: tuple[str, str]
) -> None:
    (_, root), *below = PATHS[field]
    values, errors = await world.ask(world.stranger, field)

    if root in {"order", "saga"}:
        assert (values, errors) == ([], ["NOT_FOUND"] * 2)
    elif root == "orders":
        assert [v for v in values if below and "node" in [name for _, name in below]] == []
    elif root == "pushSubscriptions":
        assert (values, errors) == ([], [])
    elif RULES["Query"][root] is Access.STAFF or root == "notificationPreferences":
        assert (values, set(errors)) == ([], {"FORBIDDEN"})
    else:
        assert root in {"product", "products", "vapidPublicKey"}


def test_all_other_types_belong_to_answers_with_their_own_tests() -> None:
    """The tests of mutations, subscriptions and of the timeline of an order cover these types."""
    beyond = {type_name for type_name, _ in FIELDS} - {type_name for type_name, _ in PATHS}
    payloads = {name for name in beyond if name.endswith("Payload")}

    assert beyond - payloads == {
        *("Mutation", "Subscription", "OrderUpdate", "Lagged", "UserError", "AnalyticsTick"),
        *("Notification", "NotificationsStart"),
        *("EventEntry", "InterventionEntry", "StepEntry", "FailureEntry", "ProviderCallEntry"),
        *("WebhookEntry", "NotificationEntry", "DeliveryEntry"),
    }
    # Four of them intervene in sagas. Two more are of projections, two of dead letters, three of
    # webhooks, one of preferences, two of suppressions, one of notices, and two of push
    # subscriptions.
    assert len(payloads) == len(MUTATIONS) - 3 + 2 + 2 + 3 + 1 + 2 + 1 + 2


async def test_a_customer_reads_no_text_of_staff_or_providers_in_a_saga(
    world: World,
) -> None:
    order_id = world.orders[0]
    answer = await world.owner.ask(operation("Saga"), orderId=order_id)

    assert "errors" not in answer
    saga = answer["data"]["saga"]
    assert [secret for secret in SECRETS if secret in json.dumps(saga)] == []
    names = {step["name"] for step in saga["steps"]}
    assert {"reserve", "authorize", "cancel"} <= names
    assert saga["status"] == "FINAL"


async def test_a_customer_sees_a_parked_step_as_running(api: Api, world: World) -> None:
    order_id = await api.logged_order(world.owner)
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    await park(api, order_id, "authorize")

    customers, staff = await both(world, order_id)

    assert (customers["status"], customers["steps"][1]["state"]) == ("FORWARD", "RUNNING")
    assert (staff["status"], staff["steps"][1]["state"]) == ("PARKED", "FAILED")


async def test_a_customer_sees_a_parked_undo_as_undoing(api: Api, world: World) -> None:
    order_id = await api.logged_order(world.owner)
    reason = CancellationReason.CUSTOMER_REQUEST
    await api.log.append(
        f"order-{order_id}",
        OrderReserved(order_id=order_id),
        OrderCancellationRequested(order_id=order_id, reason=reason),
    )
    await park(api, order_id, "release")

    customers, staff = await both(world, order_id)

    reserve = customers["steps"][0]
    assert (customers["status"], reserve["state"], reserve["undo"]["state"]) == (
        *("COMPENSATING", "UNDOING", "UNDOING"),
    )
    reserve = staff["steps"][0]
    assert (staff["status"], reserve["state"], reserve["undo"]["state"]) == (
        *("PARKED", "FAILED", "FAILED"),
    )


async def both(world: World, order_id: str) -> tuple[Json, Json]:
    """Return the saga as its customer and as an operator see it."""
    customers = await world.owner.run("Saga", orderId=order_id)
    return customers, await world.operator.run("Saga", orderId=order_id)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("insufficient_funds", "insufficient_funds"),
        ("expired_card", "expired_card"),
        ("fraudulent", "card_declined"),
        ("stolen_card", "card_declined"),
        ("merchant_blacklist", "card_declined"),
        ("a code that Stripe may add", "card_declined"),
    ],
)
async def test_a_customer_reads_only_declines_that_they_can_act_on(
    api: Api, world: World, code: str, shown: str
) -> None:
    order_id = await api.logged_order(world.owner)
    await decline(api, order_id, code)

    for viewer, expected in ((world.owner, shown), (world.operator, code)):
        order = await viewer.run("Order", id=order_id)
        assert order["payment"]["declineCode"] == expected


async def test_a_subscription_shows_each_viewer_what_a_query_does(api: Api, world: World) -> None:
    order_id = world.orders[0]
    updates = []
    for viewer in (world.owner, world.operator):
        async with viewer.socket() as socket:
            await socket.subscribe(UPDATES, orderId=order_id)
            updates.append(await socket.update())
    of_owner, of_operator = updates

    assert of_owner == {
        "position": of_operator["position"],
        "positionNumber": None,
        "order": {"needsAttention": None, "positionNumber": None},
    }
    number = of_operator["positionNumber"]
    assert number == api.number(of_operator["position"])
    assert of_operator["order"] == {"needsAttention": True, "positionNumber": number}


async def test_an_event_shows_each_viewer_what_a_query_does(api: Api, world: World) -> None:
    """The API executes an update once for all subscribers who may see the same."""
    order_id = await api.logged_order(world.owner)
    async with world.owner.socket() as owners, world.operator.socket() as operators:
        for socket in (owners, operators):
            await socket.subscribe(UPDATES, orderId=order_id)
            await socket.update()
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
        of_owner, of_operator = await owners.update(), await operators.update()

    assert of_owner["order"] == {"needsAttention": None, "positionNumber": None}
    assert of_operator["order"] == {
        "needsAttention": False,
        "positionNumber": api.number(of_owner["position"]),
    }


async def decline(api: Api, order_id: str, code: str) -> None:
    await api.log.append(
        f"payment-{order_id}",
        PaymentRequested(order_id=order_id, attempt=1, amount=EUROS, method="pm_no"),
        PaymentDeclined(order_id=order_id, attempt=1, reference="pi_1", code=code),
    )


Scene = Callable[[Api, Viewer], Awaitable[Json]]
"""Bring an order of the owner to where the mutation succeeds; return the mutation's input."""


async def _placed(_: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.waiting_for_stock(owner)}


async def _delivered(api: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.delivered(api, owner)}


async def _declined(api: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.declined(api, owner), "paymentMethod": VISA}


async def _parked(api: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.parked_at_capture(api, owner), "reason": "the bank is back"}


async def _stock(api: Api, _: Viewer) -> Json:
    sku = f"bowl-{uuid4()}"
    await api.log.list_product(sku)
    return {"sku": sku, "quantity": 1}


async def _noted(_: Api, owner: Viewer) -> Json:
    return {"orderId": await orders.waiting_for_stock(owner), "text": "a note"}


async def _adjustment(api: Api, owner: Viewer) -> Json:
    given = await _stock(api, owner)
    return {"sku": given["sku"], "difference": 1, "reason": "FOUND"}


async def _product(api: Api, owner: Viewer) -> Json:
    return {"sku": (await _stock(api, owner))["sku"]}


async def _price(api: Api, owner: Viewer) -> Json:
    return {**await _product(api, owner), "price": {"amount": 251, "currency": "EUR"}}


async def _listing(_: Api, __: Viewer) -> Json:
    price = {"amount": 250, "currency": "EUR"}
    return {"sku": f"bowl-{uuid4()}", "name": "Bowl", "price": price}


async def _stranger_to_erase(_: Api, __: Viewer) -> Json:
    return {"customerId": f"customer-{uuid4()}", "reason": "CUSTOMER_REQUEST"}


async def _refundable(api: Api, owner: Viewer) -> Json:
    amount = {"amount": 100, "currency": "EUR"}
    return {**await _delivered(api, owner), "amount": amount, "reason": "a scratch"}


async def _differing(api: Api, owner: Viewer) -> Json:
    order_id = await api.logged_order(owner)
    found = DiscrepancyFound(
        order_id=order_id, system=ReconciledSystem.PAYMENT, ours="nothing", theirs="captured 500"
    )
    await api.log.append(f"saga-{order_id}", found)
    return {"orderId": order_id, "system": "PAYMENT", "reason": "the shop bears it"}


async def _new_order(_: Api, __: Viewer) -> Json:
    return an_order()


MUTATIONS: dict[str, Scene] = {
    "placeOrder": _new_order,
    "cancelOrder": _placed,
    "requestReturn": _delivered,
    "retryPayment": _declined,
    "retrySaga": _parked,
    "skipSagaStep": _parked,
    "resolveSaga": _parked,
    "compensateSaga": _parked,
    "receiveStock": _stock,
    "addOrderNote": _noted,
    "adjustStock": _adjustment,
    "listProduct": _listing,
    "changePrice": _price,
    "discontinueProduct": _product,
    "eraseCustomer": _stranger_to_erase,
    "refundOrder": _refundable,
    "acceptDiscrepancy": _differing,
}
EVENTS = "SELECT count(*) FROM eventstore.event WHERE stream_id LIKE '%-' || $1"
"""Count the events of an order, a product or a customer."""


def test_each_mutation_is_tested() -> None:
    of_projections = {"rebuildProjection", "redriveProjection"}  # see test_projections.py
    of_letters = {"redriveDeadLetter", "discardDeadLetter"}  # see test_dead_letters.py
    of_webhooks = {  # see test_webhook_endpoints.py
        *("registerWebhook", "updateWebhook", "disableWebhook", "enableWebhook"),
        *("rotateWebhookSecret", "testWebhook", "replayWebhook"),
    }
    of_preferences = {"setNotificationPreferences"}  # see test_preferences.py
    of_suppressions = {"suppressEmail", "liftEmailSuppression"}  # see test_suppressions.py
    of_notices = {"acknowledgeNotice"}  # see test_operator_notices.py
    of_push = {"subscribeToPush", "unsubscribeFromPush"}  # see test_push_subscriptions.py
    tested = MUTATIONS.keys() | of_projections | of_letters | of_webhooks
    tested |= of_preferences | of_suppressions | of_notices | of_push
    assert tested == RULES["Mutation"].keys()


async def run(viewer: Viewer, mutation: str, given: Json) -> Json:
    name = mutation[0].upper() + mutation[1:]
    text = operation(name).replace("\n    position\n", "\n    position\n    positionNumber\n")
    return await viewer.ask(text, input={"idempotencyKey": str(uuid4()), **given})


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_mutation_that_is_denied_shows_and_changes_nothing(
    api: Api, world: World, module_pool: Pool, mutation: str
) -> None:
    rule = RULES["Mutation"][mutation]
    denied, allowed = {
        Access.VIEWER: ([], [world.owner, world.operator, world.admin]),
        Access.OWNER: ([world.stranger], [world.owner]),
        Access.STAFF: ([world.owner, world.stranger], [world.operator]),
        Access.ADMIN: ([world.owner, world.stranger, world.operator], [world.admin]),
    }[rule]  # type: ignore[index]  # no mutation has a coarse value
    given = await MUTATIONS[mutation](api, world.owner)
    subject = given.get("orderId") or given.get("sku") or given.get("customerId")
    api.temporal.forget()
    before = await module_pool.fetchval(EVENTS, subject)

    for viewer in denied:
        answer = await run(viewer, mutation, given)
        if rule is Access.OWNER:
            payload = answer["data"][mutation]
            assert [error["code"] for error in payload.pop("userErrors")] == ["NOT_FOUND"]
            assert set(payload.values()) == {None}
        else:
            assert answer["data"] is None
            (error,) = answer["errors"]
            assert error["extensions"] == {"code": "FORBIDDEN"}
            assert isinstance(rule, Access)
            assert error["message"] == f"{mutation} is for {rule.value}: sign in as one"

    assert await module_pool.fetchval(EVENTS, subject) == before
    assert api.temporal.workflow_ids == []
    for viewer in allowed:
        answer = await run(viewer, mutation, given)
        payload = answer["data"][mutation]
        assert payload["userErrors"] == []
        number = api.number(payload["position"])
        assert payload["positionNumber"] == (None if viewer.role == "customer" else number)


@pytest.mark.parametrize("field", [field for type_, field in PATHS if type_ == "Query"])
async def test_reading_needs_a_token(api: Api, world: World, field: str) -> None:
    body = {"query": document(PATHS["Query", field]), "variables": {"id": world.orders[0]}}
    response = await api.http.post("/graphql", json=body)

    assert (response.status_code, response.json().get("data")) == (401, None)
