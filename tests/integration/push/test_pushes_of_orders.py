"""Each final fact of an order gives one message to each of its customer's browsers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order.contact import Contact
from domain.payment.events import PaymentAuthorized, PaymentPending
from eventstore.checkpoint import CheckpointMoved
from kit.eventually import eventually
from kit.tasks import together
from notifications.follower import Leader
from notifications.outbox import Channel
from notifications.push.encryption import CURVE
from tests.integration.notifications.orders import Customer, deliver, place
from tests.integration.privacy.conftest import everything
from tests.support.order_log import OrderLog
from tests.support.push import Browser, Pushing
from tests.support.webhook_receiver import Receiver, status
from tests.unit.push.test_encryption import read

RECEIVED = ("received", "sent", 1, None)


async def test_an_order_that_is_delivered_gives_three_messages_to_each_browser(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, phone, laptop = Customer(), Browser(), Browser()
    for browser in (phone, laptop):
        await pushing.subscribe(ada.id, browser, service.origin)
    order_id = await place(log, ada)
    await deliver(log, order_id)
    await pushing.settle()

    assert [row[:2] for row in await pushing.rows(order_id)] == [
        (kind, "sent") for kind in ("received", "shipped", "delivered") for _ in range(2)
    ]
    for browser in (phone, laptop):
        shown = browser.messages(service.received)
        assert {message["kind"] for message in shown} == {"received", "shipped", "delivered"}
        number = shown[0]["orderNumber"]
        titles = {message["title"] for message in shown}
        assert f"Your order {number} has arrived" in titles
        assert len({message["id"] for message in shown}) == 3


async def test_a_request_is_signed_and_says_how_long_it_matters(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    await place(log, ada)
    await pushing.settle()

    (request,) = service.received
    token, key = request.headers["authorization"].removeprefix("vapid t=").split(", k=")
    public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, read(key))
    assert jwt.decode(token, public, ["ES256"], audience=service.origin)
    assert key == pushing.registry.public_key
    assert request.headers["content-encoding"] == "aes128gcm"
    assert request.headers["content-type"] == "application/octet-stream"
    assert 3 * 86400 - 60 < int(request.headers["ttl"]) <= 3 * 86400
    assert request.headers["urgency"] == "normal"
    (shown,) = browser.messages(service.received)
    assert request.headers["topic"] == UUID(shown["id"]).hex


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        (Contact(email="a@byron.example.org", locale="de-CH"), ("de", "Ihre Bestellung")),
        (Contact(email="a@byron.example.org"), ("en", "We have received your order")),
        (None, ("en", "We have received your order")),
    ],
)
async def test_a_message_is_in_the_language_of_the_orders_contact(
    log: OrderLog,
    pushing: Pushing,
    service: Receiver,
    contact: Contact | None,
    expected: tuple[str, str],
) -> None:
    browser = Browser()
    await pushing.subscribe("ada", browser, service.origin)
    await log.place("o-1", customer_id="ada", contact=contact)
    await pushing.settle()

    (shown,) = browser.messages(service.received)
    assert (shown["lang"], shown["title"].partition(" W-")[0]) == expected


async def test_a_browser_gets_the_facts_after_its_subscription_of_its_customer_alone(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, bob, browser = Customer(), Customer(), Browser()
    before = await place(log, ada)
    await pushing.subscribe(ada.id, browser, service.origin)
    after, other = await place(log, ada), await place(log, bob)
    await pushing.settle()

    assert await pushing.rows(before) == await pushing.rows(other) == []
    assert await pushing.rows(after) == [RECEIVED]
    assert len(service.received) == 1


async def test_a_log_followed_again_gives_no_second_message(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    await place(log, ada)
    await pushing.settle()
    await pushing.pool.execute(
        "UPDATE eventstore.checkpoint SET position = 0, event_id = NULL"
        " WHERE name = 'notifications.push'"
    )
    await pushing.settle()

    assert len(service.received) == 1


async def test_a_leader_that_was_overtaken_writes_nothing(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    async with pushing.pool.acquire() as connection:
        stale = Leader(connection, log.store, Channel.PUSH)
        await stale.start()
        order_id = await place(log, ada)
        page = await log.store.load_all_events()
        await pushing.follow()
        await pushing.pool.execute("DELETE FROM eventstore.notification")
        with pytest.raises(CheckpointMoved):
            await stale.take(page)

    assert await pushing.rows(order_id) == []


async def test_a_payment_is_asked_for_only_while_it_needs_the_customer(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, browser = Customer(), Browser()
    order_id = await place(log, ada)
    await pushing.subscribe(ada.id, browser, service.origin)
    pending = PaymentPending(
        order_id=order_id, attempt=1, reference="pi_1", action_url="https://bank.example/1"
    )
    await log.append(f"payment-{order_id}", pending)
    await pushing.settle()
    again = pending.model_copy(update={"attempt": 2, "reference": "pi_2"})
    authorized = PaymentAuthorized(
        order_id=order_id, attempt=2, reference="pi_2", amount=Money(amount=500, currency="EUR")
    )
    await log.append(f"payment-{order_id}", again, authorized)
    await pushing.settle()

    assert [row[:2] for row in await pushing.rows(order_id)] == [
        ("payment_needed", "sent"),
        ("payment_needed", "outdated"),
    ]
    (request,) = service.received
    assert request.headers["urgency"] == "high"


@pytest.mark.parametrize("age", [timedelta(days=4), timedelta(days=8)])
async def test_a_fact_of_more_than_three_days_ago_is_not_sent(
    log: OrderLog, pushing: Pushing, service: Receiver, owner: asyncpg.Connection, age: timedelta
) -> None:
    ada = Customer()
    await pushing.subscribe(ada.id, Browser(), service.origin)
    order_id = await place(log, ada)
    await owner.execute("ALTER TABLE eventstore.event DISABLE TRIGGER USER")
    await owner.execute("UPDATE eventstore.event SET recorded_at = recorded_at - $1::interval", age)
    await owner.execute("UPDATE eventstore.push_subscription SET created_at = '2020-01-01'")
    await pushing.settle()

    assert [row[:2] for row in await pushing.rows(order_id)] == [("received", "outdated")]
    assert service.received == []


async def test_a_browser_that_has_unsubscribed_gets_nothing_more(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, phone, laptop = Customer(), Browser(), Browser()
    ended = await pushing.subscribe(ada.id, phone, service.origin)
    await pushing.subscribe(ada.id, laptop, service.origin)
    order_id = await place(log, ada)
    await pushing.follow()
    await pushing.registry.unsubscribe(ada.id, ended.id)
    await pushing.settle()

    assert sorted(await pushing.rows(order_id)) == [
        ("received", "no_recipient", 1, None),
        RECEIVED,
    ]
    assert phone.messages(service.received) == []
    assert len(laptop.messages(service.received)) == 1


async def test_an_erased_customer_gets_nothing_and_leaves_no_subscription(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, bob = Customer(), Customer()
    for customer in (ada, bob):
        await pushing.subscribe(customer.id, Browser(), service.origin)
    order_id = await place(log, ada)
    await pushing.follow()
    erased = CustomerErased(customer_id=ada.id, reason=ErasureReason.CUSTOMER_REQUEST)
    await log.append(f"customer-{ada.id}", erased)
    assert [len(await pushing.registry.of(c.id)) for c in (ada, bob)] == [0, 1]
    await pushing.settle()

    assert await pushing.rows(order_id) == [("received", "erased", 1, None)]
    assert service.received == []


async def test_a_customer_who_comes_back_after_the_erasure_subscribes_again(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    erased = CustomerErased(customer_id=ada.id, reason=ErasureReason.CUSTOMER_REQUEST)
    await log.append(f"customer-{ada.id}", erased)
    await pushing.subscribe(ada.id, browser, service.origin)
    order_id = await place(log, ada)
    await pushing.settle()

    assert await pushing.rows(order_id) == [RECEIVED]
    assert len(browser.messages(service.received)) == 1


async def test_no_table_and_no_line_of_the_log_holds_an_endpoint_or_a_key(
    log: OrderLog, pushing: Pushing, service: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)
    for code in (201, 413, 500, 410):
        service.respond = status(code, body=f"{browser.path} is gone".encode())
        await place(log, ada)
        await pushing.settle()

    assert len(service.received) == 3 + pushing.pace.max_attempts
    text = await everything(pushing.pool) + caplog.text
    keys = (browser.p256dh, browser.auth)
    for secret in (browser.path, service.origin, *keys, *(read(key).hex() for key in keys)):
        assert secret not in text


async def test_a_sealed_target_that_was_moved_to_another_row_does_not_open(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, phone, laptop = Customer(), Browser(), Browser()
    for browser in (phone, laptop):
        await pushing.subscribe(ada.id, browser, service.origin)
    await pushing.pool.execute(
        "UPDATE eventstore.push_subscription SET sealed = (SELECT sealed"
        " FROM eventstore.push_subscription ORDER BY created_at LIMIT 1)"
    )
    order_id = await place(log, ada)
    await pushing.settle()

    assert sorted(await pushing.rows(order_id)) == [
        ("received", "failed", 1, "Tampered"),
        RECEIVED,
    ]
    assert len(service.received) == 1


async def test_messages_are_sent_soon_after_their_events(
    log: OrderLog, pushing: Pushing, service: Receiver
) -> None:
    ada, browser = Customer(), Browser()
    await pushing.subscribe(ada.id, browser, service.origin)

    async def arrives() -> None:
        await place(log, ada)
        await eventually(lambda: browser.messages(service.received), 30)
        raise Arrived

    with pytest.raises(Arrived):
        await together(pushing.run(), arrives())


class Arrived(Exception):
    pass


async def test_where_push_is_off_no_browser_can_be_subscribed(
    pushing: Pushing, service: Receiver
) -> None:
    off, browser = replace(pushing, vapid=None), Browser()
    with pytest.raises(Refused) as refused:
        await off.subscribe("ada", browser, service.origin)

    assert refused.value.code is ErrorCode.PUSH_OFF
    assert off.registry.public_key is None
    assert await pushing.subscriptions() == 0
