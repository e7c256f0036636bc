from __future__ import annotations

import base64
from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.order.number import order_number
from eventstore.positions import PositionCodec
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import a_waiting_order


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def place(viewer: Viewer) -> Json:
    order: Json = (await viewer.run("PlaceOrder", input=a_waiting_order()))["order"]
    return order


def error_of(answer: Json) -> tuple[str, str]:
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["message"]


async def ids(viewer: Viewer, **arguments: object) -> tuple[list[str], Json]:
    page = await viewer.run("Orders", **arguments)
    return [edge["node"]["id"] for edge in page["edges"]], page["pageInfo"]


async def test_an_order_is_the_same_read_as_placed(ada: Viewer) -> None:
    order = await place(ada)

    read = await ada.run("Order", id=order["id"])
    assert (read.pop("shippingAddress")["name"], read.pop("contact")) == ("Ada Byron", None)
    assert read.pop("notifications") == []
    assert read == order


async def test_anothers_order_is_answered_like_an_unknown_order(api: Api, ada: Viewer) -> None:
    order = await place(ada)

    anothers = await api.viewer().ask(operation("Order"), id=order["id"])
    none = await ada.ask(operation("Order"), id=str(uuid4()))
    nonsense = await ada.ask(operation("Order"), id="no\x00such id")

    assert error_of(anothers) == ("NOT_FOUND", "you have no order with this id")
    assert anothers["data"] == {"order": None}
    assert anothers == none == nonsense


@pytest.mark.parametrize("written", [str, str.lower, lambda number: number.replace("-", "")])
async def test_an_order_is_found_by_its_number(ada: Viewer, written: Callable[[str], str]) -> None:
    order = await place(ada)

    assert order["number"] == order_number(order["id"], 0)
    found = await ada.run("Order", number=written(order["number"]))
    assert {name: found[name] for name in order} == order


async def test_anothers_number_is_answered_like_an_unknown_number(api: Api, ada: Viewer) -> None:
    order = await place(ada)

    anothers = await api.viewer().ask(operation("Order"), number=order["number"])
    none = await ada.ask(operation("Order"), number=order_number(str(uuid4()), 0))

    assert error_of(anothers) == ("NOT_FOUND", "you have no order with this number")
    assert anothers["data"] == {"order": None}
    assert anothers == none


async def test_a_number_with_a_wrong_character_is_refused(ada: Viewer) -> None:
    order = await place(ada)
    last = "0" if order["number"][-1] == "1" else "1"

    for written in (order["number"][:-1] + last, "", "no\x00 number", order["id"]):
        answer = await ada.ask(operation("Order"), number=written)
        assert error_of(answer) == (
            "BAD_USER_INPUT",
            "number: this is no order number, or one of its characters is wrong",
        )


async def test_an_order_is_asked_for_by_id_or_number_and_not_by_both(ada: Viewer) -> None:
    order = await place(ada)

    both = await ada.ask(operation("Order"), id=order["id"], number=order["number"])
    neither = await ada.ask(operation("Order"))

    assert error_of(both) == ("BAD_USER_INPUT", "pass id or number, and not both")
    assert both["data"] == {"order": None}
    assert both == neither


@pytest.mark.parametrize("role", ["operator", "admin"])
async def test_staff_see_any_order(api: Api, ada: Viewer, role: str) -> None:
    order = await place(ada)

    seen = await api.viewer(role).run("Order", id=order["id"])
    assert (seen.pop("shippingAddress")["name"], seen.pop("contact")) == ("Ada Byron", None)
    assert seen.pop("notifications") == []
    assert seen == order | {"needsAttention": False}


async def test_customers_list_their_own_orders_newest_first(api: Api, ada: Viewer) -> None:
    await place(api.viewer())
    mine = [(await place(ada))["id"] for _ in range(3)]

    newest_first, _ = await ids(ada)
    oldest_first, _ = await ids(ada, orderBy="PLACED_AT_ASC")

    assert newest_first == mine[::-1]
    assert oldest_first == mine


async def test_cursors_lead_through_all_pages_and_back(ada: Viewer) -> None:
    mine = [(await place(ada))["id"] for _ in range(3)][::-1]

    first, info = await ids(ada, first=2)
    assert (first, info["hasPreviousPage"], info["hasNextPage"]) == (mine[:2], False, True)
    second, info = await ids(ada, first=2, after=info["endCursor"])
    assert (second, info["hasPreviousPage"], info["hasNextPage"]) == (mine[2:], True, False)
    back, info = await ids(ada, last=2, before=info["startCursor"])
    assert (back, info["hasPreviousPage"], info["hasNextPage"]) == (mine[:2], False, True)


async def test_staff_filter_by_customer_and_status(api: Api, ada: Viewer) -> None:
    order = await place(ada)
    operator = api.viewer("operator")
    of_ada = {"customerId": ada.sub}

    assert (await ids(operator, filter=of_ada))[0] == [order["id"]]
    assert (await ids(operator, filter=of_ada | {"status": ["PLACED"]}))[0] == [order["id"]]
    assert (await ids(operator, filter=of_ada | {"status": ["SHIPPED"]}))[0] == []


async def test_customers_find_their_orders_by_reference_and_metadata(api: Api, ada: Viewer) -> None:
    theirs = {"reference": "PO 7", "metadata": [{"key": "till", "value": "4"}]}
    await api.viewer().run("PlaceOrder", input=a_waiting_order(**theirs))
    await place(ada)
    placed = (await ada.run("PlaceOrder", input=a_waiting_order(**theirs)))["order"]

    assert (placed["reference"], placed["metadata"]) == ("PO 7", theirs["metadata"])
    for wanted in ({"reference": "PO 7"}, {"metadata": {"key": "till", "value": "4"}}):
        assert (await ids(ada, filter=wanted))[0] == [placed["id"]]
    for unknown in ({"reference": "PO 8"}, {"metadata": {"key": "till", "value": "5"}}):
        assert (await ids(ada, filter=unknown))[0] == []


async def test_staff_find_every_order_by_reference(api: Api, ada: Viewer) -> None:
    reference = uuid4().hex
    placed = [
        (await viewer.run("PlaceOrder", input=a_waiting_order(reference=reference)))["order"]["id"]
        for viewer in (ada, api.viewer())
    ]

    found, _ = await ids(api.viewer("operator"), filter={"reference": reference})

    assert found == placed[::-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 0}, "first must be from 1 to 100"),
        ({"last": 101}, "last must be from 1 to 100"),
        ({"first": 1, "last": 1}, "pass first or last, not both"),
        (
            {"after": "b3JkZXI6eA"},
            "after: this is not a cursor of this list: pass one that the list returned, unchanged",
        ),
    ],
)
async def test_a_bad_page_is_refused_by_name(
    ada: Viewer, arguments: dict[str, object], message: str
) -> None:
    answer = await ada.ask(operation("Orders"), **arguments)

    assert error_of(answer) == ("BAD_USER_INPUT", message)


async def test_a_cursor_of_another_list_is_refused(api: Api, ada: Viewer) -> None:
    order = await place(ada)
    page = await api.viewer("operator").run("ParkedSagas", first=1)
    products = "{ products(first: 1) { pageInfo { endCursor } } }"
    of_products = (await ada.ask(products))["data"]["products"]["pageInfo"]["endCursor"]
    positions = PositionCodec.of(api.settings)
    number = api.number(order["position"])
    unsealed = base64.urlsafe_b64encode(f"order:{number}".encode()).decode().rstrip("=")

    assert page["edges"] == []
    of_parked = positions.seal(number, "parked cursor")
    for cursor in (of_products, of_parked, order["position"], unsealed, str(number)):
        code, _ = error_of(await ada.ask(operation("Orders"), after=cursor))
        assert code == "BAD_USER_INPUT"


def sealed_in(cursor: str) -> str:
    """Return the sealed position in a cursor, beside the readable time at which it was placed."""
    padded = cursor + "=" * (-len(cursor) % 4)
    kind, _, sealed = base64.urlsafe_b64decode(padded).decode().split(":")
    assert kind == "order cursor"
    return sealed


async def test_no_cursor_or_position_reveals_the_number_of_events(api: Api, ada: Viewer) -> None:
    for _ in range(2):
        await place(ada)
    page = await ada.run("Orders", first=2)

    shown = [sealed_in(page["pageInfo"][name]) for name in ("startCursor", "endCursor")]
    for edge in page["edges"]:
        number = api.number(edge["node"]["position"])
        shown += [sealed_in(edge["cursor"]), edge["node"]["position"]]
        for text in shown:
            raw = base64.urlsafe_b64decode(text)
            assert number.to_bytes(3, "big") not in raw
            assert str(number).encode() not in raw


async def test_customers_and_staff_get_the_same_positions_and_cursors(
    api: Api, ada: Viewer
) -> None:
    await place(ada)
    customers = await ada.run("Orders", first=1)
    staff = await api.viewer("operator").run("Orders", first=1, filter={"customerId": ada.sub})

    (of_ada,), (of_staff,) = customers["edges"], staff["edges"]
    assert of_ada["cursor"] == of_staff["cursor"]
    assert of_ada["node"]["position"] == of_staff["node"]["position"]


async def test_an_unknown_product_is_null(ada: Viewer) -> None:
    missing = await ada.ask(operation("Product"), sku="fork")
    assert missing["data"] == {"product": None}


@pytest.mark.parametrize("placed", [1, 20])
@pytest.mark.parametrize(
    ("name", "arguments", "statements"),
    [("Orders", {}, 1), ("Orders", {"withTotalCount": True}, 2), ("Products", {}, 1)],
)
async def test_a_list_of_any_length_costs_one_statement(  # noqa: PLR0913, PLR0917 - two tables
    engine: AsyncEngine,
    api: Api,
    ada: Viewer,
    placed: int,
    name: str,
    arguments: Json,
    statements: int,
) -> None:
    for number in range(placed):
        await api.log.place(f"{ada.sub}-{number}", customer_id=ada.sub)
        await api.log.list_product(f"{ada.sub}-{number}")
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    page = await ada.run(name, first=20, **arguments)
    event.remove(engine.sync_engine, "before_cursor_execute", note)

    assert len(page["edges"]) >= placed
    assert len(seen) == statements
