"""Run the library peer: the projection runner of `eventsourcing`, with one transaction an event.

Its application holds the same facts. Its view has the same table and indexes as ours, and each
event changes one row and the tracking record, as the library's own examples do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from time import perf_counter
from typing import Any, Final
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent, datetime_now_with_tzinfo
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from benchmarks.projections.order_log import events_of_an_order
from database_url import DatabaseUrl
from domain.order.events import OrderCreated
from domain.order.state import status_after
from stack.postgres import connected

NAME: Final = f"eventsourcing {version('eventsourcing')} (ProjectionRunner, psycopg)"
TIMEOUT_SECONDS: Final = 600.0
ORDERS_AT_ONCE: Final = 100

_EMPTY: Final = """
    DROP TABLE IF EXISTS peer_order_view, order_view_tracking;
    CREATE TABLE peer_order_view (LIKE readmodel.order_view INCLUDING ALL)
"""
_INSERT: Final = """
    INSERT INTO peer_order_view
        (order_id, number, customer_id, status, currency, total, price, discount_code, lines,
         fingerprint, promises, reference, metadata, placed_at, updated_at, placed_position,
         position)
    VALUES
        (%(order_id)s, %(number)s, %(customer_id)s, %(status)s, %(currency)s, %(total)s, %(price)s,
         %(discount_code)s, %(lines)s, %(fingerprint)s, %(promises)s, %(reference)s, %(metadata)s,
         %(at)s, %(at)s, %(position)s, %(position)s)
"""
_UPDATE: Final = """
    UPDATE peer_order_view SET status = %(status)s, updated_at = %(at)s, position = %(position)s
    WHERE order_id = %(order_id)s
"""


@dataclass(frozen=True)
class OrderPlaced(DomainEvent):
    status: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class OrderMoved(DomainEvent):
    status: str


class Orders(Application[UUID]):
    name = "orders"


class OrderView(PostgresTrackingRecorder):
    """The view's table, and its changes with the tracking record in one transaction."""

    def change(self, statement: str, values: Mapping[str, object], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(statement, values, prepare=True)


class OrderProjection(Projection[OrderView]):
    name = "order_view"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401 - as the library declares it
        values = {
            "order_id": str(domain_event.originator_id),
            "status": domain_event.status,
            "at": domain_event.timestamp,
            "position": tracking.notification_id,
        }
        if isinstance(domain_event, OrderPlaced):
            self.view.change(_INSERT, values | _columns(domain_event.facts), tracking)
        else:
            self.view.change(_UPDATE, values, tracking)


def _columns(facts: dict[str, Any]) -> dict[str, object]:
    columns = ("number", "customer_id", "discount_code", "fingerprint", "reference")
    documents = ("price", "lines", "promises", "metadata")
    return {
        **{name: facts[name] for name in columns},
        **{name: json.dumps(facts[name]) for name in documents},
        "currency": facts["price"]["currency"],
        "total": facts["price"]["total"],
    }


@dataclass(frozen=True)
class EventsourcingPeer:
    """A log of this many orders in the library's tables, and the runs that project it."""

    url: str
    orders: int

    def fill(self) -> None:
        with Orders(self._env) as application:
            for _ in range(0, self.orders, ORDERS_AT_ONCE):
                application.recorder.insert_events(
                    [
                        application.mapper.to_stored_event(event)
                        for _ in range(ORDERS_AT_ONCE)
                        for event in _events(uuid4())
                    ]
                )

    async def rate(self) -> float:
        """Project the log into an empty view, and return the events a second."""
        async with connected(self.url) as connection:
            await connection.execute(_EMPTY)
        return await asyncio.to_thread(self._project)

    def _project(self) -> float:
        with Orders(self._env) as application:
            last = application.recorder.max_notification_id() or 0
        began = perf_counter()
        with ProjectionRunner(
            application_class=Orders,
            projection_class=OrderProjection,
            view_class=OrderView,
            env=self._env,
        ) as runner:
            runner.wait(last, timeout=TIMEOUT_SECONDS)
            return last / (perf_counter() - began)

    @cached_property
    def _env(self) -> Mapping[str, str]:
        parsed = DatabaseUrl.parse(self.url)
        host, port = parsed.servers[0]
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parsed.database,
            "POSTGRES_HOST": host,
            "POSTGRES_PORT": str(port),
            "POSTGRES_USER": parsed.user or "",
            "POSTGRES_PASSWORD": parsed.password or "",
        }


def _events(order_id: UUID) -> list[DomainEvent]:
    at = datetime_now_with_tzinfo()
    made: list[DomainEvent] = []
    for number, event in enumerate(events_of_an_order(str(order_id)), start=1):
        status = status_after(event).value
        if isinstance(event, OrderCreated):
            facts = event.model_dump(mode="json")
            made.append(OrderPlaced(order_id, number, at, status, facts))
        else:
            made.append(OrderMoved(order_id, number, at, status))
    return made
