"""A mail server that refuses, hangs or cuts the connection loses no mail, and gets none twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kit.eventually import eventually
from notifications.sender import Pace
from tests.integration.notifications.orders import Customer, place
from tests.support.mail_sink import MailSink, without_listener
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_mail_that_is_put_off_is_sent_later(
    log: OrderLog, mailing: Mailing, sink: MailSink, stage: str
) -> None:
    ada = Customer()
    await sink.fail("451 4.3.0 try again later", stage=stage, times=2)
    order_id = await place(log, ada)
    await mailing.settle()

    assert await mailing.causes(order_id) == [("sent", 3, None)]
    assert len(sink.messages(ada.email)) == 1


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_mail_that_is_refused_for_good_is_given_up(
    log: OrderLog, mailing: Mailing, sink: MailSink, stage: str
) -> None:
    ada, bob = Customer(), Customer()
    await sink.fail("554 5.7.1 not wanted", stage=stage)
    order_id = await place(log, ada)
    await mailing.settle()
    other = await place(log, bob)
    await mailing.settle()

    assert await mailing.causes(order_id) == [("failed", 1, "SMTP 554 5.7.1")]
    assert sink.messages(ada.email) == []
    assert await mailing.causes(other) == [("sent", 1, None)]
    assert not await mailing.suppressions.is_suppressed(ada.email)


async def test_a_mailbox_that_does_not_exist_is_written_to_once(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    await sink.fail("550 5.1.1 no such mailbox", stage="rcpt")
    first = await place(log, ada)
    await mailing.settle()
    second = await place(log, ada)
    await mailing.settle()

    assert await mailing.causes(first) == [("failed", 1, "SMTP 550 5.1.1")]
    assert await mailing.states(second) == [("received", "suppressed")]
    assert sink.messages(ada.email) == []


async def test_a_mail_that_is_always_put_off_is_given_up_after_its_last_attempt(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    await sink.fail("452 4.2.2 mailbox full", stage="rcpt", times=4)
    order_id = await place(log, ada)
    await mailing.settle()
    assert await mailing.causes(order_id) == [("failed", 4, "SMTP 452 4.2.2")]

    assert await mailing.outbox.retry(order_id) == 1
    await mailing.settle()
    assert await mailing.causes(order_id) == [("sent", 1, None)]
    assert len(sink.messages(ada.email)) == 1


@pytest.mark.parametrize(
    ("stage", "cause"), [("rcpt", "no answer in time"), ("data", "no answer in time")]
)
async def test_a_server_that_hangs_delays_a_mail_and_loses_none(
    log: OrderLog, mailing: Mailing, sink: MailSink, stage: str, cause: str
) -> None:
    ada = Customer()
    await sink.fail("hang", stage=stage)
    order_id = await place(log, ada)
    await mailing.follow()
    mailing.pace = replace(mailing.pace, max_attempts=1)
    await mailing.settle()
    assert await mailing.causes(order_id) == [("failed", 1, cause)]

    await mailing.outbox.retry()
    await mailing.settle()
    assert await mailing.causes(order_id) == [("sent", 1, None)]
    assert len(sink.messages(ada.email)) == 1


async def test_a_connection_that_is_cut_before_the_mail_is_taken_repeats_nothing(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    await sink.fail("drop")
    order_id = await place(log, ada)
    await mailing.settle()

    assert await mailing.causes(order_id) == [("sent", 2, None)]
    assert len(sink.messages(ada.email)) == 1


async def test_a_mail_whose_outcome_is_unknown_is_sent_again_under_the_same_id(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    await sink.fail("keep_and_drop")
    order_id = await place(log, ada)
    await mailing.settle()

    assert await mailing.causes(order_id) == [("sent", 2, None)]
    first, second = sink.messages(ada.email)
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_connection_that_is_cut_after_the_answer_repeats_nothing(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada, bob = Customer(), Customer()
    await sink.fail("answer_and_drop")
    first, second = await place(log, ada), await place(log, bob)
    await mailing.settle()

    assert await mailing.causes(first) == [("sent", 1, None)]
    assert [state for state, _, _ in await mailing.causes(second)] == ["sent"]
    assert len(sink.messages(ada.email)) == len(sink.messages(bob.email)) == 1


async def test_a_server_that_is_away_costs_no_attempt(
    log: OrderLog, mailing: Mailing, sink: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    away = replace(mailing, smtp_url=without_listener(sink).smtp_url)
    async with away.running():
        await eventually(lambda: "the mail server of WAYBILL_SMTP_URL" in caplog.text, 10)
    assert await mailing.causes(order_id) == [("pending", 0, None)]

    await mailing.settle()
    assert await mailing.causes(order_id) == [("sent", 1, None)]


async def test_no_password_and_no_mail_is_sent_without_encryption(
    log: OrderLog, mailing: Mailing, sink: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    url = sink.smtp_url.replace("smtp://", "smtp://shop:f00dcafe@")
    async with replace(mailing, smtp_url=url).running():
        await eventually(lambda: "STARTTLS" in caplog.text, 10)

    assert await mailing.causes(order_id) == [("pending", 0, None)]
    assert sink.messages(ada.email) == []
    assert "f00dcafe" not in caplog.text


async def test_a_server_that_greets_with_a_refusal_costs_no_attempt(
    log: OrderLog, mailing: Mailing, sink: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = await place(log, Customer())
    await sink.fail("421 4.3.2 closing", stage="connect", times=2)
    async with mailing.running():
        await eventually(lambda: "takes no connection: SMTP 4" in caplog.text, 10)
        await eventually(mailing.is_settled, 20)

    assert await mailing.causes(order_id) == [("sent", 1, None)]


async def test_a_sender_that_stops_finishes_the_mail_it_is_sending(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    customers = [Customer() for _ in range(20)]
    for customer in customers:
        await place(log, customer)
    await mailing.follow()
    sending = asyncio.create_task(mailing.send())
    await eventually(lambda: sink.messages(customers[3].email), 10)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    sent = "SELECT count(*) FROM eventstore.notification WHERE state = 'sent'"
    arrived = sum(len(sink.messages(customer.email)) for customer in customers)
    assert await mailing.pool.fetchval(sent) == arrived
    assert 4 <= arrived < 20


def test_the_attempts_are_spread_over_about_a_day() -> None:
    pace = Pace()
    pauses = [pace.pause(attempt).total_seconds() for attempt in range(1, pace.max_attempts)]
    assert 11 <= pauses[0] <= 19
    assert max(pauses) <= 4500
    assert 18 * 3600 < sum(pauses) < 30 * 3600
    assert len({round(pace.pause(20).total_seconds()) for _ in range(20)}) > 5
