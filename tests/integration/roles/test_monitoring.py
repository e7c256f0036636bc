"""A worker serves its own health, readiness and metrics where a port is set."""

from __future__ import annotations

import base64
import contextlib
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from kit.listening import CannotListen
from kit.local_http import local_client
from kit.pool import Pool, create_pool
from observability import page
from observability.work import COMMANDS
from providers.breaker import Breaker, BreakerLimits, Breakers
from providers.errors import ProviderUnavailable
from roles.monitoring import monitored
from roles.role import Role
from settings import Bus, Settings
from stack.servers import Servers
from tests.support.simulators import free_port

NO_SERVER = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def _fresh_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "KEPT_SECONDS", 0.0)


@pytest.fixture
def settings(servers: Servers) -> Settings:
    return Settings(
        temporal_address=servers.temporal_address,
        nats_url=servers.nats_url,
        payload_key=SecretStr(base64.b64encode(os.urandom(32)).decode()),
        worker_http_port=free_port(),
    )


def changed(settings: Settings, **changes: object) -> Settings:
    return settings.model_copy(update=changes)


async def ready(settings: Settings, roles: Sequence[Role], pool: Pool) -> tuple[int, str, Any]:
    """Return the status of `/readyz`, its word, and the status of each check."""
    async with monitored(settings, roles, pool, None), client(settings) as http:
        assert (await http.get("/healthz")).json() == {"status": "alive"}
        answer = await http.get("/readyz")
    body = answer.json()
    checks = {name: (check["status"], check["required"]) for name, check in body["checks"].items()}
    return answer.status_code, body["status"], checks


def client(settings: Settings) -> httpx.AsyncClient:
    return local_client(base_url=f"http://127.0.0.1:{settings.worker_http_port}", timeout=10)


async def test_a_worker_checks_what_its_roles_need(settings: Settings, pool: Pool) -> None:
    database, temporal, bus = ("ok", True), ("ok", True), ("ok", False)

    assert await ready(settings, list(Role), pool) == (
        *(200, "ready", {"database": database, "temporal": temporal, "bus": bus}),
    )
    assert await ready(settings, [Role.HEAD], pool) == (200, "ready", {"database": database})


async def test_a_worker_without_temporal_is_not_ready_only_if_it_runs_sagas(
    settings: Settings, pool: Pool
) -> None:
    settings = changed(settings, temporal_address=NO_SERVER)

    status, word, checks = await ready(settings, [Role.SAGAS, Role.HEAD], pool)
    assert (status, word, checks["temporal"]) == (503, "not ready", ("failing", True))
    assert (await ready(settings, [Role.PROJECTIONS], pool))[0] == 200


async def test_a_worker_without_the_bus_is_degraded(settings: Settings, pool: Pool) -> None:
    settings = changed(settings, nats_url=f"nats://{NO_SERVER}")

    status, word, checks = await ready(settings, [Role.RELAY], pool)
    assert (status, word, checks["bus"]) == (200, "degraded", ("failing", False))


@pytest.mark.parametrize("provider", ["payments", "carrier"])
async def test_a_worker_whose_provider_is_down_for_everybody_is_degraded(
    settings: Settings, pool: Pool, provider: str
) -> None:
    breakers = Breakers(BreakerLimits(20, 0.5, timedelta(seconds=5)))
    breaker: Breaker = getattr(breakers, provider)
    outage = ProviderUnavailable(provider, "get", "timeout", is_outage=True)
    while not breaker.is_open:
        with contextlib.suppress(ProviderUnavailable), breaker.guarding("get"):
            raise outage

    roles = [Role.SAGAS]
    async with monitored(settings, roles, pool, None, breakers), client(settings) as http:
        answer = await http.get("/readyz")
        lines = (await http.get("/metrics")).text.splitlines()

    checks = answer.json()["checks"]
    other = ({"payments", "carrier"} - {provider}).pop()
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert (checks[provider]["status"], checks[provider]["required"]) == ("failing", False)
    assert checks[provider]["detail"].startswith("paused for 0 s: ")
    assert checks[other]["status"] == "ok"
    assert f'waybill_provider_breaker_open{{provider="{provider}"}} 1.0' in lines
    assert f'waybill_provider_breaker_open{{provider="{other}"}} 0.0' in lines


async def test_a_worker_without_the_database_is_not_ready(settings: Settings) -> None:
    async with await create_pool(f"postgresql://u:p@{NO_SERVER}/none") as pool:
        status, word, checks = await ready(settings, [Role.HEAD], pool)
    assert (status, word, checks["database"]) == (503, "not ready", ("failing", True))


async def test_the_metrics_are_the_checks_and_the_work_of_the_process(
    settings: Settings, pool: Pool
) -> None:
    COMMANDS.labels("Tested", "accepted").inc()
    async with monitored(settings, [Role.HEAD], pool, None), client(settings) as http:
        lines = (await http.get("/metrics")).text.splitlines()

    assert "waybill_ready 1.0" in lines
    assert 'waybill_check_passing{check="database",required="true"} 1.0' in lines
    assert 'waybill_commands_total{command="Tested",outcome="accepted"} 1.0' in lines
    assert not any("parked_sagas" in line or "_created" in line for line in lines)


async def test_the_metrics_are_shown_while_those_of_temporal_do_not_answer(
    settings: Settings, pool: Pool
) -> None:
    away = f"http://{NO_SERVER}/metrics"
    async with monitored(settings, [Role.HEAD], pool, away), client(settings) as http:
        assert "waybill_ready 1.0" in (await http.get("/metrics")).text.splitlines()


async def test_no_port_is_opened_where_none_is_set(settings: Settings, pool: Pool) -> None:
    async with (
        monitored(changed(settings, worker_http_port=0), list(Role), pool, None),
        client(settings) as http,
    ):
        with pytest.raises(httpx.ConnectError):
            await http.get("/healthz")


async def test_a_port_that_is_taken_is_named(settings: Settings, pool: Pool) -> None:
    async with monitored(settings, [Role.HEAD], pool, None):
        with pytest.raises(CannotListen, match=r"^WAYBILL_WORKER_HTTP_PORT cannot be listened on"):
            async with monitored(settings, [Role.HEAD], pool, None):
                pass


async def test_a_worker_stays_ready_without_the_mail_server_the_providers_and_a_replica(
    settings: Settings, pool: Pool
) -> None:
    settings = changed(
        settings,
        smtp_url=SecretStr(f"smtp://{NO_SERVER}"),
        payment_url=f"http://{NO_SERVER}",
        carrier_url=f"http://{NO_SERVER}",
        query_database_url=SecretStr(f"postgresql://u:p@{NO_SERVER}/none"),
    )
    status, word, checks = await ready(settings, list(Role), pool)
    assert (status, word) == (200, "ready")
    assert checks.keys() == {"database", "temporal", "bus"}


async def test_each_check_of_a_worker_names_its_age(settings: Settings, pool: Pool) -> None:
    settings = changed(settings, nats_url=f"nats://{NO_SERVER}")
    async with monitored(settings, list(Role), pool, None), client(settings) as http:
        checks = (await http.get("/readyz")).json()["checks"]
    assert {name: check["status"] for name, check in checks.items()} == {
        "database": "ok",
        "temporal": "ok",
        "bus": "failing",
    }
    for check in checks.values():
        assert 0 <= check["age_seconds"] < 30


async def test_a_worker_without_kafka_is_degraded(settings: Settings, pool: Pool) -> None:
    settings = changed(settings, bus=Bus.KAFKA, kafka_bootstrap=NO_SERVER)
    status, word, checks = await ready(settings, [Role.RELAY], pool)
    assert (status, word, checks["bus"]) == (200, "degraded", ("failing", False))
