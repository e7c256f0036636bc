from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from domain.order.events import OrderAuthorized, OrderReserved
from kit.pool import create_pool
from tests.support.api_client import Api, Json, Viewer, connecting, operation
from tests.support.api_inputs import a_waiting_order
from tests.support.lost_tail import lose_tail

UPDATES = operation("OrderUpdates")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def order_id(api: Api, ada: Viewer) -> str:
    return await api.logged_order(ada)


async def test_a_subscriber_gets_the_order_and_then_each_change(
    api: Api, ada: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)
        first = await socket.update()
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
        second = await socket.update()

    assert (first["eventType"], first["order"]["status"]) == (None, "PLACED")
    assert (second["eventType"], second["order"]["status"]) == ("OrderReserved", "RESERVED")
    at_first, at_second = api.number(first["position"]), api.number(second["position"])
    assert api.number(second["order"]["position"]) >= at_second > at_first


async def test_a_subscriber_who_comes_back_gets_each_missed_event_once(
    api: Api, ada: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)
        seen = await socket.update()
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))

    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id, after=seen["position"])
        missed = await socket.update()
        await api.log.append(f"order-{order_id}", OrderAuthorized(order_id=order_id))
        fresh = await socket.update()

    assert [missed["eventType"], fresh["eventType"]] == ["OrderReserved", "OrderAuthorized"]


async def test_the_first_state_does_not_reveal_the_growth_of_the_log(
    api: Api, ada: Viewer, order_id: str
) -> None:
    positions = set()
    for _ in range(3):
        await api.log.receive("mug", 1)
        async with ada.socket() as socket:
            await socket.subscribe(UPDATES, orderId=order_id)
            positions.add((await socket.update())["position"])

    assert len(positions) == 1


async def test_staff_watch_any_order(api: Api, order_id: str) -> None:
    async with api.viewer("operator").socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)

        assert (await socket.update())["order"]["id"] == order_id


async def test_anothers_order_is_not_found(api: Api, order_id: str) -> None:
    async with api.viewer().socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)
        message = await socket.receive()

    errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert [error["extensions"] for error in errors] == [{"code": "NOT_FOUND"}]
    assert api.feed.listeners == 0


def codes(message: Json) -> list[str]:
    payload = message["payload"]
    errors = payload if message["type"] == "error" else payload["errors"]
    return [error["extensions"]["code"] for error in errors]


async def test_a_position_that_the_log_has_lost_is_an_error_and_not_silence(
    api: Api, ada: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id, after=api.position(2**36))

        assert codes(await socket.receive()) == ["POSITION_LOST"]
    assert api.feed.listeners == 0


async def test_a_subscriber_gets_the_loss_of_the_tail_and_can_begin_again(
    api: Api, ada: Viewer, order_id: str, module_owner_url: str
) -> None:
    placed = await api.log.store.safe_head()
    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)
        await socket.update()
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
        assert (await socket.update())["eventType"] == "OrderReserved"
        async with await create_pool(module_owner_url, size=1) as owner:
            await lose_tail(owner, placed)

        assert codes(await socket.receive()) == ["POSITION_LOST"]
        await socket.receive()  # complete
        await socket.subscribe(UPDATES, orderId=order_id)
        await socket.update()
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
        assert (await socket.update())["eventType"] == "OrderReserved"


async def test_an_abrupt_close_leaves_no_listener_and_no_reader(
    api: Api, ada: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)
        await socket.update()
        assert api.feed.listeners == 1
        reader = next(task for task in asyncio.all_tasks() if task.get_name() == "live-feed")
        socket.connection.transport.abort()

        await asyncio.wait([reader], timeout=5)

    assert (api.feed.listeners, api.feed.is_reading) == (0, False)


async def test_a_completed_subscription_leaves_no_listener(
    api: Api, ada: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(UPDATES, orderId=order_id)
        await socket.update()
        reader = next(task for task in asyncio.all_tasks() if task.get_name() == "live-feed")
        await socket.send(id="1", type="complete")

        await asyncio.wait([reader], timeout=5)

    assert api.feed.listeners == 0


async def test_the_token_may_come_in_the_handshake_and_the_payload_be_null(
    api: Api, ada: Viewer
) -> None:
    async with connecting(api.url, additional_headers=ada.headers) as socket:
        await socket.send(type="connection_init", payload=None)

        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [None, {}, {"authorization": "Bearer x"}, {"authorization": 7}])
async def test_a_socket_without_a_valid_token_is_forbidden(
    api: Api, payload: dict[str, object] | None
) -> None:
    async with connecting(api.url) as socket:
        await socket.send(type="connection_init", payload=payload)

        assert await socket.close_code() == 4403


async def test_subscribing_before_signing_in_is_unauthorized(api: Api) -> None:
    async with connecting(api.url) as socket:
        await socket.subscribe(UPDATES, orderId="x")

        assert await socket.close_code() == 4401


async def test_a_handshake_with_a_bad_token_is_refused(api: Api) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connecting(api.url, additional_headers={"authorization": "Bearer x"}):
            pass

    assert refused.value.response.status_code == 401


async def test_a_syntax_error_ends_its_operation_and_not_the_socket(
    ada: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe("subscription {")
        failed = await socket.receive()
        await socket.subscribe(UPDATES, orderId=order_id)
        update = await socket.update()

    assert (failed["type"], failed["id"]) == ("error", "1")
    assert update["order"]["id"] == order_id


async def test_a_mutation_over_the_socket_reports_a_replay(ada: Viewer) -> None:
    request = {"query": operation("PlaceOrder"), "variables": {"input": a_waiting_order()}}
    async with ada.socket() as socket:
        answers = []
        for number in ("1", "2", "3"):
            query = request if number != "3" else {"query": "{ __typename }"}
            await socket.send(id=number, type="subscribe", payload=query)
            extensions = (await socket.receive())["payload"]["extensions"]
            answers.append(extensions.get("idempotency"))
            assert await socket.receive() == {"id": number, "type": "complete"}

    assert answers == [None, {"replayed": True}, None]
