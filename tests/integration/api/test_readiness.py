"""`/readyz` separates the checks that an order needs from those that only warn."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from api.app import create_app
from eventbus import record
from eventstore.head import HeadAnnouncer
from eventstore.heartbeat import PROCESS, record_polling
from kit.leadership import leading
from kit.local_http import local_client
from kit.pool import Pool
from settings import Settings
from stack.postgres import connected, sibling
from stack.servers import Servers
from stored_format import STORED_FORMAT
from temporal.promote import current_build
from tests.integration.api.test_http import metric
from tests.support.api_client import Api, Json, served
from tests.support.letters import store_letter, store_waiting

NO_NATS = "nats://127.0.0.1:1"
OK = {
    "database": ("ok", True),
    "temporal": ("ok", True),
    "workers": ("ok", True),
    "head": ("ok", False),
    "checkpoints": ("ok", False),
    "projections": ("ok", False),
    "reconciliation": ("ok", False),
    "dead_letters": ("ok", False),
    "webhooks": ("ok", False),
    "bus": ("ok", False),
    "relay": ("ok", False),
    "carrier": ("ok", False),
}


@pytest.fixture
async def build(servers: Servers) -> str:
    return await current_build(await Client.connect(servers.temporal_address))


@pytest.fixture
async def leaders(module_pool: Pool) -> AsyncIterator[None]:
    """Lead the head announcer and the relay, as a worker does."""
    leads = asyncio.Event()

    async def lead_relay() -> None:
        async with leading(module_pool, record.NAME):
            leads.set()
            await asyncio.Event().wait()

    jobs = {
        asyncio.create_task(HeadAnnouncer(module_pool).run()),
        asyncio.create_task(lead_relay()),
    }
    await leads.wait()
    yield
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)


@pytest.fixture
async def polled(module_pool: Pool, build: str) -> None:
    """Poll as a worker of the current build."""
    await record_polling(module_pool, "waybill", build)


async def ready(settings: Settings) -> httpx.Response:
    async with (
        served(create_app(settings)) as url,
        local_client(base_url=url, timeout=10) as http,
    ):
        return await http.get("/readyz")


def outcomes(response: httpx.Response) -> dict[str, tuple[str, bool]]:
    """Return the status of each check, and whether it is required."""
    checks = response.json()["checks"]
    return {name: (check["status"], check["required"]) for name, check in checks.items()}


def detail(response: httpx.Response, check: str) -> str:
    return str(response.json()["checks"][check]["detail"])


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_ready_when_every_dependency_answers(real_settings: Settings) -> None:
    response = await ready(real_settings)

    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert outcomes(response) == OK
    answer: Json = response.json()["checks"]["database"]
    assert answer.keys() == {"status", "required", "age_seconds"}
    assert 0 <= answer["age_seconds"] < 10


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_not_ready_on_a_database_of_another_stored_format(
    real_settings: Settings, module_owner_url: str
) -> None:
    async with connected(module_owner_url) as owner:
        await owner.execute("UPDATE eventstore.stored_format SET format = format - 1")
        try:
            response = await ready(real_settings)
        finally:
            await owner.execute("UPDATE eventstore.stored_format SET format = format + 1")

    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert outcomes(response) == OK | {"database": ("failing", True)}
    assert detail(response, "database") == (
        f"the database holds stored format {STORED_FORMAT - 1}, and this code reads "
        f"{STORED_FORMAT}: use an empty database, and run `alembic upgrade head` there"
    )


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_degraded_when_only_the_bus_is_away(real_settings: Settings) -> None:
    response = await ready(real_settings.model_copy(update={"nats_url": NO_NATS}))

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert outcomes(response) == OK | {"bus": ("failing", False)}


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_ready_without_the_providers_and_the_mail_server(
    real_settings: Settings,
) -> None:
    changes = {
        "payment_url": "http://127.0.0.1:1",
        "carrier_url": "http://127.0.0.1:1",
        "smtp_url": SecretStr("smtp://127.0.0.1:1"),
    }
    response = await ready(real_settings.model_copy(update=changes))

    assert (response.status_code, response.json()["status"]) == (200, "ready")
    assert outcomes(response) == OK


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_degraded_without_its_replica(real_settings: Settings) -> None:
    away = SecretStr("postgresql+asyncpg://u:p@127.0.0.1:1/d")
    response = await ready(real_settings.model_copy(update={"query_database_url": away}))

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert outcomes(response) == OK | {"replica": ("failing", False)}


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_not_ready_when_a_check_fails_and_another_hangs(
    real_settings: Settings,
) -> None:
    with silent_port() as port:
        changes = {
            "nats_url": NO_NATS,
            "api_database_url": f"postgresql+asyncpg://u:p@127.0.0.1:{port}/d",
        }
        settings = Settings.model_validate(real_settings.model_dump() | changes)
        async with asyncio.timeout(8):
            response = await ready(settings)

    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert outcomes(response)["database"] == ("failing", True)
    assert outcomes(response)["temporal"] == ("ok", True)
    assert outcomes(response)["bus"] == ("failing", False)


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_starts_without_temporal_and_is_not_ready(
    real_settings: Settings,
) -> None:
    settings = real_settings.model_copy(update={"temporal_address": "127.0.0.1:1"})
    response = await ready(settings)

    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert outcomes(response)["temporal"] == ("failing", True)
    assert outcomes(response)["database"] == ("ok", True)


@pytest.mark.parametrize(
    "hostile",
    ["default_transaction_read_only = on", "temp_file_limit = 0"],
    ids=["as a standby", "as a full disk"],
)
@pytest.mark.usefixtures("leaders", "polled")
async def test_a_database_that_takes_no_writes_is_not_ready(
    real_settings: Settings, module_owner_url: str, hostile: str
) -> None:
    name = module_owner_url.rpartition("/")[2]
    async with connected(sibling(module_owner_url, "postgres")) as connection:
        await connection.execute(f'ALTER DATABASE "{name}" SET {hostile}')
        try:
            response = await ready(real_settings)
        finally:
            await connection.execute(f'ALTER DATABASE "{name}" RESET ALL')

    assert (response.status_code, response.json()["status"]) == (503, "not ready")
    assert outcomes(response) == OK | {"database": ("failing", True)}


@pytest.mark.usefixtures("leaders")
async def test_it_is_not_ready_15_seconds_after_the_last_poll_of_the_current_build(
    real_settings: Settings, module_pool: Pool, build: str
) -> None:
    async with module_pool.acquire() as connection:
        await connection.execute("DELETE FROM journal.polling_worker")
    never = await ready(real_settings)
    await record_polling(module_pool, "waybill", "another")
    other_build = await ready(real_settings)
    await record_polling(module_pool, "elsewhere", build)
    other_queue = await ready(real_settings)
    await record_polling(module_pool, "waybill", build)
    await polled_ago(module_pool, 14)
    in_time = await ready(real_settings)
    await polled_ago(module_pool, 16)
    too_late = await ready(real_settings)

    for response in (never, other_build, other_queue, too_late):
        assert (response.status_code, response.json()["status"]) == (503, "not ready")
        assert outcomes(response) == OK | {"workers": ("failing", True)}
    assert in_time.status_code == 200
    assert detail(never, "workers").endswith(" has ever polled")
    polled = re.search(r" has polled for (\d+) s$", detail(too_late, "workers"))
    assert polled
    assert 16 <= int(polled[1]) <= 30  # the machine may be busy between the two statements


async def polled_ago(pool: Pool, seconds: int) -> None:
    async with pool.acquire() as connection:
        await connection.execute(
            "UPDATE journal.polling_worker SET polled_at = clock_timestamp() - $1 * interval '1 s'"
            " WHERE process = $2",
            seconds,
            PROCESS,
        )


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_degraded_while_a_checkpoint_is_above_the_log(
    real_settings: Settings, module_pool: Pool, api: Api
) -> None:
    await module_pool.execute("INSERT INTO eventstore.checkpoint VALUES ('relay', 1000000000)")
    assert await metric(api, "waybill_checkpoints_above_head") == 1
    response = await ready(real_settings)
    await module_pool.execute("DELETE FROM eventstore.checkpoint")

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert outcomes(response)["checkpoints"] == ("failing", False)
    said = detail(response, "checkpoints")
    assert said.startswith("checkpoint relay is at position 1000000000, which the log has lost (")
    assert said.endswith("`python -m eventstore.checkpoints set-right --name relay`")
    assert await metric(api, "waybill_checkpoints_above_head") == 0


@pytest.mark.usefixtures("leaders", "polled")
async def test_it_is_degraded_while_dead_letters_wait_for_an_operator(
    real_settings: Settings, module_pool: Pool
) -> None:
    await store_letter(module_pool, state="retrying", attempts=3)
    await store_waiting(module_pool)
    before = await ready(real_settings)
    for group in ("search", "mailer", "mailer"):
        await store_letter(module_pool, group=group, failed_seconds_ago=3_600)
    response = await ready(real_settings)
    await module_pool.execute("DELETE FROM eventstore.dead_letter")

    assert outcomes(before) == OK
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert outcomes(response) == OK | {"dead_letters": ("failing", False)}
    assert re.fullmatch(
        r"dead letters wait for an operator: 2 of mailer, 1 of search; the oldest failed first"
        r" 36\d\d s ago: list them with `deadLetters\(state: DEAD\)`, and redrive or discard each",
        detail(response, "dead_letters"),
    )


@pytest.mark.usefixtures("polled")
async def test_the_metrics_show_each_check_and_no_figure_without_the_database(
    real_settings: Settings,
) -> None:
    url = "postgresql+asyncpg://u:p@127.0.0.1:1/d"
    settings = Settings.model_validate(real_settings.model_dump() | {"api_database_url": url})
    async with (
        served(create_app(settings)) as api_url,
        local_client(base_url=api_url, timeout=10) as http,
    ):
        response = await http.get("/metrics")

    lines = response.text.splitlines()
    assert response.status_code == 200
    assert "waybill_ready 0.0" in lines
    assert 'waybill_check_passing{check="database",required="true"} 0.0' in lines
    assert 'waybill_check_passing{check="temporal",required="true"} 1.0' in lines
    assert 'waybill_check_passing{check="bus",required="false"} 0.0' in lines
    assert "waybill_parked_sagas NaN" in lines
    assert "waybill_safe_head_age_seconds NaN" in lines
    labelled = ("waybill_saga_discrepancies{", "waybill_dead_letters{")
    assert not any(line.startswith(labelled) for line in lines)


@contextmanager
def silent_port() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]
