"""Staff search all orders, and customers their own; a bad search is refused before it reads."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.inventory.events import BackorderQueued
from domain.money import Money
from domain.order.contact import Contact
from domain.order.contact_rules import email_of
from domain.order.events import OrderAuthorized, OrderConfirmed, OrderReserved
from domain.payment.events import PaymentAuthorized, PaymentRequested
from tests.integration.queries.statements import counted
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.order_parts import PLACED_AT, a_line

EUR_5 = Money(amount=500, currency="EUR")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


async def confirmed(api: Api, customer: Viewer) -> str:
    """Record an order that waits for its dispatch, and return its id."""
    order_id = await api.logged_order(customer)
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    await api.log.append(
        f"payment-{order_id}",
        PaymentRequested(order_id=order_id, attempt=1, amount=EUR_5, method="pm_card_visa"),
        PaymentAuthorized(order_id=order_id, attempt=1, reference=f"pi_{order_id}", amount=EUR_5),
    )
    forward = OrderAuthorized(order_id=order_id), OrderConfirmed(order_id=order_id)
    await api.log.append(f"order-{order_id}", *forward)
    return order_id


async def found(viewer: Viewer, order_by: str = "PLACED_AT_ASC", **wanted: object) -> list[str]:
    page = await viewer.run(
        "Orders", filter=wanted, orderBy=order_by, first=100, withTotalCount=True
    )
    assert page["totalCount"] == len(page["edges"])
    return [edge["node"]["id"] for edge in page["edges"]]


async def refusal(viewer: Viewer, engine: AsyncEngine, **arguments: object) -> tuple[str, str]:
    """Return the code and the message of the refusal, for which nothing was read."""
    with counted(engine) as statements:
        answer = await viewer.ask(operation("Orders"), **arguments)
    [error] = answer["errors"]
    assert (answer["data"], statements) == (None, [])
    return error["extensions"]["code"], error["message"]


async def test_customers_search_among_their_own_orders_alone(api: Api, ada: Viewer) -> None:
    bob, sku = api.viewer(), f"cup-{uuid4()}"
    lines = [a_line(sku, unit_price=100)]
    for customer in (ada, bob):
        await api.logged_order(customer, lines=lines)
    [mine] = await found(ada)
    other = await api.logged_order(ada)
    order = await ada.run("Order", id=mine)
    await api.log.append(
        f"inventory-{sku}", BackorderQueued(sku=sku, order_id=mine, quantity=1, since=PLACED_AT)
    )

    assert await found(ada, sku=sku) == [mine]
    assert await found(ada, placedAt={"from": order["placedAt"]}) == [mine, other]
    assert await found(ada, placedAt={"to": order["placedAt"]}) == []
    assert await found(ada, total={"currency": "EUR", "max": 100}) == [mine]
    assert await found(ada, backordered=True) == [mine]
    assert await found(ada, returnRequested=True, reason=["PARCEL_LOST"]) == []
    assert await found(ada, customerId=ada.sub) == [mine, other]
    assert await found(ada, "UPDATED_AT_DESC") == [other, mine]
    assert await found(bob, trackingNumber="T-1") == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"customerId": "somebody-else"},
        {"needsAttention": False},
        {"paymentReference": "pi_1"},
        {"email": "ada@byron.example.org"},
        {"waitingFor": ["OPERATOR"]},
        {"waitingSince": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_search_for_facts_of_staff_is_forbidden_to_customers(
    engine: AsyncEngine, ada: Viewer, wanted: Json
) -> None:
    [name] = wanted

    assert await refusal(ada, engine, filter=wanted) == (
        "FORBIDDEN",
        f"filter.{name} is for operators: leave it out",
    )


async def test_staff_find_the_orders_that_wait_too_long(api: Api, ada: Viewer, eve: Viewer) -> None:
    first, second = [await confirmed(api, ada) for _ in range(2)]
    order = await eve.run("Order", id=second)
    before = {"waitingFor": ["DISPATCH"], "waitingSince": order["updatedAt"]}

    page = await eve.run("WaitingOrders", **before, first=100)
    ours = [
        (edge["node"]["id"], edge["node"]["waits"])
        for edge in page["edges"]
        if edge["node"]["id"] in {first, second}
    ]

    assert [order_id for order_id, _ in ours] == [first, second]
    assert ours[1][1] == [{"waitingFor": "DISPATCH", "since": order["updatedAt"]}]
    assert page["totalCount"] >= 2
    assert second not in await found(eve, **before | {"waitingFor": ["DELIVERY", "STOCK"]})
    assert await found(eve, paymentReference=f"pi_{first}") == [first]


async def test_what_an_order_waited_for_in_the_past_is_null(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await confirmed(api, ada)
    text = "query($id: ID!, $at: Position) { order(id: $id, asOf: $at) { waits { since } } }"
    position = (await eve.run("Order", id=order_id))["position"]

    today = await eve.ask(text, id=order_id)
    then = await eve.ask(text, id=order_id, at=position)
    of_customer = await ada.ask(text, id=order_id)

    assert len(today["data"]["order"]["waits"]) == 1
    assert then["data"] == of_customer["data"] == {"order": {"waits": None}}


async def test_a_cursor_leads_on_in_its_own_order_alone(api: Api, ada: Viewer) -> None:
    mine = [
        await api.logged_order(ada, lines=[a_line(unit_price=price)]) for price in (100, 300, 200)
    ]
    orders = {
        "PLACED_AT_ASC": mine,
        "PLACED_AT_DESC": mine[::-1],
        "UPDATED_AT_ASC": mine,
        "UPDATED_AT_DESC": mine[::-1],
        "TOTAL_ASC": [mine[0], mine[2], mine[1]],
        "TOTAL_DESC": [mine[1], mine[2], mine[0]],
    }
    wanted = {"total": {"currency": "EUR"}}
    for order, expected in orders.items():
        first = await ada.run("Orders", orderBy=order, filter=wanted, first=2)
        after = first["pageInfo"]["endCursor"]
        rest = await ada.run("Orders", orderBy=order, filter=wanted, after=after)

        ids = [edge["node"]["id"] for page in (first, rest) for edge in page["edges"]]
        assert ids == expected
        for other in orders.keys() - {order}:
            answer = await ada.ask(operation("Orders"), orderBy=other, filter=wanted, after=after)
            [error] = answer["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
            assert error["message"].startswith("after: this is not a cursor of this list")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"orderBy": "TOTAL_DESC"},
            "orderBy: totals are sorted in one currency: pass filter.total.currency",
        ),
        ({"filter": {"placedAt": {}}}, "filter.placedAt: pass from or to"),
        (
            {"filter": {"placedAt": {"from": "2026-01-02T00:00:00"}}},
            "filter.placedAt.from: the time needs a time zone: append Z, or an offset",
        ),
        (
            {
                "filter": {
                    "placedAt": {"from": "2026-01-02T01:00:00+01:00", "to": "2026-01-02T00:00Z"}
                }
            },
            "filter.placedAt: from must be before to",
        ),
        (
            {"filter": {"total": {"currency": "eur"}}},
            "filter.total.currency: pass a code of ISO 4217, such as EUR",
        ),
        (
            {"filter": {"total": {"currency": "EUR", "min": 2, "max": 1}}},
            "filter.total: min must not be above max",
        ),
        (
            {"filter": {"reason": ["PARCEL_LOTS"]}},
            "filter.reason: unknown; the reasons are PARCEL_LOST, PARCEL_RETURNED",
        ),
        ({"filter": {"customerId": "no\x00body"}}, "filter.customerId: this can be no id"),
        ({"filter": {"waitingFor": []}}, "filter.waitingFor: name at least one, or leave it out"),
        (
            {"filter": {"waitingSince": "2026-01-01T00:00:00Z"}},
            "filter.waitingSince: pass filter.waitingFor too",
        ),
        (
            {"filter": {"waitingFor": ["STOCK"], "waitingSince": "2026-01-01T00:00:00"}},
            "filter.waitingSince: the time needs a time zone: append Z, or an offset",
        ),
    ],
)
async def test_a_search_that_makes_no_sense_is_refused_by_name(
    engine: AsyncEngine, eve: Viewer, arguments: Json, message: str
) -> None:
    assert await refusal(eve, engine, **arguments) == ("BAD_USER_INPUT", message)


async def test_a_total_without_a_currency_is_refused(engine: AsyncEngine, eve: Viewer) -> None:
    code, message = await refusal(eve, engine, filter={"total": {"min": 1}})

    assert code == "BAD_USER_INPUT"
    assert "currency" in message


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"sku": "Hidden\x00"}, "filter.sku"),
        ({"trackingNumber": ""}, "filter.trackingNumber"),
        ({"trackingNumber": "Hidden\x00"}, "filter.trackingNumber"),
        ({"trackingNumber": "Hidden" * 40}, "filter.trackingNumber"),
        ({"reason": ["Hidden"]}, "filter.reason"),
        ({"reference": ""}, "filter.reference"),
        ({"reference": "Hidden\x00"}, "filter.reference"),
        ({"reference": "Hidden" * 20}, "filter.reference"),
        ({"metadata": {"key": "Hidden key", "value": ""}}, "filter.metadata"),
        ({"metadata": {"key": "a", "value": "Hidden\x00"}}, "filter.metadata"),
    ],
)
async def test_a_search_that_can_find_nothing_is_refused_by_name(
    engine: AsyncEngine, ada: Viewer, wanted: Json, field: str
) -> None:
    code, message = await refusal(ada, engine, filter=wanted)

    assert (code, message.partition(":")[0]) == ("BAD_USER_INPUT", field)
    assert "Hidden" not in message


@pytest.mark.parametrize(
    "email", ["Hidden", "hidden@", "Hidden@example.com\x00", "Hidden" * 99, ""]
)
async def test_a_search_for_no_address_is_refused_without_showing_it(
    engine: AsyncEngine, eve: Viewer, email: str
) -> None:
    assert await refusal(eve, engine, filter={"email": email}) == (
        "BAD_USER_INPUT",
        "filter.email: this is no e-mail address: write it as name@example.com",
    )


@pytest.mark.parametrize(
    ("stored", "searched"),
    [
        ("Ada@byron.example.org", " ada@BYRON.example.org\n"),
        ("ren\u00e9e@b\u00fccher.example.org", "RENE\u0301E@B\u00dcCHER.example.org"),
        ("ren\u00e9e@b\u00fccher.example.org", "ren\u00e9e@xn--bcher-kva.example.org"),
    ],
)
async def test_staff_find_orders_by_any_spelling_of_an_address(
    api: Api, ada: Viewer, eve: Viewer, stored: str, searched: str
) -> None:
    tag = f"{uuid4()}-"
    order_id = await api.logged_order(ada, contact=Contact(email=tag + email_of(stored)))
    await api.logged_order(ada, contact=Contact(email=f"other-{tag}" + email_of(stored)))
    await api.follow_contacts()

    assert await found(eve, email=tag + searched.strip()) == [order_id]
    assert await found(eve, email=f" {tag}{searched.lstrip()}") == [order_id]
    assert await found(eve, email=tag + searched.strip(), customerId=eve.sub) == []


async def test_an_erased_customer_is_not_found_and_a_returned_one_by_new_orders_only(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    email = f"{uuid4()}@byron.example.org"
    contact = Contact(email=email)
    before = await api.logged_order(ada, contact=contact)
    await api.follow_contacts()
    assert await found(eve, email=email) == [before]

    erased = CustomerErased(customer_id=ada.sub, reason=ErasureReason.CUSTOMER_REQUEST)
    await api.log.append(f"customer-{ada.sub}", erased)
    assert await found(eve, email=email) == []

    after = await api.logged_order(ada, contact=contact)
    await api.follow_contacts()
    assert await found(eve, email=email) == [after]


async def test_no_statement_of_a_search_holds_the_address(engine: AsyncEngine, eve: Viewer) -> None:
    with counted(engine) as statements:
        await found(eve, email="hidden@byron.example.org")
    assert len(statements) == 2
    assert "hidden" not in str(statements)
