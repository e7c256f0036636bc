from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from api.app import create_app
from eventstore.pool import Pool
from settings import Bus, Settings, SettingsError
from stack.servers import Servers
from tests.integration.api.client import Api, served, token

BODY = {"query": "{ __typename }"}
LONG_AGO = datetime.now(UTC) - timedelta(hours=2)


@pytest.mark.parametrize(
    ("authorization", "says"),
    [
        (None, "the token is missing"),
        ("Basic YWRhOnB3", "the token is missing"),
        ("Bearer nonsense", "the token is not valid"),
    ],
)
async def test_no_valid_token_is_unauthenticated(
    api: Api, authorization: str | None, says: str
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    response = await api.http.post("/graphql", json=BODY, headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert error["message"].startswith(says)


async def test_an_expired_token_says_so(api: Api) -> None:
    secret = api.settings.jwt_secret.get_secret_value()
    expired = token(secret, "ada", "customer", exp=LONG_AGO)
    headers = {"authorization": f"Bearer {expired}"}

    response = await api.http.post("/graphql", json=BODY, headers=headers)

    assert response.status_code == 401
    assert response.json()["errors"][0]["message"] == (
        "the token has expired: sign in again for a new one"
    )


async def test_a_query_may_come_by_get_and_a_mutation_may_not(api: Api) -> None:
    headers = api.viewer().headers
    mutation = "mutation($i: CancelOrderInput!) { cancelOrder(input: $i) { position } }"

    query = await api.http.get("/graphql", params=BODY, headers=headers)
    refused = await api.http.get("/graphql", params={"query": mutation}, headers=headers)

    assert query.json() == {"data": {"__typename": "Query"}}
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_body_that_is_no_json_is_a_typed_error(api: Api) -> None:
    headers = {**api.viewer().headers, "content-type": "application/json"}

    response = await api.http.post("/graphql", content=b"{", headers=headers)

    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "Unable to parse request body as JSON"


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


@pytest.mark.parametrize("path", ["/graphql", "/webhooks/payments", "/webhooks/shipping"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_over_the_limit_is_too_large(api: Api, path: str, is_chunked: bool) -> None:
    over = 257 * 1024
    content = chunks(over) if is_chunked else b" " * over

    response = await api.http.post(path, content=content, headers=api.viewer().headers)

    assert response.status_code == 413
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "PAYLOAD_TOO_LARGE"}
    assert error["message"] == "the body is larger than 262144 bytes: send less"


async def test_a_body_within_the_limit_arrives_whole_in_chunks(api: Api) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"query": "{ __type'
        yield b'name }"' + b" " * 200 * 1024 + b"}"

    headers = {**api.viewer().headers, "content-type": "application/json"}
    response = await api.http.post("/graphql", content=body(), headers=headers)

    assert response.json() == {"data": {"__typename": "Query"}}


async def test_it_lives_without_a_token(api: Api) -> None:
    assert (await api.http.get("/healthz")).json() == {"status": "alive"}


@pytest.fixture(scope="module")
def real_settings(settings: Settings, servers: Servers) -> Settings:
    changes = {
        "temporal_address": servers.temporal_address,
        "nats_url": servers.nats_url,
        "bus": Bus.NATS,
        "payload_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    return Settings.model_validate(settings.model_dump() | changes)


async def ready(settings: Settings) -> httpx.Response:
    async with (
        served(create_app(settings)) as url,
        httpx.AsyncClient(base_url=url, timeout=10) as http,
    ):
        return await http.get("/readyz")


def outcomes(response: httpx.Response) -> dict[str, tuple[str, bool]]:
    """The status of each check, and whether it is required."""
    checks = response.json()["checks"]
    return {name: (check["status"], check["required"]) for name, check in checks.items()}


async def test_it_is_ready_when_all_it_needs_answers(real_settings: Settings) -> None:
    response = await ready(real_settings)

    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert outcomes(response) == {
        "database": ("ok", True),
        "temporal": ("ok", True),
        "bus": ("ok", False),
        "checkpoints": ("ok", False),
    }


async def test_it_is_degraded_when_only_the_bus_is_away(real_settings: Settings) -> None:
    settings = real_settings.model_copy(update={"nats_url": "nats://127.0.0.1:1"})
    response = await ready(settings)

    assert response.status_code == 200
    assert response.json()["status"] == "degraded"
    assert outcomes(response)["bus"] == ("failing", False)


async def test_it_is_degraded_while_a_checkpoint_stands_above_the_log(
    real_settings: Settings, module_pool: Pool, api: Api
) -> None:
    await module_pool.execute("INSERT INTO eventstore.checkpoint VALUES ('relay', 1000000000)")
    assert await metric(api, "waybill_checkpoints_above_head") == 1
    response = await ready(real_settings)
    await module_pool.execute("DELETE FROM eventstore.checkpoint")

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert outcomes(response)["checkpoints"] == ("failing", False)
    detail = response.json()["checks"]["checkpoints"]["detail"]
    assert detail.startswith("checkpoint relay is at position 1000000000, which the log has lost (")
    assert detail.endswith("`python -m eventstore.checkpoints set-right --name relay`")
    assert await metric(api, "waybill_checkpoints_above_head") == 0


async def test_it_is_not_ready_when_one_part_refuses_and_another_hangs(
    real_settings: Settings,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        changes = {
            "nats_url": "nats://127.0.0.1:1",
            "database_url": f"postgresql+asyncpg://u:p@127.0.0.1:{port}/d",
        }
        settings = Settings.model_validate(real_settings.model_dump() | changes)
        async with asyncio.timeout(8):
            response = await ready(settings)

    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert outcomes(response) == {
        "database": ("failing", True),
        "temporal": ("ok", True),
        "bus": ("failing", False),
        "checkpoints": ("failing", False),
    }


async def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="WAYBILL_JWT_SECRET is not set"):
        create_app(
            Settings.model_validate({"database_url": "postgresql://u@h/d", "jwt_secret": ""})
        )


async def test_the_metrics_tell_how_long_an_append_has_held_the_head_back(
    api: Api, module_pool: Pool
) -> None:
    assert await metric(api, "waybill_safe_head_age_seconds") == 0

    async with module_pool.acquire() as connection:
        await connection.execute("BEGIN")
        await connection.execute(
            "SELECT pg_advisory_xact_lock_shared(eventstore.announcement(last_value))"
            " FROM eventstore.event_position"
        )
        held = await metric(api, "waybill_safe_head_age_seconds")
        await connection.execute("ROLLBACK")

    assert 0 < held < 15
    assert await metric(api, "waybill_safe_head_age_seconds") == 0


async def metric(api: Api, name: str) -> float:
    text = (await api.http.get("/metrics")).raise_for_status().text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))
