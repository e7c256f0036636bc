"""The worker of a running system tells what it does."""

from __future__ import annotations

import httpx

from kit.eventually import eventually
from kit.local_http import local_client
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import THERE, an_order, ask

SHOWN = (
    'waybill_commands_total{command="PlaceOrder",outcome="accepted"}',
    'waybill_sagas_total{outcome="completed",saga="order"}',
    'waybill_saga_seconds_count{outcome="captured",saga="payment"}',
    'waybill_event_processing_seconds_count{consumer="relay"}',
    'waybill_event_processing_seconds_count{consumer="projection analytics"}',
    'waybill_provider_call_seconds_count{operation="authorize",outcome="ok",provider="payments"}',
    'waybill_parcel_capture_seconds_bucket{le="300.0"} ',
    'waybill_pool_connections{pool="worker",state="max"} 20.0',
    'waybill_pool_connections{pool="projections",state="max"}',
    "temporal_worker_task_slots_available",
    "temporal_sticky_cache_size",
)


async def test_a_worker_counts_commands_sagas_and_events_and_shows_temporals_own_metrics(
    system: System,
) -> None:
    (url,) = system.worker_urls
    headers = {"Authorization": f"Bearer {system.token(Role.CUSTOMER, 'metered')}"}
    async with local_client(base_url=system.url, headers=headers, timeout=20) as http:
        placed = (await ask(http, "PlaceOrder", input=an_order(THERE)))["placeOrder"]
        assert placed["userErrors"] == []

    async with local_client(base_url=url, timeout=10) as http:
        assert (await http.get("/readyz")).json()["status"] == "ready"
        await eventually(lambda: _shows_all(http))


async def _shows_all(http: httpx.AsyncClient) -> bool:
    page = (await http.get("/metrics")).text
    return all(f"\n{series}" in page for series in SHOWN)
