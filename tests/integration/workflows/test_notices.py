"""A real saga gives one mail for each of its final facts, and none for what it takes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest

from domain.order.commands import PlaceOrder
from domain.order.contact import Contact
from domain.provider_notifications import ShipmentNotificationKind
from eventstore.privacy.search_key import SearchKey
from kit.pool import Pool
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import APPROVAL
from tests.support.keys import SEARCH_KEY, a_vault
from tests.support.mail_sink import MailSink, mail_sink
from tests.support.mailing import Mailing
from tests.support.sagas import Sagas, an_order


@pytest.fixture(scope="module")
async def sink(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MailSink]:
    sink = mail_sink(tmp_path_factory.mktemp("sink"))
    async with sink.running():
        yield sink


@pytest.fixture
async def mailing(pool: Pool, sink: MailSink) -> Mailing:
    made = Mailing(pool, a_vault(pool), SearchKey(SEARCH_KEY), sink.smtp_url)
    await made.switch_on()
    return made


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@byron.example.org"


def reachable(order: PlaceOrder, email: str) -> PlaceOrder:
    return order.model_copy(update={"contact": Contact(email=email, locale="en")})


def openings(sink: MailSink, email: str) -> Sequence[str]:
    """Return the subjects of the mails to this address, without the number of the order."""
    return [subject.partition(" W-")[0] for subject in sink.subjects(email)]


async def test_an_order_that_is_cancelled_gives_no_mail_that_it_was_shipped(
    sagas: Sagas, mailing: Mailing, sink: MailSink, email: str
) -> None:
    order_id = await sagas.place(reachable(an_order((await sagas.stocked(1), 1)), email))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await mailing.settle()
    assert openings(sink, email) == ["We have received your order"]

    await sagas.workflow(order_id).cancel()
    assert await sagas.end(order_id) == "CANCELLED"
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent"), ("cancelled", "sent")]
    assert len(sink.messages(email)) == 2


async def test_an_order_that_is_approved_and_delivered_gives_a_mail_for_each(
    sagas: Sagas, mailing: Mailing, sink: MailSink, email: str
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), method=APPROVAL, postal_code=NORMAL)
    order_id = await sagas.place(reachable(order, email))
    await sagas.until(f"payment-{order_id}", "PaymentPending")
    await mailing.settle()
    assert openings(sink, email)[1:] == ["Your order"]

    await sagas.approve(order_id)
    await sagas.delivered(order_id)
    await sagas.until(f"order-{order_id}", "OrderDelivered")
    assert await sagas.end(order_id) == "COMPLETED"
    await mailing.settle()
    assert await mailing.states(order_id) == [
        ("received", "sent"),
        ("payment_needed", "sent"),
        ("shipped", "sent"),
        ("delivered", "sent"),
    ]
    assert len(sink.messages(email)) == 4


async def test_an_order_that_is_short_is_rejected_by_mail(
    sagas: Sagas, mailing: Mailing, sink: MailSink, email: str
) -> None:
    order_id = await sagas.place(reachable(an_order((await sagas.stocked(1), 2)), email))
    assert await sagas.end(order_id) == "REJECTED"
    await mailing.settle()

    assert await mailing.states(order_id) == [("received", "sent"), ("rejected", "sent")]
    assert openings(sink, email)[1] == "We cannot deliver your order"


async def test_an_order_that_waits_for_stock_and_gets_it_says_both(
    sagas: Sagas, mailing: Mailing, sink: MailSink, email: str
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(reachable(an_order((sku, 2), backorder=True), email))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    await mailing.settle()
    await sagas.receive(sku, 1)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"order-{order_id}", "OrderShipped")
    await mailing.settle()

    assert await mailing.states(order_id) == [
        ("received", "sent"),
        ("waiting_for_stock", "sent"),
        ("shipped", "sent"),
    ]
    assert openings(sink, email)[1:] == ["Your order", "Your order"]
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"
