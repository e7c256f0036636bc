"""A customer's preferences decide which mails are sent, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from domain.order import events as o
from domain.order.commands import CancellationReason
from domain.order.contact import Contact
from kit.eventually import eventually
from kit.pool import Pool
from notifications.categories import Category
from notifications.outbox import Channel
from notifications.preferences import Preferences, PreferenceStore
from notifications.quiet_hours import QuietHours
from tests.integration.notifications.orders import Customer, deliver, happens, place
from tests.support.mail_sink import MailSink
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog

ORDER_UPDATES = (Category.ORDER_UPDATES, Channel.EMAIL)
NIGHT = QuietHours(time(22), time(7))
QUIET = Preferences(quiet_hours=NIGHT, time_zone="Europe/Zurich")
EVERYTHING = Preferences(
    frozenset({ORDER_UPDATES, (Category.RETURNS, Channel.PUSH)}), NIGHT, "Europe/Zurich"
)
MORNING = datetime(2026, 7, 2, 5, tzinfo=UTC)
"""It is 07:00 in Zurich, and 06:00 in London, where the contact of a test's customer is."""
MOMENT = timedelta(milliseconds=50)


class Clock:
    def __init__(self, shows: datetime) -> None:
        self.shows = shows

    def __call__(self) -> datetime:
        return self.shows


async def dues(mailing: Mailing) -> Sequence[timedelta]:
    """Return the time from now until each notification that waits is due."""
    rows = await mailing.pool.fetch(
        "SELECT due_at - clock_timestamp() AS due FROM eventstore.notification"
        " WHERE due_at IS NOT NULL ORDER BY position"
    )
    return [row["due"] for row in rows]


async def test_a_customer_gets_no_mail_of_a_category_that_is_switched_off(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada, bob = Customer(), Customer()
    await mailing.preferences.set(ada.id, Preferences(frozenset({ORDER_UPDATES})))
    order_id, other = await place(log, ada), await place(log, bob)
    await deliver(log, order_id)
    await deliver(log, other)
    await mailing.settle()

    assert await mailing.states(order_id) == [
        *(("received", "sent"), ("shipped", "opted_out"), ("delivered", "opted_out")),
    ]
    assert await mailing.causes(order_id) == [
        *(("sent", 1, None), ("opted_out", 1, None), ("opted_out", 1, None)),
    ]
    assert len(sink.messages(ada.email)) == 1
    assert len(sink.messages(bob.email)) == 3


async def test_a_choice_holds_for_mails_that_wait_already(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    await happens(log, order_id, o.OrderShipped(order_id=order_id))
    await mailing.follow()
    await mailing.preferences.set(ada.id, Preferences(frozenset({ORDER_UPDATES})))
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent"), ("shipped", "opted_out")]
    assert len(sink.messages(ada.email)) == 1


async def test_a_category_that_is_off_for_push_is_mailed(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    chosen = Preferences(frozenset({(Category.ORDER_UPDATES, Channel.PUSH)}))
    await mailing.preferences.set(ada.id, chosen)
    await deliver(log, await place(log, ada))
    await mailing.settle()

    assert len(sink.messages(ada.email)) == 3


async def test_a_mail_of_the_quiet_hours_is_sent_at_their_end(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada, clock = Customer(), Clock(MORNING - timedelta(hours=3))
    mailing = replace(mailing, now=clock)
    await mailing.preferences.set(ada.id, QUIET)
    order_id = await place(log, ada)
    await happens(log, order_id, o.OrderShipped(order_id=order_id))
    await mailing.follow()
    waits = [("sent", 1, None), ("pending", 0, "quiet hours")]

    async with mailing.running():
        await eventually(lambda: waiting(mailing, order_id, waits), 30)
        (due,) = await dues(mailing)
        assert timedelta(hours=2, minutes=58) < due <= timedelta(hours=3)
        assert len(sink.messages(ada.email)) == 1

        clock.shows = MORNING
        await mailing.pool.execute(
            "UPDATE eventstore.notification SET due_at = clock_timestamp() WHERE state = 'pending'"
        )
        await eventually(lambda: len(sink.messages(ada.email)) == 2, 30)
        await eventually(mailing.is_settled, 30)

    assert await mailing.causes(order_id) == [("sent", 1, None), ("sent", 1, None)]


async def test_a_mail_is_due_by_itself_when_the_quiet_hours_end(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada, clock = Customer(), Clock(MORNING - MOMENT)
    mailing = replace(mailing, now=clock)
    await mailing.preferences.set(ada.id, QUIET)
    order_id = await place(log, ada)
    await happens(log, order_id, o.OrderShipped(order_id=order_id))
    await mailing.follow()
    waits = [("sent", 1, None), ("pending", 0, "quiet hours")]

    async with mailing.running():
        await eventually(lambda: waiting(mailing, order_id, waits), 30)
        assert len(sink.messages(ada.email)) == 1
        clock.shows = MORNING
        await eventually(mailing.is_settled, 30)

    assert await mailing.causes(order_id) == [("sent", 1, None), ("sent", 1, None)]
    assert len(sink.messages(ada.email)) == 2


async def waiting(
    mailing: Mailing, order_id: str, expected: Sequence[tuple[str, int, str | None]]
) -> bool:
    return list(await mailing.causes(order_id)) == list(expected)


async def test_a_mandatory_mail_is_sent_in_quiet_hours(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    mailing = replace(mailing, now=Clock(MORNING - MOMENT))
    await mailing.preferences.set(ada.id, QUIET)
    order_id = await place(log, ada)
    reason = CancellationReason.PAYMENT_WINDOW_CLOSED
    await happens(log, order_id, o.OrderCancelled(order_id=order_id, reason=reason))
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent"), ("cancelled", "sent")]
    assert len(sink.messages(ada.email)) == 2


@pytest.mark.parametrize(
    ("time_zone", "sent"), [("Europe/London", 1), ("Europe/Zurich", 2), (None, 2)]
)
async def test_quiet_hours_without_a_zone_follow_the_clock_of_the_orders_contact(
    log: OrderLog, mailing: Mailing, sink: MailSink, time_zone: str | None, sent: int
) -> None:
    """At this instant London's clock shows quiet hours, and Zurich's does not."""
    ada = Customer()
    mailing = replace(mailing, now=Clock(MORNING))
    await mailing.preferences.set(ada.id, Preferences(quiet_hours=NIGHT))
    contact = Contact(email=ada.email, time_zone=time_zone)
    order_id = await place(log, ada, contact)
    await happens(log, order_id, o.OrderShipped(order_id=order_id))
    await mailing.follow()
    expected = ("sent", 1, None) if sent == 2 else ("pending", 0, "quiet hours")

    async with mailing.running():
        await eventually(lambda: waiting(mailing, order_id, [("sent", 1, None), expected]), 30)
    assert len(sink.messages(ada.email)) == sent


async def test_preferences_are_those_that_were_set_last(pool: Pool) -> None:
    store = PreferenceStore(pool)
    assert await store.get("ada") == Preferences()
    await store.set("ada", EVERYTHING)
    assert await store.get("ada") == EVERYTHING
    assert await store.get("bob") == Preferences()
    await store.set("ada", Preferences())
    assert await store.get("ada") == Preferences()


async def test_choices_of_another_build_are_passed_over(pool: Pool) -> None:
    store = PreferenceStore(pool)
    await store.set("ada", EVERYTHING)
    await pool.execute(
        "UPDATE eventstore.notification_preference SET opted_out ="
        " '{email:order_updates, email:payment, email:gossip, pigeon:order_updates, nonsense}'"
    )
    assert (await store.get("ada")).opted_out == {ORDER_UPDATES}
