"""Each notice is said once by mail and once by webhook, and once more if it is left open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from standardwebhooks import Webhook

from domain.saga.events import SagaParked
from kit.eventually import eventually
from notifications.operators.acknowledging import NoticeAcknowledgements
from notifications.operators.timing import Timing
from notifications.operators.webhook import WebhookChannel
from notifications.webhooks.client import WebhookClient
from tests.support.letters import store_letter
from tests.support.mail_sink import MailSink, without_listener
from tests.support.operator_notices import KEY, OPERATOR, Operators, park, parked, retry
from tests.support.order_log import ADDRESS, CONTACT, OrderLog
from tests.support.webhook_receiver import Receiver, status

USUAL = Timing()
FLAPPED = USUAL.flap_window + timedelta(seconds=1)
REMINDED = USUAL.remind_after + timedelta(seconds=1)
GATHER = PAUSE = timedelta(minutes=30)
"""Longer than usual, so that no slow machine lets it pass."""
DUE_NOW = "UPDATE eventstore.operator_message SET due_at = clock_timestamp() WHERE ended_at IS NULL"
IDS = "SELECT id FROM eventstore.operator_notice ORDER BY id"


def text(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


def subjects(sink: MailSink) -> Sequence[str]:
    return sink.subjects(OPERATOR)


async def acknowledge(operators: Operators) -> None:
    for row in await operators.pool.fetch(IDS):
        await NoticeAcknowledgements(operators.pool).acknowledge(row["id"], "operator:ada", None)


async def test_a_parked_saga_gives_one_mail_and_one_webhook(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await log.place("o-1", number="W-ABCDEFGHJK")
    await park(log, "o-1")
    await operators.settle()
    await operators.settle()

    says = "The saga of order W-ABCDEFGHJK is parked at capture: PROVIDER_REFUSED."
    [mail] = sink.messages(OPERATOR)
    assert mail["Subject"] == f"Waybill: {says.rstrip('.')}"
    assert mail["To"] == OPERATOR
    assert mail["Auto-Submitted"] == "auto-generated"
    assert text(mail).startswith(f"* {says}\n  Notice 1, since 20")
    assert "\n  Order id o-1\n" in text(mail)
    assert "\n  See docs/SAGAS.md#how-to-intervene-in-a-parked-saga\n" in text(mail)
    [webhook] = receiver.received
    [notice] = webhook.event["data"]["notices"]
    assert notice | {"since": None} == {
        "id": "1",
        "kind": "parked_saga",
        "subject": "o-1",
        "orderNumber": "W-ABCDEFGHJK",
        "text": says,
        "since": None,
        "isReminder": False,
        "documentation": "docs/SAGAS.md#how-to-intervene-in-a-parked-saga",
    }
    assert webhook.event["data"]["counts"] == {"parked_saga": 1}
    assert webhook.event["type"] == "waybill.OperatorNotices.v1"
    assert webhook.event["id"] == webhook.id
    Webhook(KEY).verify(webhook.body.decode(), dict(webhook.headers))
    assert sorted(await operators.messages()) == [
        ("email", "sent", 1, None),
        ("webhook", "sent", 1, None),
    ]


async def test_a_saga_that_is_resolved_and_parks_again_gives_a_second_of_each(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await park(log, "o-1")
    await operators.settle()
    await retry(log, "o-1")
    await operators.settle()
    await operators.pass_time(FLAPPED)
    await park(log, "o-1", parking=2)
    await operators.settle()

    assert len(subjects(sink)) == len(receiver.received) == 2
    first, second = sink.messages(OPERATOR)
    assert first["Message-ID"] != second["Message-ID"]


async def test_a_cause_that_flaps_is_said_once(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    for parking in range(1, 4):
        await park(log, "o-1", parking)
        await operators.settle()
        await retry(log, "o-1", parking)
        await operators.settle()
    assert len(subjects(sink)) == len(receiver.received) == 1


async def test_a_thousand_parked_sagas_give_one_digest(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await asyncio.gather(*(park(log, f"o-{number:04}") for number in range(1000)))
    await store_letter(operators.pool, failed_seconds_ago=3600)
    await operators.settle()
    await operators.settle()

    [mail] = sink.messages(OPERATOR)
    counts = "1 group with dead letters, 1,000 parked sagas"
    assert mail["Subject"] == f"Waybill: 1,001 notices for operators: {counts}"
    assert text(mail).count("\n  Notice ") == 20
    assert f"981 more notices are not listed here. In all: {counts}." in text(mail)
    [webhook] = receiver.received
    assert len(webhook.event["data"]["notices"]) == 20
    assert webhook.event["data"]["total"] == 1001
    assert webhook.event["data"]["counts"] == {"dead_letters": 1, "parked_saga": 1000}


async def test_causes_that_come_together_are_gathered_and_said_together(
    log: OrderLog, operators: Operators, sink: MailSink
) -> None:
    operators.timing = replace(operators.timing, gather=GATHER)
    await park(log, "o-1")
    await operators.settle()
    await park(log, "o-2")
    await operators.settle()
    assert subjects(sink) == []

    await operators.pass_time(GATHER)
    await park(log, "o-3")
    await operators.settle()
    assert subjects(sink) == ["Waybill: 3 notices for operators: 3 parked sagas"]


async def test_a_cause_that_ends_before_its_message_is_not_said(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    operators.timing = replace(operators.timing, gather=GATHER)
    await park(log, "o-1")
    await operators.settle()
    await retry(log, "o-1")
    await operators.settle()
    await operators.pass_time(GATHER)
    await operators.settle()
    assert (subjects(sink), receiver.received) == ([], [])


async def test_a_target_gets_no_two_messages_without_a_pause_between(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    operators.timing = replace(operators.timing, pause=PAUSE)
    await park(log, "o-1")
    await operators.settle()
    for number in range(2, 5):
        await park(log, f"o-{number}")
        await operators.settle()
    assert len(subjects(sink)) == len(receiver.received) == 1

    await operators.pass_time(PAUSE)
    await operators.settle()
    assert subjects(sink)[1:] == ["Waybill: 3 notices for operators: 3 parked sagas"]
    assert len(receiver.received) == 2


async def test_a_notice_that_is_left_open_is_said_once_more_and_then_no_more(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await park(log, "o-1")
    await operators.settle()
    await operators.pass_time(USUAL.remind_after - timedelta(minutes=1))
    await operators.settle()
    assert len(subjects(sink)) == 1

    for _ in range(3):
        await operators.pass_time(REMINDED)
        await operators.settle()
    first, second = sink.messages(OPERATOR)
    assert "not acknowledged yet" in text(second)
    assert "not acknowledged yet" not in text(first)
    assert [r.event["data"]["notices"][0]["isReminder"] for r in receiver.received] == [False, True]


async def test_an_acknowledged_notice_is_not_said_again(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await park(log, "o-1")
    await operators.settle()
    await acknowledge(operators)
    for _ in range(2):
        await operators.pass_time(REMINDED)
        await operators.settle()
    assert len(subjects(sink)) == len(receiver.received) == 1


async def test_a_notice_that_is_acknowledged_before_its_message_is_not_said(
    log: OrderLog, silent: Operators, operators: Operators, sink: MailSink
) -> None:
    await park(log, "o-1")
    await silent.look()
    await acknowledge(silent)
    await operators.settle()
    assert subjects(sink) == []


async def test_what_comes_back_after_its_acknowledgement_is_said_once_more(
    log: OrderLog, operators: Operators, sink: MailSink
) -> None:
    await park(log, "o-1")
    await operators.settle()
    await operators.pass_time(REMINDED)
    await operators.settle()
    await acknowledge(operators)
    await retry(log, "o-1")
    await operators.settle()
    await park(log, "o-1", parking=2)
    await operators.settle()
    assert len(subjects(sink)) == 2

    for _ in range(2):
        await operators.pass_time(REMINDED)
        await operators.settle()
    assert len(subjects(sink)) == 3


async def test_a_channel_that_is_switched_on_later_says_what_is_still_open(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await park(log, "o-1")
    await replace(operators, webhook_url=None).settle()
    assert (len(subjects(sink)), receiver.received) == (1, [])

    await operators.settle()
    assert (len(subjects(sink)), len(receiver.received)) == (1, 1)


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_mail_that_is_put_off_is_sent_later_under_its_id(
    log: OrderLog, operators: Operators, sink: MailSink, stage: str
) -> None:
    await sink.fail("451 4.3.0 try again later", stage=stage, times=2)
    await park(log, "o-1")
    mails = replace(operators, webhook_url=None)
    await mails.settle()

    assert await mails.messages() == [("email", "sent", 3, None)]
    assert len(subjects(sink)) == 1


async def test_a_mail_that_is_refused_for_good_is_given_up_and_the_reminder_is_sent(
    log: OrderLog, operators: Operators, sink: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    await sink.fail("550 5.7.1 not you", stage="rcpt")
    await park(log, "o-1")
    mails = replace(operators, webhook_url=None)
    await mails.settle()
    assert await mails.messages() == [("email", "failed", 1, "SMTP 550 5.7.1")]
    assert "was given up after 1 attempts: SMTP 550 5.7.1" in caplog.text
    assert OPERATOR not in caplog.text

    await mails.pass_time(REMINDED)
    await mails.settle()
    assert len(subjects(sink)) == 1


async def test_a_mail_whose_outcome_is_unknown_is_sent_again_under_the_same_id(
    log: OrderLog, operators: Operators, sink: MailSink
) -> None:
    await sink.fail("keep_and_drop")
    await park(log, "o-1")
    await operators.settle()
    first, second = sink.messages(OPERATOR)
    assert first["Message-ID"] == second["Message-ID"]
    assert text(first) == text(second)


async def test_a_mail_server_that_is_away_costs_no_attempt_and_stops_no_webhook(
    log: OrderLog,
    operators: Operators,
    sink: MailSink,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await park(log, "o-1")
    away = replace(operators, smtp_url=without_listener(sink).smtp_url)
    async with away.running():
        await receiver.until(1)
        await eventually(lambda: "the mail server of WAYBILL_SMTP_URL" in caplog.text)
    assert ("email", "pending", 0, None) in await operators.messages()

    await operators.settle()
    assert len(subjects(sink)) == len(receiver.received) == 1


async def test_what_happens_while_a_target_is_away_is_said_in_one_message(
    log: OrderLog, operators: Operators, receiver: Receiver
) -> None:
    webhooks = replace(operators, smtp_url=None)
    receiver.respond = status(503)
    async with webhooks.running():
        await park(log, "o-1")
        await receiver.until(1)
        for number in range(2, 5):
            await park(log, f"o-{number}")
            await eventually(lambda: is_open(webhooks, f"saga:o-{number}:capture"))  # noqa: B023
    assert len(await webhooks.messages()) == 1

    receiver.respond = status(204)
    await webhooks.pool.execute(DUE_NOW)
    await webhooks.settle()
    await webhooks.settle()
    first, *again, rest = receiver.received
    assert {(each.id, each.body) for each in again} == {(first.id, first.body)}
    assert rest.id != first.id
    assert rest.event["data"]["counts"] == {"parked_saga": 3}


async def is_open(operators: Operators, key: str) -> bool:
    return key in await operators.open()


async def test_a_webhook_without_a_receiver_is_tried_again(
    log: OrderLog, operators: Operators, receiver: Receiver
) -> None:
    webhooks = replace(operators, smtp_url=None)
    down = replace(webhooks, webhook_url="http://127.0.0.1:9/hook")
    await park(log, "o-1")
    async with down.running():
        await eventually(lambda: has_failed(down, "not_connected"))
    await webhooks.pool.execute(DUE_NOW)
    await webhooks.settle()
    assert len(receiver.received) == 1
    [(_, state, attempts, _)] = await webhooks.messages()
    assert (state, attempts >= 2) == ("sent", True)


async def has_failed(operators: Operators, cause: str) -> bool:
    return [(each[1], each[3]) for each in await operators.messages()] == [("pending", cause)]


@pytest.mark.parametrize(("code", "outcome"), [(410, "failed"), (302, "pending"), (400, "pending")])
async def test_only_a_receiver_that_is_gone_ends_a_webhook_at_once(
    log: OrderLog, operators: Operators, receiver: Receiver, code: int, outcome: str
) -> None:
    receiver.respond = status(code, {"location": receiver.url})
    webhooks = replace(operators, smtp_url=None)
    await park(log, "o-1")
    async with webhooks.running():
        await eventually(lambda: has_state(webhooks, outcome))
    [(_, _, attempts, _)] = await webhooks.messages()
    assert len(receiver.received) == attempts


async def has_state(operators: Operators, state: str) -> bool:
    return [each[1] for each in await operators.messages() if each[3]] == [state]


async def test_a_webhook_that_has_failed_for_days_is_given_up(
    log: OrderLog, operators: Operators, receiver: Receiver
) -> None:
    receiver.respond = status(500)
    webhooks = replace(operators, smtp_url=None)
    await park(log, "o-1")
    await webhooks.look()
    await webhooks.pass_time(timedelta(days=3, seconds=1))
    await webhooks.pool.execute(DUE_NOW)
    async with webhooks.running():
        await eventually(webhooks.is_settled)
    assert await webhooks.messages() == [("webhook", "failed", 1, "server_error")]


async def test_a_private_address_is_refused_where_the_socket_connects(
    log: OrderLog, operators: Operators, receiver: Receiver
) -> None:
    client = WebhookClient(may_be_loopback=False)
    guarded = _Guarded(**vars(replace(operators, smtp_url=None)))
    guarded.client = client
    await park(log, "o-1")
    async with guarded.running():
        await eventually(lambda: has_failed(guarded, "forbidden_address"))
    await client.aclose()
    assert (receiver.received, receiver.connections) == ([], 0)


class _Guarded(Operators):
    client: WebhookClient

    def channels(self, client: WebhookClient) -> Sequence[WebhookChannel]:
        del client
        assert self.webhook_url is not None
        return [WebhookChannel(self.client, self.webhook_url, KEY)]


async def test_nothing_of_a_customer_is_in_a_message_or_a_row(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver
) -> None:
    await log.place("o-1", customer_id="c-marked")
    event: SagaParked = parked("o-1", message="MARKED 1 Mill Lane refused")
    await log.append("saga-o-1", event)
    await operators.settle()

    [mail] = sink.messages(OPERATOR)
    [webhook] = receiver.received
    tables = ("operator_notice", "operator_message", "operator_notice_message")
    rows = [
        json.dumps(
            [dict(row) for row in await operators.pool.fetch(f"TABLE eventstore.{name}")],
            default=str,
        )
        for name in tables
    ]
    said = "\n".join([mail.as_string(), text(mail), webhook.body.decode(), *rows])
    marks = [ADDRESS.name, ADDRESS.street, ADDRESS.city, ADDRESS.postal_code, ADDRESS.phone]
    marks += [CONTACT.email, CONTACT.phone, "c-marked", "MARKED"]
    assert [mark for mark in marks if mark is not None and mark in said] == []
    assert "o-1" in said
