"""The role `notifications`: send mails and push messages to customers, and webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from eventstore.privacy.keyring import Keyring
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from kit.pool import Pool
from kit.tasks import together
from notifications.follower import NotificationFollower
from notifications.mail import config as mail
from notifications.mail.composer import Composer
from notifications.mail.sender import MailSender
from notifications.mail.smtp import SmtpServer
from notifications.outbox import Channel, Outbox
from notifications.push.config import vapid_of
from notifications.push.sender import PushPoster, PushSender
from notifications.push.subscriptions import Subscriptions
from notifications.suppressions import Suppressions
from notifications.webhooks.client import WebhookClient
from notifications.webhooks.runner import Webhooks
from settings import Settings

logger = logging.getLogger(__name__)


async def run_notifications(
    settings: Settings, pool: Pool, store: EventStore, vault: Vault
) -> None:
    """Send mails, push messages and webhooks until cancelled, while this process leads each."""
    await together(
        send_mails(settings, pool, store, vault),
        send_pushes(settings, pool, store, vault),
        send_webhooks(settings, pool, store),
    )


async def send_mails(settings: Settings, pool: Pool, store: EventStore, vault: Vault) -> None:
    """Notify customers by e-mail until cancelled, if a mail server is set."""
    if not mail.is_on(settings):
        logger.info("no mail is sent: WAYBILL_SMTP_URL is not set")
        await asyncio.Event().wait()
    server = SmtpServer.of(settings)
    suppressions = Suppressions(pool, SearchKey.of(settings))
    composer = Composer(store, vault, suppressions, server.sender, settings.public_url)
    outbox = Outbox(pool, Channel.EMAIL)
    await together(
        NotificationFollower(pool, store, Channel.EMAIL).run(),
        MailSender(outbox, composer, suppressions, server).run(),
    )


async def send_pushes(settings: Settings, pool: Pool, store: EventStore, vault: Vault) -> None:
    """Notify customers' browsers until cancelled, if the installation has keys."""
    vapid = vapid_of(settings)
    if vapid is None:
        logger.info("no push message is sent: WAYBILL_VAPID_PRIVATE_KEY is not set")
        await asyncio.Event().wait()
        return
    may_be_loopback = settings.allow_loopback_webhooks
    async with contextlib.aclosing(WebhookClient(may_be_loopback=may_be_loopback)) as client:
        poster = PushPoster(store, vault, Subscriptions(pool, vault), vapid, client)
        await together(
            NotificationFollower(pool, store, Channel.PUSH).run(),
            PushSender(Outbox(pool, Channel.PUSH), poster).run(),
        )


async def send_webhooks(settings: Settings, pool: Pool, store: EventStore) -> None:
    may_be_loopback = settings.allow_loopback_webhooks
    async with contextlib.aclosing(WebhookClient(may_be_loopback=may_be_loopback)) as client:
        await Webhooks(pool, store, Keyring.of(settings, "master_key"), client).run()
