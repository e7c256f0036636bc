"""A rolling restart under load loses no order, fails no request, and delays nothing by a second."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from kit.eventually import eventually
from kit.local_http import local_client
from stack.tokens import Role
from tests.e2e.orders import ask, effects
from tests.e2e.rolling import ENDED_BY_ITSELF, Cluster, Window, running_cluster, stopped
from tests.e2e.shop import SERVICE_RESTART, Shop, opened_shop

SECONDS_BETWEEN_ORDERS = 0.8
MAX_DELAY_SECONDS = 1.0

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(240)]
# `make matrix` runs nothing beside it: a busy machine delays more than the bound.


async def receive_stock(cluster: Cluster) -> None:
    headers = {"Authorization": f"Bearer {cluster.system.token(Role.OPERATOR, 'stock')}"}
    async with local_client(base_url=cluster.url, headers=headers, timeout=20) as http:
        receipt = {"idempotencyKey": str(uuid4()), "sku": "TEA-01", "quantity": 9000}
        await ask(http, "ReceiveStock", input=receipt)


async def test_a_rolling_restart_under_load_fails_nothing_and_delays_nothing_by_a_second(
    tmp_path: Path,
) -> None:
    async with (
        running_cluster(tmp_path) as cluster,
        opened_shop(cluster.system, cluster.url) as shop,
    ):
        await receive_stock(cluster)
        following = asyncio.create_task(shop.follow())
        await shop.follows.wait()
        enough = asyncio.Event()
        ordering = asyncio.create_task(shop.order_each(SECONDS_BETWEEN_ORDERS, enough))
        usual = Window()
        await cluster.grow()  # the start of a process takes its share of the machine, then as now
        usual.end()
        rolling = Window()
        await cluster.restart_each()
        rolling.end()
        enough.set()
        await ordering
        await eventually(lambda: len(shop.delivered) >= len(shop.placings), 60)
        await stopped(following)

        assert cluster.exits
        assert set(cluster.exits) <= ENDED_BY_ITSELF
        await nothing_failed(cluster, shop)
        assert shop.closes
        assert set(shop.closes) == {SERVICE_RESTART}
        assert shop.slowest(rolling) <= shop.slowest(usual) + MAX_DELAY_SECONDS
        steps = await cluster.step_seconds()
        before = max(seconds for at, seconds in steps if usual.began_at <= at < usual.ended_at)
        during = max(seconds for at, seconds in steps if rolling.began_at <= at)
        assert during <= before + MAX_DELAY_SECONDS


async def nothing_failed(cluster: Cluster, shop: Shop) -> None:
    """Each request got its order; each order was delivered, paid and sent once."""
    assert shop.failures == []
    orders = set(shop.order_ids)
    assert len(orders) == len(shop.placings)
    assert shop.delivered == dict.fromkeys(orders, 1)
    ports = cluster.system.ports
    for order_id in orders:
        assert await effects(ports.payment_simulator_port, order_id) == {
            "authorized": 1,
            "captured": 1,
        }
        assert await effects(ports.carrier_simulator_port, order_id) == {
            "created": 1,
            "dispatched": 1,
            "delivered": 1,
        }
