"""The command for operators, and for programs that read bounces and complaints."""

from __future__ import annotations

import base64

import pytest
from pydantic import SecretStr

from notifications.__main__ import NotAnAddress, parser, run
from settings import Settings
from tests.integration.notifications.orders import Customer, place
from tests.support.keys import SEARCH_KEY
from tests.support.mail_sink import MailSink
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog

SUPPRESS = ("suppress", "--reason", "complained")


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(
        database_url=SecretStr(database_url),
        search_key=SecretStr(base64.b64encode(SEARCH_KEY).decode()),
        _env_file=None,
    )


async def test_an_address_that_has_complained_gets_no_mail_until_that_is_lifted(
    log: OrderLog, mailing: Mailing, settings: Settings
) -> None:
    ada = Customer()
    lines = [f" {ada.email.upper()} "]
    said = await run(settings, parser().parse_args(SUPPRESS), lines)
    assert said == "1 addresses get no mail."
    first = await place(log, ada)
    await mailing.settle()
    assert await mailing.states(first) == [("received", "suppressed")]

    said = await run(settings, parser().parse_args(["lift"]), [*lines, "bob@byron.example.org"])
    assert said == "1 of 2 addresses were suppressed, and get mail again."
    second = await place(log, ada)
    await mailing.settle()
    assert await mailing.states(second) == [("received", "sent")]


async def test_a_line_that_is_no_address_is_named_by_its_number_and_changes_nothing(
    mailing: Mailing, settings: Settings
) -> None:
    ada = Customer()
    with pytest.raises(NotAnAddress) as refused:
        await run(settings, parser().parse_args(SUPPRESS), [ada.email, "no address"])

    assert str(refused.value).startswith("line 2: this is no e-mail address")
    assert "no address;" not in str(refused.value)
    assert not await mailing.suppressions.is_suppressed(ada.email)


async def test_what_has_failed_is_sent_again(
    log: OrderLog, mailing: Mailing, sink: MailSink, settings: Settings
) -> None:
    ada = Customer()
    await sink.fail("554 5.7.1 not wanted")
    order_id = await place(log, ada)
    await mailing.settle()
    for order, count in (("another", 0), (order_id, 1), (order_id, 0)):
        said = await run(settings, parser().parse_args(["retry", "--order", order]), [])
        assert said == f"{count} notifications are sent again."
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent")]
    assert len(sink.messages(ada.email)) == 1
