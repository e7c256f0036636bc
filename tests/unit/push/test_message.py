"""A message says in the customer's language what has happened, and names no person."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from notifications.facts import Notice
from notifications.mail.language import languages
from notifications.push.encryption import BrowserKeys
from notifications.push.message import (
    MAX_BODY_CHARACTERS,
    delivery_headers,
    payload_of,
    push_of,
)
from notifications.push.subscriptions import Target
from tests.support.order_log import ADDRESS
from tests.support.push import Browser, a_vapid
from tests.unit.notifications.mails import ID, facts_of

ENDPOINT = "https://push.example/secret-path"


def message(kind: Notice, language: str = "en") -> dict[str, Any]:
    payload = payload_of(facts_of(kind), languages()[language], None, ID)
    decoded: dict[str, Any] = json.loads(payload)
    return decoded


def test_the_message_of_a_parcel_that_has_left() -> None:
    shown = message(Notice.SHIPPED)
    number = facts_of(Notice.SHIPPED).created.number
    assert shown == {
        "id": str(ID),
        "kind": "shipped",
        "orderNumber": number,
        "title": f"Your order {number} is on its way",
        "body": "The carrier has your parcel. Tracking number: WB000000001GB",
        "lang": "en",
        "at": "2026-11-30T23:30:00+00:00",
    }


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", Notice)
def test_each_notice_has_a_short_message_without_personal_data(kind: Notice, language: str) -> None:
    shown = message(kind, language)
    assert (shown["kind"], shown["lang"]) == (kind, language)
    assert shown["title"]
    assert 0 < len(shown["body"]) <= MAX_BODY_CHARACTERS
    assert "{" not in shown["title"] + shown["body"]
    for personal in (ADDRESS.street, ADDRESS.city, "@", "+44"):
        assert personal not in json.dumps(shown)


@pytest.mark.parametrize(
    ("kind", "urgency"), [(Notice.PAYMENT_NEEDED, "high"), (Notice.DELIVERED, "normal")]
)
def test_a_message_that_the_customer_must_act_on_is_urgent(kind: Notice, urgency: str) -> None:
    headers = delivery_headers(kind, timedelta(hours=2.5), ID)
    assert headers == {"ttl": "9000", "urgency": urgency, "topic": ID.hex}


def test_a_request_shows_its_recipient_nowhere() -> None:
    browser = Browser()
    target = Target(ENDPOINT, BrowserKeys.of(browser.p256dh, browser.auth))
    push = push_of(b"{}", target, a_vapid(), {})
    assert (repr(target), repr(push)) == ("Target()", "Push()")
    assert Target.from_bytes(target.as_bytes()) == target
    assert push.headers["content-encoding"] == "aes128gcm"
    assert push.headers["content-type"] == "application/octet-stream"
