"""A socket must follow its protocol, and ends with the token that opened it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from api import router
from api import socket as api_socket
from api.app import create_app
from settings import Settings
from tests.integration.api.fuzzing import FRAMES, INTERNAL
from tests.support.api_client import Api, Socket, connecting, operation, served, token
from tests.support.api_inputs import an_order

MALFORMED = {
    "null": "null",
    "a number": "5",
    "a list": "[]",
    "no type": "{}",
    "a type that is a number": '{"type": 5}',
    "a type that is a list": '{"type": []}',
    "an unknown type": '{"type": "' + "x" * 500 + '"}',
    "a server's type": '{"type": "connection_ack"}',
    "no JSON": "{",
    "nested lists": "[" * 50_000,
    "subscribe without an id": '{"type": "subscribe", "payload": {"query": "{ a }"}}',
    "subscribe with a number for an id": '{"type": "subscribe", "id": 5, "payload": {}}',
    "subscribe with an empty id": '{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}',
    "subscribe without a payload": '{"type": "subscribe", "id": "1"}',
    "subscribe with a null payload": '{"type": "subscribe", "id": "1", "payload": null}',
    "subscribe without a query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "a query that is a number": '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    "variables that are a list": (
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}'
    ),
    "complete without an id": '{"type": "complete"}',
    "a ping with a list": '{"type": "ping", "payload": []}',
}


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic YWRhOmE="])
async def test_a_handshake_with_a_wrong_token_is_refused_before_it_opens_a_socket(
    api: Api, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connecting(api.url, additional_headers={"Authorization": header}):
            pass

    response = refused.value.response
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert json.loads(response.body)["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("is_signed_in", [True, False])
@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_message_closes_the_socket_with_the_protocols_code(
    api: Api, message: str, is_signed_in: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with connecting(api.url) as socket:
        if is_signed_in:
            await sign_in(api, socket, expires_in=timedelta(hours=1))
        await socket.connection.send(message)

        assert await socket.close_code() == 4400

    assert "Traceback" not in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_binary_message_closes_the_socket_with_the_protocols_code(api: Api) -> None:
    async with connecting(api.url) as socket:
        await socket.connection.send(b"\x00\xff")

        assert await socket.close_code() == 4400


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"query": ""}, "the query is missing"),
        ({"query": "fragment F on Query { __typename }"}, "Can't get GraphQL operation type"),
        ({"query": "type Query { a: Int }"}, "Can't get GraphQL operation type"),
        (
            {"query": "query A { __typename }", "operationName": "Nope"},
            'Unknown operation named "Nope".',
        ),
    ],
)
async def test_a_subscribe_without_an_operation_is_the_clients_error(
    api: Api, payload: dict[str, str], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with api.viewer().socket() as socket:
        await socket.send(id="1", type="subscribe", payload=payload)
        refused = await socket.receive()

    (error,) = refused["payload"]
    assert (refused["type"], error["extensions"]) == ("error", {"code": "BAD_USER_INPUT"})
    assert error["message"] == says
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_operation_too_many_is_refused_and_the_others_continue(api: Api) -> None:
    viewer = api.viewer()
    order = (await viewer.run("PlaceOrder", input=an_order()))["order"]
    payload = {"query": operation("OrderUpdates"), "variables": {"orderId": order["id"]}}
    async with viewer.socket() as socket:
        for number in range(100):
            await socket.send(id=f"{number}", type="subscribe", payload=payload)
            await socket.update()
        await socket.send(id="100", type="subscribe", payload=payload)
        refused = await socket.receive_for("100")
        await socket.send(id="0", type="complete")
        await socket.send(id="100", type="subscribe", payload=payload)

        assert (await socket.receive_for("100"))["type"] == "next"

    (error,) = refused["payload"]
    assert (refused["type"], refused["id"]) == ("error", "100")
    assert error["extensions"] == {"code": "RATE_LIMITED"}
    assert error["message"] == "100 operations run on this socket: end one"


async def test_an_id_may_be_long_and_used_twice(api: Api) -> None:
    """The reason of the close names the id, and a close frame has little room."""
    async with api.viewer().socket() as socket:
        subscribe = {"type": "subscribe", "id": "ä" * 100}
        payload = {"query": operation("OrderUpdates"), "variables": {"orderId": "x"}}
        await socket.send(**subscribe, payload=payload)
        await socket.send(**subscribe, payload=payload)

        assert await socket.close_code() == 4409


async def test_a_socket_that_does_not_sign_in_in_time_is_closed(
    real_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "SIGN_IN_TIMEOUT", timedelta(milliseconds=100))

    async with served(create_app(real_settings)) as url, connecting(url) as socket:
        assert await socket.close_code() == 4408


async def sign_in(api: Api, socket: Socket, expires_in: timedelta) -> None:
    secret = api.settings.jwt_secret.get_secret_value()
    bearer = token(secret, "ada", "customer", exp=datetime.now(UTC) + expires_in)
    await socket.send(type="connection_init", payload={"authorization": f"Bearer {bearer}"})
    assert await socket.receive() == {"type": "connection_ack"}


async def test_a_socket_is_closed_when_its_token_expires(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_socket, "LEEWAY_SECONDS", 0)

    async with connecting(api.url) as socket:
        await sign_in(api, socket, expires_in=timedelta(seconds=1))

        assert await socket.close_code() == 4403
        assert socket.connection.close_reason == "token expired"


@pytest.mark.parametrize("name", ["PlaceOrder", "CancelOrder", "ReceiveStock"])
async def test_an_expired_token_runs_nothing(
    api: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock was set while the socket slept; the next message makes the server check it."""
    viewer = api.viewer("operator")
    order = (await viewer.run("PlaceOrder", input=an_order()))["order"]
    inputs = {
        "PlaceOrder": an_order(),
        "CancelOrder": {"idempotencyKey": "late", "orderId": order["id"]},
        "ReceiveStock": {"idempotencyKey": "late", "sku": "mug", "quantity": 1},
    }
    api.temporal.workflow_ids.clear()

    async with viewer.socket() as socket:
        monkeypatch.setattr(api_socket, "LEEWAY_SECONDS", -7200)
        await socket.subscribe(operation(name), input=inputs[name])

        assert await socket.close_code() == 4403
        assert socket.connection.close_reason == "token expired"

    assert api.temporal.workflow_ids == []


@given(frames=st.lists(FRAMES, min_size=1, max_size=6), is_signed_in=st.booleans())
@examples(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
async def test_no_message_is_a_server_error(
    module_api: Api, frames: list[object], is_signed_in: bool
) -> None:
    async with connecting(module_api.url) as socket:
        if is_signed_in:
            await sign_in(module_api, socket, expires_in=timedelta(hours=1))
        closed = await socket.exchange(frames)

    assert closed in {None, 4400, 4401, 4403, 4409, 4429}
    assert INTERNAL.search(json.dumps(socket.received)) is None
