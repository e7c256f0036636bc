"""No mail is lost while its sender is killed, and only one of unknown outcome is sent again.

`make mail-kills` kills the sender fifty times.
"""

from __future__ import annotations

import asyncio
import random
import signal
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from kit.eventually import eventually
from kit.pool import Pool
from stack.postgres import connected
from tests.integration.notifications.orders import Customer, deliver, place
from tests.support import mail_worker
from tests.support.beside import program
from tests.support.keys import MASTER_KEY, SEARCH_KEY
from tests.support.mail_sink import MailSink, mail_sink
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog

MAILS_BETWEEN_KILLS = 12
MAILS_OF_AN_ORDER = 3
SENT = "SELECT id::text FROM eventstore.notification WHERE state = 'sent'"
ATTEMPTS = "SELECT id::text, attempts FROM eventstore.notification WHERE state = 'sending'"
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
"""
HOLD = """
    CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(77);
        RETURN NEW;
    END $$;
    CREATE TRIGGER hold BEFORE UPDATE ON eventstore.notification
        FOR EACH ROW WHEN (NEW.state = 'sent') EXECUTE FUNCTION public.hold();
"""
HELD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted"


def sending(url: str, sink: MailSink) -> AbstractAsyncContextManager[Process]:
    return program(mail_worker, url, sink.smtp_url, MASTER_KEY.hex(), SEARCH_KEY.hex())


async def attempts_without_outcome(pool: Pool) -> set[tuple[str, int]]:
    """Return the mails that were being sent when their sender was killed, and which attempt."""
    return {(row[0], row[1]) for row in await pool.fetch(ATTEMPTS)}


async def arrived(sink: MailSink) -> Counter[str]:
    """Return how often the mail of each notification has arrived."""
    counts = await sink.counts()
    return Counter({mail.strip("<>").partition("@")[0]: n for mail, n in counts.items()})


@pytest.fixture
async def own_sink(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSink]:
    sink = mail_sink(tmp_path_factory.mktemp("kills"))
    async with sink.running():
        yield sink


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.matrix)])
async def test_kills_lose_no_mail_and_repeat_only_those_of_unknown_outcome(
    log: OrderLog, mailing: Mailing, own_sink: MailSink, database_url: str, kills: int
) -> None:
    orders = kills * MAILS_BETWEEN_KILLS * 2 // MAILS_OF_AN_ORDER
    for _ in range(orders):
        await deliver(log, await place(log, Customer()))
    times = random.Random(kills)  # noqa: S311 - no secret
    unknown: set[tuple[str, int]] = set()

    for _ in range(kills):
        before = (await arrived(own_sink)).total()
        more = times.randint(1, MAILS_BETWEEN_KILLS)
        async with sending(database_url, own_sink) as process:
            await eventually(lambda: has_more(own_sink, before + more), 60, 0.001)  # noqa: B023
            await asyncio.sleep(times.random() * 0.01)  # anywhere in the sending of a mail
            process.send_signal(signal.SIGKILL)
        await eventually(lambda: is_alone(mailing.pool), 10)
        now = await attempts_without_outcome(mailing.pool)
        assert len(now - unknown) <= 1
        unknown |= now
    async with sending(database_url, own_sink):
        await eventually(mailing.is_settled, 120, 0.1)

    counts = await arrived(own_sink)
    assert {row[0] for row in await mailing.pool.fetch(SENT)} == set(counts)
    assert len(counts) == orders * MAILS_OF_AN_ORDER
    repeats = counts - Counter(dict.fromkeys(counts, 1))
    assert repeats <= Counter(mail for mail, _ in unknown)
    assert repeats.total() <= kills


async def has_more(sink: MailSink, count: int) -> bool:
    return (await arrived(sink)).total() >= count


async def is_alone(pool: Pool) -> bool:
    """Return whether the statements of the killed process have ended."""
    return bool(await pool.fetchval(OTHERS) == 0)


async def test_a_kill_between_the_answer_and_the_commit_repeats_that_mail_alone(
    log: OrderLog, mailing: Mailing, own_sink: MailSink, database_url: str, owner_url: str
) -> None:
    ada, bob = Customer(), Customer()
    first = await place(log, ada)
    async with connected(owner_url) as owner:
        await owner.execute(HOLD)
        await owner.execute("SELECT pg_advisory_lock(77)")
        async with sending(database_url, own_sink) as process:
            await eventually(lambda: owner.fetchval(HELD), 20)  # the server has answered 250
            process.kill()
        await owner.execute(f"SELECT pg_terminate_backend(pid) FROM ({HELD}) AS held")  # noqa: S608
        assert await mailing.states(first) == [("received", "sending")]
        await owner.execute("SELECT pg_advisory_unlock(77)")
    second = await place(log, bob)
    async with sending(database_url, own_sink):
        await eventually(lambda: both_are_sent(mailing, first, second), 20)

    repeated, again = own_sink.messages(ada.email)
    assert repeated["Message-ID"] == again["Message-ID"]
    assert len(own_sink.messages(bob.email)) == 1


async def both_are_sent(mailing: Mailing, first: str, second: str) -> bool:
    sent = [("received", "sent")]
    return await mailing.states(first) == await mailing.states(second) == sent
