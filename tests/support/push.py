"""Browsers with keys of their own, and a follower and a sender of push messages."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from notifications.outbox import Channel, Outbox
from notifications.policy import DeliveryPolicy
from notifications.preferences import PreferenceStore
from notifications.push.registry import PushRegistry, PushSubscription
from notifications.push.sender import PushPoster, PushSender
from notifications.push.subscriptions import Subscriptions
from notifications.push.vapid import Vapid
from notifications.sender import Pace
from notifications.webhooks.client import WebhookClient
from notifications.webhooks.url import UrlRules
from settings import Settings
from tests.support.notifying import Notifying
from tests.support.webhook_receiver import Received, Respond

VAPID_KEY: Final = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
"""The key of the sender in the example of RFC 8291: everybody knows it."""
VAPID_SUBJECT: Final = "mailto:push@shop.example"
ANSWER_TIMEOUT_SECONDS: Final = 0.5
HOLD: Final = timedelta(milliseconds=50)
ROWS: Final = """
    SELECT * FROM eventstore.notification
    WHERE channel = 'push' AND order_id = $1 ORDER BY position, recipient
"""


def in_turn(*answers: Respond) -> Respond:
    """Answer with each of these once, and with the last one from then on."""
    left = list(answers)

    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(received, writer)

    return respond


async def cut(_: Received, writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer."""
    writer.transport.abort()


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def a_vapid(key: str = VAPID_KEY) -> Vapid:
    settings = Settings(
        vapid_private_key=SecretStr(key), vapid_subject=VAPID_SUBJECT, _env_file=None
    )
    return Vapid.of(settings)


@dataclass
class Browser:
    """A browser that has made a subscription, and decrypts what it gets."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = field(default_factory=lambda: os.urandom(16))
    path: str = field(default_factory=lambda: f"/push/{os.urandom(16).hex()}")

    @property
    def p256dh(self) -> str:
        public = self.key.public_key()
        return base64url(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    @property
    def auth(self) -> str:
        return base64url(self.secret)

    def decrypt(self, body: bytes) -> bytes:
        plain: bytes = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
        )
        return plain

    def messages(self, received: Sequence[Received]) -> Sequence[Mapping[str, Any]]:
        """Return the messages to this browser, decrypted."""
        return [json.loads(self.decrypt(r.body)) for r in received if r.path == self.path]


QUICK: Final = Pace(
    first_pause=timedelta(milliseconds=50),
    longest_pause=timedelta(milliseconds=100),
    max_attempts=4,
    attempt_timeout=timedelta(seconds=20),
    lease=timedelta(seconds=30),
    look_every=timedelta(milliseconds=20),
)


@dataclass
class Pushing(Notifying):
    channel = Channel.PUSH
    pace: Pace = QUICK
    hold: timedelta = HOLD
    may_be_loopback: bool = True
    answer_timeout: float = ANSWER_TIMEOUT_SECONDS
    vapid: Vapid | None = field(default_factory=a_vapid)

    @property
    def registry(self) -> PushRegistry:
        urls = UrlRules(may_be_loopback=True, field="endpoint")
        return PushRegistry(self.pool, self.vault, self.search_key, urls, self.vapid)

    async def subscribe(self, customer_id: str, browser: Browser, origin: str) -> PushSubscription:
        endpoint = f"{origin}{browser.path}"
        keys = (endpoint, browser.p256dh, browser.auth)
        subscription = (await self.registry.subscribe(customer_id, *keys)).subscription
        assert subscription is not None
        return subscription

    async def send(self) -> None:
        client = WebhookClient(
            may_be_loopback=self.may_be_loopback, timeout_seconds=self.answer_timeout
        )
        async with aclosing(client):
            subscriptions, vapid = Subscriptions(self.pool, self.vault), self.vapid
            assert vapid is not None
            policy = DeliveryPolicy(PreferenceStore(self.pool))
            poster = PushPoster(
                self.store, self.vault, subscriptions, policy, vapid, client, self.hold
            )
            await PushSender(Outbox(self.pool, Channel.PUSH), poster, self.pace).run()

    async def rows(self, order_id: str) -> Sequence[tuple[str, str, int, str | None]]:
        """Return the kind, the state, the attempts and the cause of each notification."""
        rows = await self.pool.fetch(ROWS, order_id)
        return [(row["kind"], row["state"], row["attempts"], row["cause"]) for row in rows]

    async def subscriptions(self) -> int:
        count = "SELECT count(*) FROM eventstore.push_subscription"
        return int(await self.pool.fetchval(count))
