"""Give every field that a query can reach a value, for each kind of viewer to ask for."""

from __future__ import annotations

from datetime import time
from uuid import UUID, uuid4

from domain.inventory.commands import AdjustmentReason
from domain.inventory.events import (
    BackorderEnded,
    BackorderQueued,
    InventoryReserved,
    StockAdjusted,
)
from domain.money import Money
from domain.order.commands import RejectionReason
from domain.order.events import OrderRejected
from domain.product.events import ProductListed
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.privacy.search_key import SearchKey
from eventstore.versions import ANY
from kit.pool import Pool
from notifications.preferences import Preferences, PreferenceStore
from notifications.quiet_hours import QuietHours
from tests.integration.api.selecting import SUPPRESSED, WEBHOOK_ID, document, paths, values_at
from tests.integration.api.test_push_subscriptions import subscribed
from tests.integration.api.world import two_orders
from tests.support.analytics import follow
from tests.support.api_client import Api, Viewer
from tests.support.keys import SEARCH_KEY
from tests.support.notification_rows import write_notification
from tests.support.order_parts import PLACED_AT
from tests.support.push import Browser

PATHS = paths()


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


async def a_world(api: Api, pool: Pool) -> World:
    world = World(api)
    listed = ProductListed(sku="mug", name="Mug", price=Money(amount=250, currency="EUR"))
    metadata = EventMetadata(correlation_id="mug", actor=f"admin:{world.admin.sub}")
    await api.log.store.save_events("product-mug", [NewEvent(uuid4(), listed, metadata)], ANY)
    await api.log.receive("mug", 12)
    await adjust_stock(api, world.operator)
    world.orders = await two_orders(api, world.owner, world.operator, pool)
    waiting = {"sku": "mug", "order_id": world.orders[1], "quantity": 1}
    await api.log.append(
        "inventory-mug", BackorderQueued(**waiting, since=PLACED_AT), BackorderEnded(**waiting)
    )
    rejected = await api.logged_order(api.viewer())
    reason = RejectionReason.OUT_OF_STOCK
    await api.log.append(
        f"order-{rejected}", OrderRejected(order_id=rejected, reason=reason, sku="mug")
    )
    await follow(pool)
    await pool.execute(PROJECTION_AT_FAULT)
    await pool.execute(PARKED_EVENT)
    await pool.execute(REBUILD)
    await pool.execute(DEAD_LETTER)
    for statement in (WEBHOOK, WEBHOOK_KEY, WEBHOOK_ATTEMPT, NOTICE):
        await pool.execute(statement, UUID(WEBHOOK_ID))
    digest = SearchKey(SEARCH_KEY).email_digest(SUPPRESSED)
    for statement in (SUPPRESSION, SUPPRESSION_ACTION):
        await pool.execute(statement, digest)
    await PreferenceStore(pool).set(world.owner.sub, PREFERENCES)
    for order_id in world.orders:
        await write_notification(pool, order_id, "received", "failed", cause="550")
    for viewer in (world.owner, world.operator):
        await subscribed(viewer, Browser())
    await pool.execute("UPDATE eventstore.push_subscription SET paused_until = now()")
    return world


async def adjust_stock(api: Api, operator: Viewer) -> None:
    found = StockAdjusted(sku="mug", difference=1, reason=AdjustmentReason.FOUND)
    reserved = InventoryReserved(sku="mug", order_id="an-order-of-none", quantity=1)
    metadata = EventMetadata(correlation_id="mug", actor=f"operator:{operator.sub}")
    events = [NewEvent(uuid4(), event, metadata) for event in (found, reserved)]
    await api.log.store.save_events("inventory-mug", events, ANY)
