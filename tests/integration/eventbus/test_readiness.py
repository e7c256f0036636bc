"""`/readyz` and `/metrics` report the state of the bus."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from eventbus.nats.stream import CONFIG
from kit.eventually import eventually
from kit.local_http import local_client
from settings import Bus, Settings
from stack.servers import Servers
from tests.support.api_client import served
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker
from tests.support.republishing import lines_of


@pytest.fixture
async def http(
    servers: Servers, database_url: str, broker: NatsBroker
) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        database_url=SecretStr(database_url),
        temporal_address=servers.temporal_address,
        bus=Bus.NATS,
        nats_url=broker.url,
        jwt_secret=SecretStr(secrets.token_urlsafe(32)),
        payload_key=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        master_key=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        search_key=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        carrier_url="http://127.0.0.1:9",
        carrier_api_key=SecretStr(secrets.token_urlsafe(32)),
        payment_webhook_secret=SecretStr(f"whsec_{secrets.token_hex(32)}"),
        carrier_webhook_secret=SecretStr(f"whsec_{base64.b64encode(os.urandom(32)).decode()}"),
    )
    async with (
        served(create_app(settings)) as url,
        local_client(base_url=url, timeout=10) as http,
    ):
        yield http


async def says(http: httpx.AsyncClient, status: str, detail: str | None = None) -> None:
    """Wait until `/readyz` reports this of the bus. It may repeat an answer for a second."""

    async def is_said() -> bool:
        body = (await http.get("/readyz")).json()
        check = body["checks"]["bus"]
        assert check["required"] is False
        assert check["status"] == "ok" or body["status"] != "ready"
        return (check["status"], check.get("detail")) == (status, detail)

    await eventually(is_said)


async def shows(http: httpx.AsyncClient, metric: str, value: float) -> None:
    """Wait until `/metrics` has this value. It may repeat a value for a second."""

    async def is_shown() -> bool:
        lines = (await http.get("/metrics")).raise_for_status().text.splitlines()
        return f"{metric} {value}" in lines

    await eventually(is_shown)


async def test_readiness_is_degraded_until_what_the_bus_lost_is_published_again(
    log: Log, broker: NatsBroker, http: httpx.AsyncClient
) -> None:
    await log.append(3)
    async with log.relaying():
        await log.relayed_to(3)
        await says(http, "ok")
        await shows(http, "waybill_bus_missing_to_position", 0.0)

        await broker.restart_empty()
        await log.lacks_to(3)
        await log.has_no_fault()
        await says(
            http,
            "failing",
            "the bus is empty up to position 3: publish these events again with"
            " `make republish FROM=<position>`",
        )
        await shows(http, "waybill_bus_missing_to_position", 3.0)

        await lines_of(log, 1)
        await says(http, "ok")
        await shows(http, "waybill_bus_missing_to_position", 0.0)


async def test_readiness_reports_the_faults_of_the_relay(
    log: Log, broker: NatsBroker, http: httpx.AsyncClient
) -> None:
    async with broker.jetstream() as stream:
        await stream.add_stream(replace(CONFIG, max_age=3600))
    await shows(http, "waybill_bus_faulty", 0.0)
    async with log.relaying():
        await log.has_fault("max_age")
    await says(
        http,
        "failing",
        "stream WAYBILL is set up otherwise: max_age is 3600.0, not 604800.0",
    )
    await shows(http, "waybill_bus_faulty", 1.0)
