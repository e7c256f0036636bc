"""The role `notifications`: send mails, push messages, webhooks, and notices to operators."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence

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
from notifications.operators import config as operators
from notifications.operators.channel import Channel as OperatorChannel
from notifications.operators.mail import MailChannel
from notifications.operators.sender import NoticeSender
from notifications.operators.timing import Timing
from notifications.operators.watch import NoticeWatch
from notifications.operators.webhook import WebhookChannel
from notifications.outbox import Channel, Outbox
from notifications.policy import DeliveryPolicy
from notifications.preferences import PreferenceStore
from notifications.push.config import vapid_of
from notifications.push.sender import PushPoster, PushSender
from notifications.push.subscriptions import Subscriptions
from notifications.suppressions import Suppressions
from notifications.webhooks.client import WebhookClient
from notifications.webhooks.runner import Webhooks
from roles.job import Job, Parts
from settings import Settings

logger = logging.getLogger(__name__)


async def run_notifications(parts: Parts) -> None:
    """Send mails, push messages, webhooks and notices until cancelled, while this process leads
    each."""
    settings, pool, store, vault = parts.settings, parts.pool, parts.store, parts.vault
    await together(
        send_mails(settings, pool, store, vault),
        send_pushes(settings, pool, store, vault),
        send_webhooks(settings, pool, store),
        notify_operators(settings, pool),
    )


async def send_mails(settings: Settings, pool: Pool, store: EventStore, vault: Vault) -> None:
    """Notify customers by e-mail until cancelled, if a mail server is set."""
    if not mail.is_on(settings):
        logger.info("no mail is sent: WAYBILL_SMTP_URL is not set")
        await asyncio.Event().wait()
    server = SmtpServer.of(settings)
    suppressions = Suppressions(pool, SearchKey.of(settings))
    policy = DeliveryPolicy(PreferenceStore(pool))
    composer = Composer(store, vault, suppressions, policy, server.sender, settings.public_url)
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
        subscriptions, policy = Subscriptions(pool, vault), DeliveryPolicy(PreferenceStore(pool))
        poster = PushPoster(store, vault, subscriptions, policy, vapid, client)
        await together(
            NotificationFollower(pool, store, Channel.PUSH).run(),
            PushSender(Outbox(pool, Channel.PUSH), poster).run(),
        )


async def send_webhooks(settings: Settings, pool: Pool, store: EventStore) -> None:
    may_be_loopback = settings.allow_loopback_webhooks
    async with contextlib.aclosing(WebhookClient(may_be_loopback=may_be_loopback)) as client:
        await Webhooks(pool, store, Keyring.of(settings, "master_key"), client).run()


async def notify_operators(settings: Settings, pool: Pool) -> None:
    """Keep the notices, and say them by the channels that are set, until cancelled."""
    may_be_loopback = settings.allow_loopback_webhooks
    async with contextlib.aclosing(WebhookClient(may_be_loopback=may_be_loopback)) as client:
        channels = operator_channels(settings, client)
        targets = [channel.target for channel in channels]
        timing = Timing(remind_after=settings.operator_remind_after)
        await together(
            NoticeWatch(pool, targets, timing).run(),
            *(NoticeSender(pool, channel).run() for channel in channels),
        )


def operator_channels(settings: Settings, client: WebhookClient) -> Sequence[OperatorChannel]:
    """Return the channels that the settings name, and write a line for each that they do not."""
    channels: list[OperatorChannel] = []
    if settings.operator_email:
        server = SmtpServer.of(settings)
        channels += [MailChannel(server, email) for email in operators.emails(settings)]
    else:
        logger.info("operators get no mail: %s is not set", operators.EMAIL)
    if operators.has_webhook(settings):
        url = settings.operator_webhook_url.get_secret_value()
        channels.append(WebhookChannel(client, url, operators.webhook_key(settings)))
    else:
        logger.info("operators get no webhook: %s is not set", operators.URL)
    return channels


def _check_settings(settings: Settings) -> None:
    mail.check_settings(settings)
    operators.check_settings(settings)
    vapid_of(settings)


JOB = Job(run=run_notifications, required=operators.secrets, check_settings=_check_settings)
