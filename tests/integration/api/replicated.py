"""An API process whose queries read from a replica, and what its tests ask of it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from pydantic import SecretStr

from api.app import create_app
from domain.order.events import OrderReserved
from kit.local_http import local_client
from kit.pool import Connection
from settings import Settings
from tests.support.api_client import Api, Json, Viewer, served
from tests.support.keys import PAYLOAD_KEY
from tests.support.replica import Replica

STATUS = "query ($id: ID!, $at: Position) { order(id: $id, minPosition: $at) { status } }"
LIST = "query ($at: Position) { orders(minPosition: $at) { edges { node { id status } } } }"
DELAYS = (
    # The API's role may not skip the policy, so its reads of orders on the replica take a minute.
    "ALTER TABLE readmodel.order_view ENABLE ROW LEVEL SECURITY",
    (
        "CREATE POLICY slow ON readmodel.order_view USING"
        " (NOT pg_is_in_recovery() OR pg_sleep(60) IS NOT NULL) WITH CHECK (true)"
    ),
)
NO_DELAYS = (
    "DROP POLICY slow ON readmodel.order_view",
    "ALTER TABLE readmodel.order_view DISABLE ROW LEVEL SECURITY",
)
IS_READING = """
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE wait_event = 'PgSleep' AND query LIKE '%order_view%' AND pid <> pg_backend_pid()
"""
CONFLICTS = "SELECT sum(confl_lock) FROM pg_stat_database_conflicts"


@asynccontextmanager
async def over_replica(
    api: Api, settings: Settings, replica: Replica, **changes: object
) -> AsyncIterator[Api]:
    """Serve an API process of its own, whose queries read from the replica."""
    url = replica.url_of(settings.api_database_url.get_secret_value())
    own = settings.model_copy(
        update={
            "query_database_url": SecretStr(url),
            "task_queue": api.sagas.task_queue,
            "payload_key": SecretStr(base64.b64encode(PAYLOAD_KEY).decode()),
            **changes,
        }
    )
    async with served(create_app(own)) as url, local_client(base_url=url, timeout=15) as http:
        yield replace(api, url=url, settings=own, http=http)


@asynccontextmanager
async def slow_orders(replica: Replica) -> AsyncIterator[Connection]:
    """Make each read of an order on the replica slow; yield a connection to the primary."""
    async with replica.primary.acquire() as owner:
        for statement in DELAYS:
            await owner.execute(statement)
        await replica.catch_up()
        try:
            yield owner
        finally:
            for statement in NO_DELAYS:
                await owner.execute(statement)


async def status(viewer: Viewer, order_id: str, position: str | None = None) -> str:
    answer = await viewer.ask(STATUS, id=order_id, at=position)
    assert "errors" not in answer, answer
    return str(answer["data"]["order"]["status"])


async def listed(viewer: Viewer) -> list[Json]:
    return [edge["node"] for edge in (await viewer.ask(LIST))["data"]["orders"]["edges"]]


async def reserve(api: Api, order_id: str) -> str:
    """Append to the order; return the sealed position of the event."""
    position = await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    return api.position(position)


async def replica_check(api: Api) -> Json:
    check: Json = (await api.http.get("/readyz")).json()["checks"]["replica"]
    return check


async def is_usable(api: Api) -> bool:
    return bool((await replica_check(api))["status"] == "ok")
