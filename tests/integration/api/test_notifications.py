"""The subscription `notifications`, over a real WebSocket, and the notifications of an order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import pytest

from domain.order import events as o
from domain.order.commands import CancellationReason
from kit.eventually import eventually
from kit.pool import Pool
from queries.order_notifications import OrderNotificationQueries
from tests.support.api_client import Api, Json, Socket, Viewer, connecting, operation, token
from tests.support.notification_rows import write_notification

NOTIFICATIONS: Final = operation("Notifications")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def started(socket: Socket, **variables: object) -> str:
    """Subscribe, and return the position of the start."""
    await socket.subscribe(NOTIFICATIONS, **variables)
    start = await socket.update()
    assert start["__typename"] == "NotificationsStart", start
    return str(start["position"])


async def happens(api: Api, order_id: str, *events: type[o.OrderMilestone]) -> int:
    return await api.log.append(f"order-{order_id}", *(each(order_id=order_id) for each in events))


async def kinds(socket: Socket, count: int) -> list[str]:
    return [(await socket.update())["kind"] for _ in range(count)]


def error_of(message: Json) -> tuple[str, str]:
    payload = message["payload"]
    (error,) = payload if message["type"] == "error" else payload["errors"]
    return error["extensions"]["code"], error["message"]


async def test_a_customer_gets_a_notification_of_each_final_fact(api: Api, ada: Viewer) -> None:
    async with ada.socket() as socket:
        await started(socket)
        order_id = await api.logged_order(ada)
        received = await socket.update()
        await happens(api, order_id, o.OrderReserved, o.OrderAuthorized, o.OrderConfirmed)
        position = await happens(api, order_id, o.OrderShipped)
        shipped = await socket.update()

    (event,) = [
        event
        for event in await api.log.store.load_events(f"order-{order_id}")
        if event.position == position
    ]
    number = (await ada.run("Order", id=order_id))["number"]
    assert received["kind"] == "RECEIVED"
    assert shipped == {
        "__typename": "Notification",
        "kind": "SHIPPED",
        "orderId": order_id,
        "orderNumber": number,
        "eventId": str(event.event_id),
        "position": api.position(position),
        "at": event.recorded_at.isoformat(),
        "language": "en",
        "title": f"Your order {number} is on its way",
        "body": "The carrier has your parcel.",
    }


async def test_the_texts_are_in_the_language_and_the_time_zone_of_the_subscriber(
    api: Api, ada: Viewer
) -> None:
    order_id = await api.logged_order(ada)
    async with ada.socket() as german, ada.socket() as english:
        await started(german, locale="de-CH", timeZone="Europe/Zurich")
        await started(english, locale="fr")
        await happens(api, order_id, o.OrderDelivered)
        told = [await socket.update() for socket in (german, english)]

    assert [notification["language"] for notification in told] == ["de", "en"]
    assert told[0]["title"].startswith("Ihre Bestellung W-")
    assert told[1]["body"].startswith("The carrier has delivered your parcel.\n\nYou can return")


async def test_a_subscription_that_is_cut_and_resumed_misses_and_repeats_nothing(
    api: Api, ada: Viewer
) -> None:
    first = await api.logged_order(ada)
    async with ada.socket() as socket:
        position = await started(socket)
        socket.connection.transport.abort()
    await happens(api, first, o.OrderReserved, o.OrderShipped)
    seen = []
    for _ in range(3):
        second = await api.logged_order(ada)
        async with ada.socket() as socket:
            await socket.subscribe(NOTIFICATIONS, after=position)
            seen += [await socket.update() for _ in range(2)]
            position = seen[-1]["position"]
            await happens(api, second, o.OrderShipped)
            socket.connection.transport.abort()

    assert [each["kind"] for each in seen] == ["SHIPPED", "RECEIVED"] * 3
    numbers = [api.number(each["position"]) for each in seen]
    assert numbers == sorted(set(numbers))


async def test_a_customer_gets_nothing_of_another_customer(api: Api, ada: Viewer) -> None:
    eve = api.viewer()
    async with ada.socket() as socket:
        await started(socket)
        order_id = await api.logged_order(eve)
        await happens(api, order_id, o.OrderShipped)
        own = await api.logged_order(ada)

        assert (await socket.update())["orderId"] == own
    async with ada.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, customerId=eve.sub, after=api.position(0))
        assert error_of(await socket.receive()) == (
            "FORBIDDEN",
            "customerId is for operators: leave it out",
        )
    assert api.notices_feed.listeners == 0


async def test_staff_follow_the_customer_whom_they_name(api: Api, ada: Viewer) -> None:
    order_id = await api.logged_order(ada)
    text = NOTIFICATIONS.replace("      position\n", "      position\n      positionNumber\n")
    async with ada.socket() as customers, api.viewer("operator").socket() as operators:
        for socket in (customers, operators):
            await socket.subscribe(text, customerId=ada.sub)
            await socket.update()
        position = await happens(api, order_id, o.OrderShipped)
        of_customer, of_operator = [await socket.update() for socket in (customers, operators)]

    assert (of_customer["positionNumber"], of_operator["positionNumber"]) == (None, position)
    assert of_operator == of_customer | {"positionNumber": position}


async def test_events_that_are_not_final_are_no_notifications(api: Api, ada: Viewer) -> None:
    order_id = await api.logged_order(ada)
    requested = o.OrderCancellationRequested(
        order_id=order_id, reason=CancellationReason.CUSTOMER_REQUEST
    )
    async with ada.socket() as socket:
        position = await started(socket)
        await happens(api, order_id, o.OrderReserved, o.OrderAuthorized, o.OrderConfirmed)
        await api.log.append(f"order-{order_id}", requested)
        await happens(api, order_id, o.OrderShipped, o.OrderDelivered)
        live = await kinds(socket, 2)
    async with ada.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, after=position)
        resumed = await kinds(socket, 2)

    assert live == resumed == ["SHIPPED", "DELIVERED"]


@pytest.mark.parametrize(
    ("role", "variables", "message"),
    [
        ("operator", {}, "customerId: name the customer to follow"),
        ("operator", {"customerId": "a b"}, "customerId: this can be no id"),
        (
            "customer",
            {"locale": "not a tag"},
            "locale: this is no language tag of BCP 47: write it as en, de-CH or zh-Hant-TW",
        ),
        (
            "customer",
            {"timeZone": "Mars/Olympus"},
            "timeZone: this is no time zone of the IANA database: write it as Europe/Zurich",
        ),
    ],
)
async def test_an_argument_that_is_wrong_is_named(
    api: Api, role: str, variables: dict[str, str], message: str
) -> None:
    async with api.viewer(role).socket() as socket:
        await socket.subscribe(NOTIFICATIONS, **variables)

        assert error_of(await socket.receive()) == ("BAD_USER_INPUT", message)
    assert api.notices_feed.listeners == 0


async def test_a_position_that_the_log_has_lost_is_an_error_and_not_silence(
    api: Api, ada: Viewer
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, after=api.position(2**36))

        assert error_of(await socket.receive())[0] == "POSITION_LOST"
    assert api.notices_feed.listeners == 0


async def test_an_expired_token_ends_the_subscription(api: Api, ada: Viewer) -> None:
    secret = api.settings.jwt_secret.get_secret_value()
    soon = token(secret, ada.sub, ada.role, exp=int(time.time()) - 8)  # the leeway is 10 s
    async with connecting(api.url) as socket:
        await socket.send(type="connection_init", payload={"authorization": f"Bearer {soon}"})
        await socket.receive()
        await started(socket)

        assert await socket.close_code() == 4403
    await eventually(lambda: api.notices_feed.listeners == 0, 30)


async def test_a_closed_socket_leaves_no_listener_and_no_reader(api: Api, ada: Viewer) -> None:
    async with ada.socket() as socket:
        await started(socket)
        assert (api.notices_feed.listeners, api.feed.listeners) == (1, 0)

    await eventually(lambda: api.notices_feed.listeners == 0, 30)
    assert not api.notices_feed.is_reading


async def test_an_order_says_what_became_of_its_notifications(
    api: Api, ada: Viewer, module_pool: Pool
) -> None:
    order_id, other = [await api.logged_order(ada) for _ in range(2)]
    for position, (kind, state, attempts, cause) in enumerate(
        [
            ("received", "no_recipient", 1, None),
            ("shipped", "failed", 31, "550 5.7.1"),
            ("delivered", "pending", 2, "no answer in time"),
        ]
    ):
        await write_notification(
            module_pool,
            order_id,
            kind,
            state,
            attempts=attempts,
            cause=cause,
            position=position,
        )
    await write_notification(module_pool, other, "received", "sent")

    of_owner = (await ada.run("Order", id=order_id))["notifications"]
    of_operator = (await api.viewer("operator").run("Order", id=order_id))["notifications"]

    assert [
        (each["kind"], each["channel"], each["state"], each["attempts"], each["cause"])
        for each in of_operator
    ] == [
        ("RECEIVED", "EMAIL", "NO_RECIPIENT", 1, None),
        ("SHIPPED", "EMAIL", "FAILED", 31, "550 5.7.1"),
        ("DELIVERED", "EMAIL", "PENDING", 2, "no answer in time"),
    ]
    assert [each["endedAt"] is None for each in of_operator] == [False, False, True]
    assert of_owner == [each | {"cause": None} for each in of_operator]
    answer = await api.viewer().ask(operation("Order"), id=order_id)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_the_notifications_of_many_orders_are_read_by_one_statement(
    api: Api, ada: Viewer, module_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    of_orders = OrderNotificationQueries.of_orders

    async def counted(self: Any, order_ids: Sequence[str]) -> Any:  # noqa: ANN401 - passed on
        asked.append(order_ids)
        return await of_orders(self, order_ids)

    monkeypatch.setattr(OrderNotificationQueries, "of_orders", counted)
    order_ids = [await api.logged_order(ada) for _ in range(5)]
    await write_notification(module_pool, order_ids[2], "received", "sent")
    answer = await ada.ask("{ orders { edges { node { id notifications { state } } } } }")

    found = {
        edge["node"]["id"]: edge["node"]["notifications"]
        for edge in answer["data"]["orders"]["edges"]
    }
    assert found == {each: [] for each in order_ids} | {order_ids[2]: [{"state": "SENT"}]}
    assert [sorted(each) for each in asked] == [sorted(order_ids)]
