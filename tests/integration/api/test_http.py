from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from api.app import create_app
from kit.pool import Pool
from settings import Settings, SettingsError
from tests.support.api_client import Api, token

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
async def test_a_missing_or_invalid_token_is_unauthenticated(
    api: Api, authorization: str | None, says: str
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    response = await api.http.post("/graphql", json=BODY, headers=headers)

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert error["message"].startswith(says)


async def test_an_expired_token_is_reported_as_expired(api: Api) -> None:
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

    assert query.json()["data"] == {"__typename": "Query"}
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

    assert response.json()["data"] == {"__typename": "Query"}


async def test_it_lives_without_a_token(api: Api) -> None:
    assert (await api.http.get("/healthz")).json() == {"status": "alive"}


async def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="WAYBILL_JWT_SECRET is not set"):
        create_app(
            Settings.model_validate({"database_url": "postgresql://u@h/d", "jwt_secret": ""})
        )


async def test_the_metrics_show_the_age_of_an_append_that_holds_the_head(
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
