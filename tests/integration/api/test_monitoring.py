"""Health, readiness and metrics have a separate port."""

from __future__ import annotations

import asyncio

import pytest

from api.app import create_app
from api.monitoring import require_ports
from kit.listening import CannotListen
from kit.local_http import local_client
from settings import Settings
from tests.support.api_client import served
from tests.support.simulators import free_port

PATHS = ("/healthz", "/readyz", "/metrics")


@pytest.fixture
def apart(real_settings: Settings) -> Settings:
    return real_settings.model_copy(update={"monitoring_port": free_port()})


async def statuses(url: str) -> list[int]:
    async with local_client(base_url=url, timeout=10) as http:
        return [(await http.get(path)).status_code for path in PATHS]


async def test_monitoring_has_its_own_port_where_it_is_set(apart: Settings) -> None:
    async with served(create_app(apart)) as url:
        beside = f"http://127.0.0.1:{apart.monitoring_port}"

        assert await statuses(url) == [404, 404, 404]
        assert await statuses(beside) == [200, 503, 200]
        async with local_client(base_url=beside) as http:
            assert (await http.post("/graphql", json={})).status_code == 404


async def test_a_monitoring_port_that_is_taken_is_named(apart: Settings) -> None:
    port, own = apart.monitoring_port, free_port()
    async with served(create_app(apart)):
        with pytest.raises(CannotListen) as refused:
            require_ports(apart, "127.0.0.1", own)
    require_ports(apart, "127.0.0.1", own)

    assert str(refused.value) == (
        "WAYBILL_MONITORING_PORT cannot be listened on: Address already in use "
        f"(while attempting to bind on address ('127.0.0.1', {port}))"
    )


def test_one_port_for_the_api_and_its_monitoring_is_refused_by_both_names(apart: Settings) -> None:
    port = apart.monitoring_port
    with pytest.raises(CannotListen) as refused:
        require_ports(apart, "0.0.0.0", port)  # noqa: S104 - nothing listens on it

    assert str(refused.value) == (
        f"WAYBILL_MONITORING_PORT and --port cannot be listened on: both are {port}: "
        "use two different ports"
    )


async def test_a_flood_of_scrapes_asks_the_database_once(
    real_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.metrics.KEPT_SECONDS", 60.0)
    asked = 0

    async def counted(*_: object) -> tuple[()]:
        nonlocal asked
        asked += 1
        return ()

    monkeypatch.setattr("api.metrics._show_database", counted)
    async with (
        served(create_app(real_settings)) as url,
        local_client(base_url=url, timeout=10) as http,
    ):
        answers = await asyncio.gather(*(http.get("/metrics") for _ in range(50)))

    assert {answer.status_code for answer in answers} == {200}
    assert asked == 1
