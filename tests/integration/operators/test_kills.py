"""A worker that is killed loses no notice, and repeats only what has an unknown outcome."""

from __future__ import annotations

import signal
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager

from kit.eventually import eventually
from notifications.operators.watch import NAME
from stack.postgres import connected
from tests.support import notice_worker
from tests.support.beside import program
from tests.support.mail_sink import MailSink
from tests.support.operator_notices import OPERATOR, Operators, park
from tests.support.order_log import OrderLog
from tests.support.webhook_receiver import Receiver

LEADS = """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND classid = 7004 AND objid::bigint = hashtext($1)::bigint & 4294967295
            AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""  # noqa: E501
HOLD = """
    CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(78);
        RETURN NEW;
    END $$;
    CREATE TRIGGER hold BEFORE UPDATE ON eventstore.operator_message
        FOR EACH ROW WHEN (NEW.state = 'sent' AND NEW.target LIKE 'email:%')
        EXECUTE FUNCTION public.hold();
"""
HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 78 AND NOT granted"
SUBJECT = "Waybill: The saga of order {} is parked at capture: PROVIDER_REFUSED"


def process(url: str, sink: MailSink, receiver: Receiver) -> AbstractAsyncContextManager[Process]:
    return program(notice_worker, url, sink.smtp_url, receiver.url)


async def test_a_leader_that_is_killed_is_replaced_and_says_nothing_twice(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver, database_url: str
) -> None:
    async with process(database_url, sink, receiver) as leader:
        await park(log, "o-1")
        await eventually(lambda: are_sent(operators, 2), 60)
        assert await operators.pool.fetchval(LEADS, NAME)
        leader.send_signal(signal.SIGKILL)
    async with process(database_url, sink, receiver):
        await park(log, "o-2")
        await eventually(lambda: are_sent(operators, 4), 60)

    assert sink.subjects(OPERATOR) == [SUBJECT.format("o-1"), SUBJECT.format("o-2")]
    assert [r.event["data"]["notices"][0]["text"] for r in receiver.received] == [
        "The saga of order o-1 is parked at capture: PROVIDER_REFUSED.",
        "The saga of order o-2 is parked at capture: PROVIDER_REFUSED.",
    ]


async def are_sent(operators: Operators, count: int) -> bool:
    return [each[1] for each in await operators.messages()] == ["sent"] * count


async def test_two_workers_say_a_notice_once(
    log: OrderLog, operators: Operators, sink: MailSink, receiver: Receiver, database_url: str
) -> None:
    async with process(database_url, sink, receiver), operators.running():
        await park(log, "o-1")
        await eventually(lambda: are_sent(operators, 2), 60)
        await park(log, "o-2")
        await eventually(lambda: are_sent(operators, 4), 60)
    assert len(sink.subjects(OPERATOR)) == len(receiver.received) == 2


async def test_a_kill_between_the_answer_and_the_commit_repeats_that_mail_alone(  # noqa: PLR0913, PLR0917 - all its parts
    log: OrderLog,
    operators: Operators,
    sink: MailSink,
    receiver: Receiver,
    database_url: str,
    owner_url: str,
) -> None:
    async with connected(owner_url) as owner:
        await owner.execute(HOLD)
        await owner.execute("SELECT pg_advisory_lock(78)")
        async with process(database_url, sink, receiver) as sender:
            await park(log, "o-1")
            await eventually(lambda: owner.fetchval(HELD), 60)  # the server has answered 250
            await eventually(lambda: has_sent_the_webhook(operators), 60)
            sender.kill()
        await owner.execute(f"SELECT pg_terminate_backend(pid) FROM ({HELD}) AS held")  # noqa: S608
        assert ("email", "sending", 1, None) in await operators.messages()
        await owner.execute("SELECT pg_advisory_unlock(78)")
    async with process(database_url, sink, receiver):
        await eventually(lambda: are_sent(operators, 2), 60)

    first, again = sink.messages(OPERATOR)
    assert first["Message-ID"] == again["Message-ID"]
    assert len(receiver.received) == 1


async def has_sent_the_webhook(operators: Operators) -> bool:
    return ("webhook", "sent", 1, None) in await operators.messages()
