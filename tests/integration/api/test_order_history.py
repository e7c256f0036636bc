"""Read an order as it was, at a position of the log or at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.order.events import (
    OrderAuthorized,
    OrderConfirmed,
    OrderMilestone,
    OrderReserved,
    OrderReturned,
)
from domain.order.price import Price
from eventstore.envelope import StoredEvent
from kit.pool import Pool
from queries import order_history
from queries.updates import streams_of
from stack.postgres import connected
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.order_log import ADDRESS, CONTACT

MOVE = "UPDATE eventstore.event SET recorded_at = $2 WHERE position = $1"
COUNT = "SELECT count(*) FROM eventstore.event"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


def error_of(answer: Json) -> tuple[str, str]:
    (error,) = answer["errors"]
    assert answer["data"] == {"order": None}
    return error["extensions"]["code"], error["message"]


async def events_of(api: Api, order_id: str) -> list[StoredEvent]:
    """Return the events of the order, its payment and its shipment by position."""
    events = [e for s in streams_of(order_id) for e in await api.log.store.load_events(s)]
    return sorted(events, key=lambda event: event.position)


async def as_of(api: Api, viewer: Viewer, order_id: str, position: int) -> Json:
    order: Json = await viewer.run("OrderAt", id=order_id, asOf=api.position(position))
    return order


async def test_a_delivered_order_has_had_each_status_at_its_position(api: Api, ada: Viewer) -> None:
    order_id = await orders.delivered(api, ada)
    events = await events_of(api, order_id)

    seen = []
    for event in events:
        then = await as_of(api, ada, order_id, event.position)
        assert then["position"] == api.position(event.position)
        payment, shipment = then["payment"] or {}, then["shipment"] or {}
        seen.append((event.type, then["status"], payment.get("status"), shipment.get("status")))

    assert [(status, payment, shipment) for _, status, payment, shipment in seen] == _expected(
        [type_ for type_, *_ in seen]
    )
    assert {status for _, status, *_ in seen} >= {
        *("PLACED", "RESERVED", "AUTHORIZED", "CONFIRMED", "SHIPPED", "DELIVERED"),
    }


def _expected(types: list[str]) -> list[tuple[str, str | None, str | None]]:
    status, payment, shipment = "PLACED", None, None
    expected: list[tuple[str, str | None, str | None]] = []
    for type_ in types:
        if type_.startswith("Order"):
            status = type_.removeprefix("Order").upper().replace("CREATED", "PLACED")
        elif type_.startswith("Payment"):
            payment = type_.removeprefix("Payment").upper()
        elif type_.startswith("Shipment"):
            shipment = type_.removeprefix("Shipment").upper()
        expected.append((status, payment, shipment))
    return expected


async def test_an_order_as_of_its_last_event_is_the_order_of_today(api: Api, ada: Viewer) -> None:
    order_id = await orders.delivered(api, ada)
    today = await ada.run("Order", id=order_id)
    text = operation("Order").replace("number: $number", "asOf: $asOf")
    text = text.replace("$number: String", "$asOf: Position")

    then = (await ada.ask(text, id=order_id, asOf=today["position"]))["data"]["order"]

    assert then.pop("backordered") is None
    assert today.pop("backordered") is False
    assert then["shippingAddress"]["name"] == "Ada Byron"
    assert then == today


async def test_the_past_of_an_order_shows_neither_its_attention_nor_a_later_refund(
    api: Api, ada: Viewer
) -> None:
    order_id = await api.logged_order(ada)
    reserved = await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    refund = Price(currency="EUR", lines=250, total=250)
    returned = OrderReturned(
        order_id=order_id, lines=(), refund=refund, refunded=refund.money, is_whole=False
    )
    await api.log.append(f"order-{order_id}", returned)
    text = """query($id: ID!, $asOf: Position) {
      order(id: $id, asOf: $asOf) { status needsAttention refunded { total { amount } } }
    }"""

    operator = api.viewer("operator")
    today = (await operator.ask(text, id=order_id))["data"]["order"]
    then = (await operator.ask(text, id=order_id, asOf=api.position(reserved)))["data"]["order"]

    assert today == {
        "status": "DELIVERED",
        "needsAttention": False,
        "refunded": {"total": {"amount": 250}},
    }
    assert then == {
        "status": "RESERVED",
        "needsAttention": None,
        "refunded": {"total": {"amount": 0}},
    }


async def test_an_order_did_not_exist_before_it_was_placed(api: Api, ada: Viewer) -> None:
    order_id = await api.logged_order(ada)
    (placed,) = await events_of(api, order_id)
    before = {
        "asOf": api.position(placed.position - 1),
        "at": (placed.recorded_at - timedelta(microseconds=1)).isoformat(),
    }

    for argument, value in before.items():
        answer = await ada.ask(operation("OrderAt"), id=order_id, **{argument: value})
        assert error_of(answer) == (
            "NOT_FOUND",
            "the order had not been placed yet: pass a later position or time",
        )
    assert (await as_of(api, ada, order_id, placed.position))["status"] == "PLACED"


async def test_the_past_of_anothers_order_is_answered_like_an_unknown_order(
    api: Api, ada: Viewer
) -> None:
    order_id = await api.logged_order(ada)
    (placed,) = await events_of(api, order_id)
    then = api.position(placed.position)
    stranger = api.viewer()

    anothers = await stranger.ask(operation("OrderAt"), id=order_id, asOf=then)
    none = await stranger.ask(operation("OrderAt"), id=str(uuid4()), asOf=then)
    of_staff = await as_of(api, api.viewer("operator"), order_id, placed.position)

    assert error_of(anothers) == ("NOT_FOUND", "you have no order with this id")
    assert anothers == none
    assert of_staff == await as_of(api, ada, order_id, placed.position)


async def test_an_order_at_a_time_ends_before_the_first_event_recorded_later(
    api: Api, ada: Viewer, module_owner_url: str
) -> None:
    """The clock was set back after the second event of the order."""
    order_id = await api.logged_order(ada)
    stream = f"order-{order_id}"
    milestones: tuple[type[OrderMilestone], ...] = (OrderReserved, OrderAuthorized, OrderConfirmed)
    await api.log.append(stream, *(milestone(order_id=order_id) for milestone in milestones))
    async with connected(module_owner_url) as owner:
        for stored, minute in zip(await events_of(api, order_id), (0, 2, 1, 3), strict=True):
            await owner.execute(MOVE, stored.position, START + timedelta(minutes=minute))

    async def status(minutes: float) -> str:
        at = (START + timedelta(minutes=minutes)).isoformat()
        return str((await ada.run("OrderAt", id=order_id, at=at))["status"])

    assert [await status(minutes) for minutes in (0, 1.5, 2, 2.5, 3)] == [
        *("PLACED", "PLACED", "AUTHORIZED", "AUTHORIZED", "CONFIRMED"),
    ]


async def test_an_erasure_holds_for_the_past_too(api: Api, ada: Viewer) -> None:
    order_id = await api.logged_order(ada)
    (placed,) = await events_of(api, order_id)
    text = """query($id: ID!, $asOf: Position) {
      order(id: $id, asOf: $asOf) { status shippingAddress { name } contact { email } }
    }"""
    then = {"id": order_id, "asOf": api.position(placed.position)}

    before = (await ada.ask(text, **then))["data"]["order"]
    erased = CustomerErased(customer_id=ada.sub, reason=ErasureReason.CUSTOMER_REQUEST)
    await api.log.append(f"customer-{ada.sub}", erased)
    after = (await ada.ask(text, **then))["data"]["order"]

    assert before == {
        "status": "PLACED",
        "shippingAddress": {"name": ADDRESS.name},
        "contact": {"email": CONTACT.email},
    }
    assert after == {"status": "PLACED", "shippingAddress": None, "contact": None}


@pytest.mark.parametrize("argument", ["asOf", "at"])
async def test_the_order_of_a_number_is_read_as_it_was(
    api: Api, ada: Viewer, argument: str
) -> None:
    order_id = await api.logged_order(ada)
    (placed,) = await events_of(api, order_id)
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    number = (await ada.run("Order", id=order_id))["number"]
    then = {"asOf": api.position(placed.position), "at": placed.recorded_at.isoformat()}

    order = await ada.run("OrderAt", number=number, **{argument: then[argument]})

    assert (order["id"], order["status"]) == (order_id, "PLACED")


async def test_a_moment_that_is_none_is_refused_by_name(
    api: Api, ada: Viewer, module_pool: Pool
) -> None:
    order_id = await api.logged_order(ada)
    (placed,) = await events_of(api, order_id)
    then = api.position(placed.position)
    ahead = "the log has not come this far: pass an earlier one, or ask again later"
    zone = "the time needs a time zone: append Z for UTC, or an offset"
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    before = await module_pool.fetchval(COUNT)

    for arguments, message in (
        ({"asOf": then, "at": "2026-01-01T00:00:00Z"}, "pass asOf or at, and not both"),
        ({"asOf": api.position(placed.position + 10**9)}, f"asOf: {ahead}"),
        ({"asOf": api.position(2**63 - 1)}, f"asOf: {ahead}"),
        ({"at": soon}, f"at: {ahead}"),
        ({"at": "9999-12-31T23:59:59-14:00"}, f"at: {ahead}"),
        ({"at": "2026-01-01T00:00:00"}, f"at: {zone}"),
    ):
        # An unknown order is refused for the same reason: the arguments are checked first.
        for id_ in (order_id, str(uuid4())):
            answer = await ada.ask(operation("OrderAt"), id=id_, **arguments)
            assert error_of(answer) == ("BAD_USER_INPUT", message)

    assert await module_pool.fetchval(COUNT) == before


@pytest.mark.parametrize(
    "arguments",
    [
        *({"asOf": text} for text in ("", "1", "kq3v0yQm2oT8sX5c", "A" * 32)),
        *({"at": text} for text in ("", "yesterday", "2026-13-01T00:00:00Z")),
        {"asOf": 1},
    ],
)
async def test_a_text_that_is_no_position_or_time_is_refused(
    api: Api, ada: Viewer, arguments: dict[str, object]
) -> None:
    order_id = await api.logged_order(ada)

    (error,) = (await ada.ask(operation("OrderAt"), id=order_id, **arguments))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_earliest_time_is_before_every_order(api: Api, ada: Viewer) -> None:
    order_id = await api.logged_order(ada)

    answer = await ada.ask(operation("OrderAt"), id=order_id, at="0001-01-01T00:00:00+14:00")

    assert error_of(answer)[0] == "NOT_FOUND"


async def test_an_order_with_too_many_events_is_not_read(
    api: Api, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await api.logged_order(ada)
    position = await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    monkeypatch.setattr(order_history, "MAX_EVENTS", 1)

    answer = await ada.ask(operation("OrderAt"), id=order_id, asOf=api.position(position))

    assert error_of(answer) == (
        "BAD_USER_INPUT",
        "the order has more than 1000 events: only its present can be read",
    )
