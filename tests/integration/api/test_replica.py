"""The API over a real streaming replica that lags, restarts, and cancels queries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from kit.eventually import eventually
from kit.pool import Pool
from settings import Settings
from tests.integration.api.replicated import (
    CONFLICTS,
    IS_READING,
    LIST,
    STATUS,
    is_usable,
    listed,
    over_replica,
    replica_check,
    reserve,
    slow_orders,
    status,
)
from tests.integration.eventstore.test_follow import announcing
from tests.support.api_client import Api, Viewer, operation
from tests.support.api_inputs import an_order
from tests.support.notification_rows import write_notification
from tests.support.replica import Replica, replica_of


@pytest.fixture(scope="module")
async def replica(
    module_owner_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replica]:
    async with replica_of(module_owner_url, tmp_path_factory.mktemp("replica")) as replica:
        yield replica


@pytest.fixture(autouse=True)
async def _up_to_date(replica: Replica) -> AsyncIterator[None]:
    """Resume the replay after each test, which may have failed."""
    yield
    await replica.start_if_stopped()
    await replica.resume()


@pytest.fixture(scope="module")
async def _announced(module_pool: Pool) -> AsyncIterator[None]:
    async with announcing(module_pool):
        yield


@pytest.fixture
async def reading(
    api: Api, real_settings: Settings, replica: Replica, _announced: None
) -> AsyncIterator[Api]:
    await replica.catch_up()
    async with over_replica(api, real_settings, replica) as reading:
        yield reading


@pytest.fixture
def ada(reading: Api) -> Viewer:
    return reading.viewer()


async def test_a_query_reads_from_the_replica_and_waits_for_nothing(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await replica.pause()
    await reserve(reading, order_id)

    assert await status(ada, order_id) == "PLACED"
    assert await listed(ada) == [{"id": order_id, "status": "PLACED"}]
    await replica.resume()
    await replica.catch_up()
    assert await status(ada, order_id) == "RESERVED"


async def test_an_order_that_the_replica_does_not_have_yet_is_found_on_the_primary(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    await replica.catch_up()
    await replica.pause()
    order_id = await reading.logged_order(ada)

    assert await status(ada, order_id) == "PLACED"
    answer = await ada.ask(STATUS, id=str(uuid4()))
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_mutation_checks_and_answers_from_the_primary(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    await replica.catch_up()
    await replica.pause()
    given = an_order()
    first = await ada.run("PlaceOrder", input=given)
    again = await ada.ask(operation("PlaceOrder"), input=given)

    assert first["order"]["id"] == again["data"]["placeOrder"]["order"]["id"]
    assert again["extensions"]["idempotency"] == {"replayed": True}
    note = {"orderId": first["order"]["id"], "text": "Ring twice", "idempotencyKey": str(uuid4())}
    operator = reading.viewer("operator")
    assert (await operator.run("AddOrderNote", input=note))["userErrors"] == []
    # The replica knows nothing of all this.
    assert await listed(ada) == []


async def test_a_client_that_sends_the_position_of_its_write_never_sees_less(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    for _ in range(20):
        written = await reserve(reading, order_id)
        answer = await ada.ask(
            "query ($id: ID!, $at: Position) { order(id: $id, minPosition: $at) { position } }",
            id=order_id,
            at=written,
        )
        assert reading.number(answer["data"]["order"]["position"]) >= reading.number(written)


async def test_min_position_waits_for_the_replica_while_it_catches_up(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await replica.pause()
    written = await reserve(reading, order_id)
    asking = asyncio.create_task(status(ada, order_id, written))
    await asyncio.wait([asking], timeout=0.3)
    assert not asking.done()

    await replica.resume()

    assert await asking == "RESERVED"


@pytest.mark.parametrize("document", [STATUS, LIST], ids=["order", "orders"])
async def test_min_position_falls_back_to_the_primary_after_its_limit(
    reading: Api, ada: Viewer, replica: Replica, document: str
) -> None:
    await replica.catch_up()
    await replica.pause()
    order_id = await reading.logged_order(ada)
    written = await reserve(reading, order_id)
    began = asyncio.get_running_loop().time()

    variables = {"id": order_id} if document == STATUS else {}
    answer = await ada.ask(document, at=written, **variables)

    assert 2 <= asyncio.get_running_loop().time() - began < 5
    node = {"id": order_id, "status": "RESERVED"}
    assert answer["data"] in (
        {"order": {"status": "RESERVED"}},
        {"orders": {"edges": [{"node": node}]}},
    )


async def test_a_min_position_that_was_never_drawn_is_refused_at_once(
    reading: Api, api: Api, ada: Viewer
) -> None:
    order_id = await reading.logged_order(ada)
    began = asyncio.get_running_loop().time()
    for process in (reading, api):  # with a replica, and without one
        viewer = replace(ada, api=process)
        for document in (STATUS, LIST):
            variables = {"id": order_id} if document == STATUS else {}
            answer = await viewer.ask(document, at=process.position(2**40), **variables)
            (error,) = answer["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert error["message"] == (
                "minPosition: the log has not come this far: pass the position of an answer"
            )
    assert asyncio.get_running_loop().time() - began < 2


async def test_the_past_is_read_from_the_primary_where_the_replica_lacks_it(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await replica.pause()
    written = await reserve(reading, order_id)

    assert (await ada.run("OrderAt", id=order_id, asOf=written))["status"] == "RESERVED"


async def test_a_query_that_recovery_cancels_is_repeated_on_the_primary(
    reading: Api, ada: Viewer, replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    conflicts = await replica.owner.fetchval(CONFLICTS)
    async with (
        replica.setting("max_standby_streaming_delay", "50ms"),
        slow_orders(replica) as owner,
    ):
        with caplog.at_level(logging.INFO, "api.replica"):
            asking = asyncio.create_task(status(ada, order_id))
            await eventually(lambda: replica.owner.fetchval(IS_READING), 5)
            async with owner.transaction():
                await owner.execute("LOCK TABLE readmodel.order_view")
            assert await asking == "PLACED"

    counted = f"SELECT ({CONFLICTS}) = $1"
    await eventually(lambda: replica.owner.fetchval(counted, conflicts + 1), 10)
    assert "repeating a query on the primary: DBAPIError 40001" in caplog.messages
    await replica.catch_up()
    assert await is_usable(reading)


async def test_the_primary_answers_while_the_replica_is_away(
    reading: Api, ada: Viewer, replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    assert await status(ada, order_id) == "PLACED"
    await replica.stop()
    await reserve(reading, order_id)

    assert await status(ada, order_id) == "RESERVED"
    check = await replica_check(reading)
    assert (check["status"], check["required"]) == ("failing", False)
    assert check["detail"].startswith("the primary serves all reads: it does not answer (")
    (line,) = [text for text in caplog.messages if text.startswith("reading from the primary")]
    assert line.startswith("reading from the primary, not from the replica: it does not answer (")

    await replica.start()
    await eventually(lambda: is_usable(reading), 20)
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await replica.pause()
    await reserve(reading, order_id)
    assert await status(ada, order_id) == "PLACED"


async def test_an_api_starts_while_its_replica_is_away(
    api: Api, real_settings: Settings, replica: Replica
) -> None:
    await replica.stop()
    async with over_replica(api, real_settings, replica) as reading:
        ada = reading.viewer()
        assert await status(ada, await reading.logged_order(ada)) == "PLACED"


@pytest.mark.usefixtures("_announced")
async def test_a_replica_that_is_too_far_behind_is_not_read_and_readyz_tells_its_lag(
    api: Api, real_settings: Settings, replica: Replica
) -> None:
    await replica.catch_up()
    async with over_replica(
        api, real_settings, replica, query_max_lag=timedelta(seconds=0.5)
    ) as reading:
        await _behind(reading, replica)


async def _behind(reading: Api, replica: Replica) -> None:
    ada = reading.viewer()
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await eventually(lambda: is_usable(reading), 10)
    await replica.pause()
    await reserve(reading, order_id)
    assert await status(ada, order_id) == "PLACED"

    async def is_refused() -> bool:
        return not await is_usable(reading)

    await eventually(is_refused, 10)
    response: Any = (await reading.http.get("/readyz")).json()
    detail = response["checks"]["replica"]["detail"]
    prefix, _, rest = detail.partition(": it is ")
    seconds, _, suffix = rest.partition(" ")
    assert (prefix, suffix) == ("the primary serves all reads", "s behind")
    assert 0.5 < float(seconds) < 10
    assert await status(ada, order_id) == "RESERVED"

    await replica.resume()
    await eventually(lambda: is_usable(reading), 10)


async def test_a_subscriber_gets_each_event_once_while_the_replica_lags_and_restarts(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    order_id = await reading.logged_order(ada)
    other = await reading.logged_order(reading.viewer())
    # The head on the replica passes the order, so that its state holds all of its events.
    assert await status(ada, order_id, await reserve(reading, order_id)) == "RESERVED"
    written: list[str] = []

    async def write(count: int) -> None:
        for _ in range(count):
            await asyncio.gather(*(reserve(reading, other) for _ in range(3)))
            written.append(await reserve(reading, order_id))

    async with ada.socket() as socket:
        await socket.subscribe(operation("OrderUpdates"), orderId=order_id)
        assert (await socket.update())["eventType"] is None
        await write(10)
        seen = [await socket.update() for _ in range(10)]
        await replica.pause()
        await write(10)
        await replica.resume()
        writing = asyncio.create_task(write(20))
        seen += [await socket.update() for _ in range(15)]
        await replica.stop()
        await writing
        seen += [await socket.update() for _ in range(15)]
        await replica.start()
        await write(5)
        seen += [await socket.update() for _ in range(5)]

    numbers = [reading.number(update["position"]) for update in seen]
    assert numbers == [reading.number(position) for position in written]
    assert all(
        reading.number(update["order"]["position"]) >= number
        for update, number in zip(seen, numbers, strict=True)
    )


async def test_a_subscriber_resumes_over_a_replica_that_is_behind_its_position(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await replica.pause()
    first, second = await reserve(reading, order_id), await reserve(reading, order_id)

    async with ada.socket() as socket:
        await socket.subscribe(operation("OrderUpdates"), orderId=order_id, after=first)
        update = await socket.update()
        await replica.resume()
        third = await reserve(reading, order_id)
        last = await socket.update()

    found = [reading.number(each["position"]) for each in (update, last)]
    assert found == [reading.number(second), reading.number(third)]


async def test_a_customer_gets_each_notification_once_while_the_replica_lags_and_restarts(
    reading: Api, ada: Viewer, replica: Replica
) -> None:
    placed: list[str] = []

    async def place(count: int) -> None:
        for _ in range(count):
            await reading.logged_order(reading.viewer())
            placed.append(await reading.logged_order(ada))

    async with ada.socket() as socket:
        await socket.subscribe(operation("Notifications"))
        assert (await socket.update())["__typename"] == "NotificationsStart"
        await place(5)
        seen = [await socket.update() for _ in range(5)]
        await replica.pause()
        await place(5)
        await replica.resume()
        seen += [await socket.update() for _ in range(3)]
        await replica.stop()
        await place(5)
        seen += [await socket.update() for _ in range(7)]
    async with ada.socket() as socket:
        await socket.subscribe(operation("Notifications"), after=seen[9]["position"])
        resumed = [await socket.update() for _ in range(5)]

    assert [each["orderId"] for each in seen] == placed
    assert resumed == seen[10:]


async def test_the_notifications_of_an_order_are_read_from_the_replica(
    reading: Api, ada: Viewer, replica: Replica, module_pool: Pool
) -> None:
    text = "query ($id: ID!) { order(id: $id) { notifications { state } } }"
    order_id = await reading.logged_order(ada)
    await replica.catch_up()
    await replica.pause()
    await write_notification(module_pool, order_id, "received", "failed")

    answer = await ada.ask(text, id=order_id)
    await replica.resume()
    await replica.catch_up()

    assert answer["data"]["order"]["notifications"] == []
    later = await ada.ask(text, id=order_id)
    assert later["data"]["order"]["notifications"] == [{"state": "FAILED"}]
