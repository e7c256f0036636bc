"""A push service that refuses, hangs or cuts the connection loses no message."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import pytest

from kit.eventually import eventually
from queries.notifications import NotificationQueries
from tests.integration.notifications.orders import Customer, place
from tests.support.order_log import OrderLog
from tests.support.push import Browser, Pushing, cut, in_turn
from tests.support.webhook_receiver import Received, Receiver, silence, status

IS_HELD = """
    SELECT bool_and(due_at > clock_timestamp() + interval '50 minutes')
    FROM eventstore.notification WHERE order_id = ANY ($1)
"""
PAUSED = """
    SELECT paused_until > clock_timestamp() + interval '50 minutes'
    FROM eventstore.push_subscription WHERE id = $1
"""


@pytest.mark.parametrize("code", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten_and_no_other(
    log: OrderLog, pushing: Pushing, service: Receiver, code: int
) -> None:
    ada, gone, laptop = Customer(), Browser(), Browser()

    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        await status(code if received.path == gone.path else 201)(received, writer)

    service.respond = respond
    for browser in (gone, laptop):
        await pushing.subscribe(ada.id, browser, service.origin)
    first = await place(log, ada)
    await pushing.settle()
    second = await place(log, ada)
    await pushing.settle()

    assert sorted(await pushing.rows(first)) == [
        ("received", "no_recipient", 1, f"HTTP {code}"),
        ("received", "sent", 1, None),
    ]
    assert await pushing.rows(second) == [("received", "sent", 1, None)]
    assert await pushing.subscriptions() == 1
    assert len(service.received) == 3
    assert len(laptop.messages(service.received)) == 2


@pytest.mark.parametrize("code", [400, 413, 422])
async def test_a_message_that_is_refused_is_given_up_and_the_browser_kept(
    log: OrderLog, pushing: Pushing, service: Receiver, code: int
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    service.respond = in_turn(status(code), status(201))
    first = await place(log, ada)
    await pushing.settle()
    second = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(first) == [("received", "failed", 1, f"HTTP {code}")]
    assert await pushing.rows(second) == [("received", "sent", 1, None)]
    assert len(service.received) == 2


@pytest.mark.parametrize("code", [401, 403, 429, 500, 502, 503, 307])
async def test_a_message_that_is_put_off_is_sent_later(
    log: OrderLog, pushing: Pushing, service: Receiver, code: int
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    service.respond = in_turn(status(code), status(code), status(201))
    order_id = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "sent", 3, None)]
    first, second, third = browser.messages(service.received)
    assert first == second == third
    assert len({request.headers["topic"] for request in service.received}) == 1


async def test_a_message_that_is_always_put_off_is_given_up_after_its_last_attempt(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    service.respond = status(500)
    order_id = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "failed", 4, "HTTP 500")]
    assert len(service.received) == 4
    assert await pushing.subscriptions() == 1


async def test_a_retry_after_holds_back_all_that_is_for_this_browser_and_nothing_else(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, held, laptop = Customer(), Browser(), Browser()

    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        asked = status(429, {"Retry-After": "3600"})
        await (asked if received.path == held.path else status(201))(received, writer)

    service.respond = respond
    stored = await pushing.subscribe(ada.id, held, service.origin)
    orders = [await place(log, ada)]
    await pushing.follow()
    async with pushing.sending():
        await eventually(lambda: pushing.pool.fetchval(PAUSED, stored.id), 30)
        await eventually(lambda: pushing.pool.fetchval(IS_HELD, orders), 30)
    assert await pushing.rows(orders[0]) == [("received", "pending", 1, "HTTP 429")]

    await pushing.subscribe(ada.id, laptop, service.origin)
    orders.append(await place(log, ada))
    await pushing.follow()
    async with pushing.sending():
        await eventually(lambda: laptop.messages(service.received), 30)
        await eventually(lambda: pushing.pool.fetchval(IS_HELD, orders[:1]), 30)
    assert sorted(row[:3] for row in await pushing.rows(orders[1])) == [
        ("received", "pending", 0),
        ("received", "sent", 1),
    ]
    assert len(held.messages(service.received)) == 1


async def test_what_waits_already_is_held_back_by_a_retry_after_too(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    service.respond = status(503, {"Retry-After": "3600"})
    orders = [await place(log, ada) for _ in range(30)]
    await pushing.follow()
    async with pushing.sending():
        await eventually(lambda: pushing.pool.fetchval(IS_HELD, orders), 30)

    assert 1 <= len(service.received) < 20


async def test_a_message_is_sent_when_the_time_of_retry_after_is_over(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, times = Customer(), []

    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        times.append(monotonic())
        first = status(429, {"Retry-After": "2"})
        await (first if len(times) == 1 else status(201))(received, writer)

    service.respond = respond
    await pushing.subscribe(ada.id, Browser(), service.origin)
    order_id = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "sent", 2, None)]
    first, second = times
    assert second - first >= 2


async def test_a_service_that_hangs_delays_no_other_browser(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, laptop = Customer(), Browser()
    async with Receiver(respond=silence).listening() as hanging:
        await pushing.subscribe(ada.id, Browser(), hanging.origin)
        await pushing.subscribe(ada.id, laptop, service.origin)
        order_id = await place(log, ada)
        await pushing.settle()
        assert sorted(await pushing.rows(order_id)) == [
            ("received", "failed", 4, "timeout"),
            ("received", "sent", 1, None),
        ]
        assert len(laptop.messages(service.received)) == 1

        hanging.respond = status(201)
        again = await place(log, ada)
        await pushing.settle()
    assert [row[1] for row in await pushing.rows(again)] == ["sent", "sent"]


async def test_a_connection_that_is_cut_is_tried_again(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    service.respond = in_turn(cut, status(201))
    order_id = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "sent", 2, None)]


async def test_an_endpoint_that_has_moved_to_a_private_network_is_never_connected_to(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    order_id = await place(log, ada)
    await replace(pushing, may_be_loopback=False).settle()

    assert await pushing.rows(order_id) == [("received", "failed", 1, "forbidden_address")]
    assert service.connections == 0


async def test_a_redirect_is_not_followed(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    async with Receiver(respond=status(201)).listening() as private:
        service.respond = status(307, {"Location": private.url})
        await pushing.subscribe(ada.id, Browser(), service.origin)
        order_id = await place(log, ada)
        await pushing.settle()
        assert private.connections == 0

    assert await pushing.rows(order_id) == [("received", "failed", 4, "HTTP 307")]


async def test_an_answer_that_never_ends_is_not_read(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    service.respond = status(201, body=b"a" * 10_000_000)
    order_id = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "sent", 1, None)]


async def test_a_message_that_was_taken_is_sent_again_when_its_lease_is_over(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    order_id = await place(log, ada)
    await pushing.follow()
    await pushing.pool.execute(
        "UPDATE eventstore.notification SET state = 'sending', attempts = 1,"
        " due_at = clock_timestamp() + $1::interval",
        timedelta(milliseconds=300),
    )
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "sent", 2, None)]


async def test_the_metrics_show_push_messages_by_their_state(
    log: OrderLog, pushing: Pushing, service: Receiver, queries: NotificationQueries
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    service.respond = in_turn(status(201), status(413), status(410))
    for _ in range(3):
        await place(log, ada)
        await pushing.settle()
    await pushing.subscribe(ada.id, browser, service.origin)
    await place(log, ada)
    assert 0 < (await queries.figures()).lag_seconds["push"] < 60
    await pushing.follow()

    figures = await queries.figures()
    assert {state: n for (channel, state), n in figures.counts.items() if channel == "push"} == {
        "sent": 1,
        "failed": 1,
        "no_recipient": 1,
        "pending": 1,
        "parked": 0,
    }
    assert 0 < figures.lag_seconds["push"] < 60
