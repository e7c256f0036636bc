"""A client that sends too many requests is refused, over HTTP and over the socket."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from api.rate_limit import RateLimiter, TooManyRequests
from tests.support.api_client import Api, connecting

ERROR = {
    "message": "too many requests: try again in 7 s",
    "extensions": {"code": "RATE_LIMITED"},
}


def refuse(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    """Empty the buckets of all keys that contain this text."""

    def take(_: RateLimiter, key: str) -> None:
        if wanted in key:
            raise TooManyRequests(7)

    monkeypatch.setattr(RateLimiter, "take", take)


@pytest.mark.parametrize("key", ["customer:", "127.0.0.1"])
async def test_a_request_too_many_is_refused_with_the_time_to_wait(
    api: Api, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, key)

    response = await api.http.post(
        "/graphql", json={"query": "{ __typename }"}, headers=api.viewer().headers
    )

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    assert response.json() == {"errors": [ERROR]}


async def test_an_operation_too_many_is_refused_and_the_socket_stays_open(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api.viewer().socket() as socket:
        with monkeypatch.context() as patched:
            refuse(patched, "customer:")
            await socket.subscribe("{ __typename }")
            refused = await socket.receive()
        await socket.subscribe("{ __typename }")
        answered = await socket.receive()

    assert refused == {"id": "1", "type": "error", "payload": [ERROR]}
    assert answered["payload"]["data"] == {"__typename": "Query"}


async def test_a_socket_that_floods_is_closed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api.viewer().socket() as socket:
        refuse(monkeypatch, "customer:")
        await socket.send(type="ping")

        assert await socket.close_code() == 4429


async def test_a_socket_that_floods_before_it_signs_in_is_closed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connecting(api.url) as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        refuse(monkeypatch, "127.0.0.1")
        await socket.send(type="ping")

        assert await socket.close_code() == 4429


async def test_a_socket_too_many_of_an_address_is_not_opened(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "127.0.0.1")

    with pytest.raises(InvalidStatus) as refused:
        async with connecting(api.url):
            pass

    assert refused.value.response.status_code == 429
