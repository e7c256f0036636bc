"""Each final fact of an order gives one mail to its customer, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.inventory.events import BackorderQueued
from domain.money import Money
from domain.order import events as o
from domain.order.commands import CancellationReason
from domain.order.contact import Contact
from domain.payment.events import PaymentAuthorized, PaymentDeclined, PaymentPending
from domain.saga.events import SagaParked, SagaRetried
from domain.shipping.events import TrackingNumberAssigned
from eventstore.checkpoint import CheckpointMoved
from kit.eventually import eventually
from notifications.follower import Leader
from notifications.outbox import Channel
from tests.integration.notifications.orders import Customer, deliver, happens, place
from tests.integration.privacy.conftest import everything
from tests.support.mail_sink import MailSink
from tests.support.mailing import Mailing
from tests.support.order_log import OrderLog
from tests.support.order_parts import PLACED_AT


async def test_an_order_that_is_delivered_gives_three_mails(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    await happens(
        log,
        order_id,
        o.OrderReserved(order_id=order_id),
        o.OrderAuthorized(order_id=order_id),
        o.OrderConfirmed(order_id=order_id),
    )
    tracking = TrackingNumberAssigned(
        order_id=order_id, tracking_number="WB1", carrier=None, tracking_url="https://p.example/WB1"
    )
    await log.append(f"shipment-{order_id}", tracking)
    await deliver(log, order_id)
    await happens(log, order_id, o.OrderCompleted(order_id=order_id))
    await mailing.settle()

    assert await mailing.states(order_id) == [
        ("received", "sent"),
        ("shipped", "sent"),
        ("delivered", "sent"),
    ]
    received, shipped, delivered = sink.messages(ada.email)
    assert received["Subject"].startswith("We have received your order W-")
    assert "on its way" in shipped["Subject"]
    assert "has arrived" in delivered["Subject"]
    assert received["To"] == ada.email
    text = shipped.get_body(("plain",))
    assert text is not None
    assert "Track the parcel: https://p.example/WB1" in text.get_content()


async def test_an_order_that_is_cancelled_gives_no_mail_at_the_request(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    reason = CancellationReason.CUSTOMER_REQUEST
    await happens(log, order_id, o.OrderCancellationRequested(order_id=order_id, reason=reason))
    await mailing.settle()
    assert await mailing.states(order_id) == [("received", "sent")]

    await happens(log, order_id, o.OrderCancelled(order_id=order_id, reason=reason))
    await mailing.settle()
    assert await mailing.states(order_id) == [("received", "sent"), ("cancelled", "sent")]
    assert [subject.split(" W-")[0] for subject in sink.subjects(ada.email)] == [
        "We have received your order",
        "Your order",
    ]


async def test_a_customer_gets_mails_in_the_language_of_the_contact(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    await place(log, ada, Contact(email=ada.email, locale="de-CH"))
    await mailing.settle()

    (subject,) = sink.subjects(ada.email)
    assert subject.startswith("Ihre Bestellung W-")


async def test_a_log_followed_again_gives_no_second_mail(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    await place(log, ada)
    await mailing.settle()
    async with mailing.pool.acquire() as connection:
        await connection.execute(
            "UPDATE eventstore.checkpoint SET position = 0, event_id = NULL"
            " WHERE name = 'notifications.email'"
        )
    await mailing.settle()

    assert len(sink.messages(ada.email)) == 1


async def test_a_leader_that_was_overtaken_writes_nothing(log: OrderLog, mailing: Mailing) -> None:
    async with mailing.pool.acquire() as connection:
        stale = Leader(connection, log.store, Channel.EMAIL)
        await stale.start()
        order_id = await place(log, Customer())
        page = await log.store.load_all_events()
        await mailing.follow()
        await mailing.pool.execute("DELETE FROM eventstore.notification")
        with pytest.raises(CheckpointMoved):
            await stale.take(page)

    assert await mailing.states(order_id) == []


async def test_email_that_is_switched_on_later_mails_nothing_of_before(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    await mailing.pool.execute("DELETE FROM eventstore.checkpoint")
    before, after = Customer(), Customer()
    await place(log, before)
    await mailing.switch_on()
    await place(log, after)
    await mailing.settle()

    assert sink.messages(before.email) == []
    assert len(sink.messages(after.email)) == 1


async def test_a_fact_of_more_than_a_week_ago_is_not_mailed(
    log: OrderLog, mailing: Mailing, sink: MailSink, owner: asyncpg.Connection
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    await owner.execute("ALTER TABLE eventstore.event DISABLE TRIGGER USER")
    before = datetime.now(UTC) - timedelta(days=8)
    await owner.execute("UPDATE eventstore.event SET recorded_at = $1", before)
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "outdated")]
    assert sink.messages(ada.email) == []


@pytest.mark.parametrize("contact", [None, Contact(locale="en-GB")])
async def test_an_order_without_an_address_has_no_recipient(
    log: OrderLog, mailing: Mailing, contact: Contact | None
) -> None:
    await log.place("o-1", contact=contact)
    await mailing.settle()
    assert await mailing.states("o-1") == [("received", "no_recipient")]


async def test_an_erased_customer_gets_no_mail(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    await mailing.follow()
    erased = CustomerErased(customer_id=ada.id, reason=ErasureReason.CUSTOMER_REQUEST)
    await log.append(f"customer-{ada.id}", erased)
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "erased")]
    assert sink.messages(ada.email) == []


async def test_a_customer_who_has_unsubscribed_gets_no_mail(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada, bob = Customer(), Customer()
    await place(log, ada)
    await mailing.settle()
    (first,) = sink.messages(ada.email)
    token = first["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    await mailing.suppressions.unsubscribe(token)
    order_id, other = await place(log, ada), await place(log, bob)
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "suppressed")]
    assert await mailing.states(other) == [("received", "sent")]
    assert len(sink.messages(ada.email)) == 1


async def test_a_payment_is_asked_for_only_while_it_needs_the_customer(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    pending = PaymentPending(
        order_id=order_id, attempt=1, reference="pi_1", action_url="https://bank.example/1"
    )
    authorized = PaymentAuthorized(
        order_id=order_id, attempt=1, reference="pi_1", amount=Money(amount=500, currency="EUR")
    )
    await log.append(f"payment-{order_id}", pending)
    await mailing.settle()
    declined = PaymentDeclined(order_id=order_id, attempt=2, reference="pi_2", code="card_declined")
    await log.append(f"payment-{order_id}", declined, authorized)
    await mailing.settle()

    assert await mailing.states(order_id) == [
        ("received", "sent"),
        ("payment_needed", "sent"),
        ("payment_needed", "outdated"),
    ]
    assert len(sink.messages(ada.email)) == 2


async def test_an_order_that_waits_for_two_products_says_so_once(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    for sku in ("cup", "pot"):
        queued = BackorderQueued(sku=sku, order_id=order_id, quantity=1, since=PLACED_AT)
        await log.append(f"inventory-{sku}", queued)
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent"), ("waiting_for_stock", "sent")]
    assert len(sink.messages(ada.email)) == 2


async def test_a_refund_that_fails_twice_is_told_once(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    for parking in (1, 2):
        parked = SagaParked(
            order_id=order_id,
            step="refund",
            undoing=False,
            parking=parking,
            code="PROVIDER_REFUSED",
            message="refused",
            workflow_id=f"return-{order_id}",
        )
        retried = SagaRetried(order_id=order_id, step="refund", parking=parking, reason="again")
        await log.append(f"saga-{order_id}", parked)
        await log.append(f"saga-{order_id}", retried)
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent"), ("refund_failed", "sent")]
    assert len(sink.messages(ada.email)) == 2


async def test_an_event_of_a_later_build_is_parked_and_stops_no_other(
    log: OrderLog, mailing: Mailing, sink: MailSink, owner: asyncpg.Connection
) -> None:
    ada, bob = Customer(), Customer()
    order_id = await place(log, ada)
    other = await place(log, bob)
    await owner.execute("ALTER TABLE eventstore.event DISABLE TRIGGER USER")
    version = "UPDATE eventstore.event SET schema_version = $1 WHERE stream_id = $2"
    await owner.execute(version, 99, f"order-{order_id}")
    await mailing.settle()

    assert await mailing.states(order_id) == []
    assert await mailing.states(other) == [("received", "sent")]
    parked = "SELECT stream_id, attempts FROM eventstore.parked_event"
    assert [tuple(row) for row in await owner.fetch(parked)] == [(f"order-{order_id}", 4)]

    await owner.execute(version, 1, f"order-{order_id}")
    await mailing.settle()
    assert await mailing.states(order_id) == [("received", "sent")]
    assert len(sink.messages(ada.email)) == 1
    assert await owner.fetch(parked) == []


async def test_a_fact_that_the_log_has_lost_is_not_mailed(
    log: OrderLog, mailing: Mailing, sink: MailSink, owner: asyncpg.Connection
) -> None:
    ada = Customer()
    order_id = await place(log, ada)
    await mailing.follow()
    await owner.execute("ALTER TABLE eventstore.event DISABLE TRIGGER USER")
    await owner.execute("DELETE FROM eventstore.event WHERE stream_id = $1", f"order-{order_id}")
    async with mailing.running():
        await eventually(mailing.is_settled, 10)

    assert await mailing.causes(order_id) == [("outdated", 1, "the log has lost the event")]
    assert sink.messages(ada.email) == []


async def test_no_table_and_no_line_of_the_log_holds_an_address(
    log: OrderLog, mailing: Mailing, sink: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    ada = Customer()
    await place(log, ada)
    await sink.fail(f"451 4.7.1 <{ada.email}> is greylisted", stage="rcpt")
    await mailing.settle()
    bob = Customer()
    await place(log, bob)
    await sink.fail(f"550 5.1.1 <{bob.email}> is unknown", stage="rcpt")
    await mailing.settle()

    assert len(sink.messages(ada.email)) == 1
    text = await everything(mailing.pool) + caplog.text
    assert "byron.example.org" not in text
    assert mailing.search_key.email_digest(bob.email) in text


async def test_mails_are_sent_soon_after_their_events(
    log: OrderLog, mailing: Mailing, sink: MailSink
) -> None:
    ada = Customer()
    async with mailing.running():
        await place(log, ada)
        await eventually(lambda: sink.messages(ada.email), 10)
