"""One event is read once for all subscribers of its order, and executed once per selection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from domain.order.events import OrderReserved
from queries.orders import OrderQueries
from tests.support.api_client import Api, Json, Socket, Viewer, operation

SHORT = (
    "subscription($orderId: ID!, $after: Position) { orderUpdates(orderId: $orderId, after: $after)"
    " { ... on OrderUpdate { eventType order { status } } } }"
)
CHOSEN = (
    "subscription($orderId: ID!, $isShort: Boolean!) { orderUpdates(orderId: $orderId)"
    " { ... on OrderUpdate { eventType order { status lines @skip(if: $isShort) { sku } } } } }"
)


@pytest.fixture
async def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def order_id(api: Api, ada: Viewer) -> str:
    return await api.logged_order(ada)


@asynccontextmanager
async def subscribed(
    viewer: Viewer, count: int, query: str, **variables: object
) -> AsyncIterator[list[Socket]]:
    """Open this many sockets, and wait until each has received the order's state."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(viewer.socket()) for _ in range(count)]
        for socket in sockets:
            await socket.subscribe(query, **variables)
            await socket.update()
        yield sockets


class Counts:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = self.executions = 0
        get, execute = OrderQueries.get, StrawberryGraphQLCoreExecutionContext.execute_operation

        async def counted_get(queries: OrderQueries, order_id: str) -> Any:  # noqa: ANN401
            self.reads += 1
            return await get(queries, order_id)

        def counted_execute(executor: Any, serially: bool | None = None) -> Any:  # noqa: ANN401
            self.executions += 1
            return execute(executor, serially)

        monkeypatch.setattr(OrderQueries, "get", counted_get)
        monkeypatch.setattr(
            StrawberryGraphQLCoreExecutionContext, "execute_operation", counted_execute
        )


async def reserved(api: Api, order_id: str) -> None:
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))


async def received(sockets: list[Socket]) -> list[Json]:
    return await asyncio.gather(*(socket.update() for socket in sockets))


async def test_one_event_is_read_and_executed_once_for_equal_subscribers(
    api: Api, ada: Viewer, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with subscribed(ada, 40, SHORT, orderId=order_id) as sockets:
        counts = Counts(monkeypatch)
        await reserved(api, order_id)
        updates = await received(sockets)

    assert updates == [{"eventType": "OrderReserved", "order": {"status": "RESERVED"}}] * 40
    assert (counts.reads, counts.executions) == (1, 1)


async def test_each_selection_is_executed_once(
    api: Api, ada: Viewer, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        subscribed(ada, 5, SHORT, orderId=order_id) as short,
        subscribed(ada, 5, operation("OrderUpdates"), orderId=order_id) as whole,
        subscribed(ada, 5, CHOSEN, orderId=order_id, isShort=True) as without,
        subscribed(ada, 5, CHOSEN, orderId=order_id, isShort=False) as with_lines,
    ):
        counts = Counts(monkeypatch)
        await reserved(api, order_id)
        updates = await received([*short, *whole, *without, *with_lines])

    assert (counts.reads, counts.executions) == (1, 4)
    assert (
        updates[0]
        == updates[10]
        == {
            "eventType": "OrderReserved",
            "order": {"status": "RESERVED"},
        }
    )
    assert updates[15]["order"] == {"status": "RESERVED", "lines": [{"sku": "mug"}]}
    assert updates[5]["order"]["id"] == order_id


async def test_staff_and_the_customer_do_not_share_an_answer(
    api: Api, ada: Viewer, order_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve, joe = api.viewer("operator"), api.viewer("operator")
    async with (
        subscribed(ada, 3, SHORT, orderId=order_id) as customers,
        subscribed(eve, 3, SHORT, orderId=order_id) as operators,
        subscribed(joe, 3, SHORT, orderId=order_id) as others,
    ):
        counts = Counts(monkeypatch)
        await reserved(api, order_id)
        await received([*customers, *operators, *others])

    assert (counts.reads, counts.executions) == (1, 2)


async def test_a_subscriber_that_leaves_takes_no_answer_from_the_others(
    api: Api, ada: Viewer, order_id: str
) -> None:
    async with subscribed(ada, 5, SHORT, orderId=order_id) as staying:
        async with subscribed(ada, 5, SHORT, orderId=order_id):
            await reserved(api, order_id)
        updates = await received(staying)

    assert {update["eventType"] for update in updates} == {"OrderReserved"}


async def test_a_notification_is_executed_once_for_each_language(
    api: Api, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = operation("Notifications")
    async with (
        subscribed(ada, 5, text) as english,
        subscribed(ada, 5, text, locale="de") as german,
        subscribed(ada, 5, text, locale="de-CH") as swiss,
    ):
        counts = Counts(monkeypatch)
        await api.logged_order(ada)
        updates = await received([*english, *german, *swiss])

    assert counts.executions == 2
    assert [update["language"] for update in updates] == ["en"] * 5 + ["de"] * 10
    assert len({update["title"] for update in updates}) == 2
