"""The metrics show how many notifications are in each state, and how long the oldest waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Final

import pytest

from domain.order.events import OrderShipped
from kit.engine import create_engine
from kit.eventually import eventually
from notifications.preferences import Preferences
from notifications.quiet_hours import QuietHours
from queries.notifications import NotificationQueries
from settings import DatabaseRole
from stack.servers import Servers
from tests.conftest import beside
from tests.integration.notifications.orders import Customer, happens, place
from tests.support.mail_sink import MailSink
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog

EMAIL: Final = "email"
PUSH: Final = "push"
AGED: Final = """
    UPDATE eventstore.notification SET created_at = created_at - interval '1 minute'
    WHERE due_at IS NOT NULL
"""

WAITS: Final = (
    "SELECT not_before > clock_timestamp() FROM eventstore.notification WHERE attempts = 0"
)


@pytest.fixture
async def queries(servers: Servers, database_url: str) -> AsyncIterator[NotificationQueries]:
    engine = create_engine(beside(servers, DatabaseRole.API, database_url))
    yield NotificationQueries(engine)
    await engine.dispose()


async def test_a_channel_that_is_off_has_no_lag(
    log: OrderLog, queries: NotificationQueries
) -> None:
    await place(log, Customer())
    figures = await queries.figures()
    assert figures.counts == {(EMAIL, "parked"): 0, (PUSH, "parked"): 0}
    assert figures.lag_seconds == {EMAIL: 0.0, PUSH: 0.0}


async def test_the_states_are_counted_and_the_oldest_fact_gives_the_lag(
    log: OrderLog, mailing: Mailing, sink: MailSink, queries: NotificationQueries
) -> None:
    await place(log, Customer())
    assert 0 < (await queries.figures()).lag_seconds[EMAIL] < 30  # not followed yet
    await mailing.settle()
    await sink.fail("550 5.7.1 not wanted")
    await place(log, Customer())
    await mailing.settle()
    assert (await queries.figures()).lag_seconds == {EMAIL: 0.0, PUSH: 0.0}
    await place(log, Customer())
    await mailing.follow()
    await mailing.pool.execute(AGED)

    figures = await queries.figures()
    assert figures.counts == {
        (EMAIL, "sent"): 1,
        (EMAIL, "failed"): 1,
        (EMAIL, "pending"): 1,
        (EMAIL, "parked"): 0,
        (PUSH, "parked"): 0,
    }
    assert 60 <= figures.lag_seconds[EMAIL] < 90


async def test_a_notification_of_the_quiet_hours_is_late_only_after_their_end(
    log: OrderLog, mailing: Mailing, queries: NotificationQueries
) -> None:
    ada = Customer()
    now = datetime(2026, 7, 2, 3, tzinfo=UTC)
    mailing = replace(mailing, now=lambda: now)
    night = QuietHours(time(22), time(7))
    await mailing.preferences.set(ada.id, Preferences(quiet_hours=night, time_zone="UTC"))
    order_id = await place(log, ada)
    await mailing.settle()
    await happens(log, order_id, OrderShipped(order_id=order_id))
    await mailing.follow()
    async with mailing.running():
        await eventually(lambda: mailing.pool.fetchval(WAITS), 30)
    await mailing.pool.execute(AGED)
    assert (await queries.figures()).lag_seconds == {EMAIL: 0.0, PUSH: 0.0}

    await mailing.pool.execute(
        "UPDATE eventstore.notification SET not_before = not_before - interval '4 hours 10 seconds'"
        " WHERE due_at IS NOT NULL"
    )
    assert 10 <= (await queries.figures()).lag_seconds[EMAIL] < 40


async def test_notifications_that_ended_more_than_an_hour_ago_are_not_counted(
    log: OrderLog, mailing: Mailing, queries: NotificationQueries
) -> None:
    await place(log, Customer())
    await mailing.settle()
    await mailing.pool.execute(
        "UPDATE eventstore.notification SET ended_at = ended_at - interval '2 hours'"
    )
    parked = {(EMAIL, "parked"): 0, (PUSH, "parked"): 0}
    assert (await queries.figures()).counts == parked
