"""The role of a worker notifies operators by what its settings say."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress

from pydantic import SecretStr
from standardwebhooks import Webhook

from kit.eventually import eventually
from kit.pool import Pool
from roles.notifications import notify_operators
from settings import Settings
from tests.support.mail_sink import MailSink
from tests.support.operator_notices import KEY, park
from tests.support.order_log import OrderLog
from tests.support.webhook_receiver import Receiver


async def test_each_address_and_the_webhook_of_the_settings_are_notified(
    log: OrderLog, pool: Pool, sink: MailSink, receiver: Receiver
) -> None:
    settings = Settings(
        smtp_url=SecretStr(sink.smtp_url),
        mail_from="Shop <shop@shop.example>",
        operator_email="ada@waybill.example, Bob <bob@waybill.example>",
        operator_webhook_url=SecretStr(receiver.url),
        operator_webhook_secret=SecretStr(f"whsec_{base64.b64encode(KEY).decode()}"),
        allow_loopback_webhooks=True,
        _env_file=None,
    )
    await park(log, "o-1")
    task = asyncio.create_task(notify_operators(settings, pool))
    addresses = ("ada@waybill.example", "bob@waybill.example")
    await eventually(lambda: all(map(sink.messages, addresses)) and receiver.received, 90)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert [len(sink.messages(address)) for address in addresses] == [1, 1]
    [webhook] = receiver.received
    Webhook(KEY).verify(webhook.body.decode(), dict(webhook.headers))
