from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.order.events import OrderReturnRequested
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import NORMAL
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer
from tests.support.api_inputs import line
from tests.support.sagas import an_order as a_command


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def placed(ada: Viewer) -> str:
    return await orders.waiting_for_stock(ada)


@pytest.fixture
async def delivered(api: Api, ada: Viewer) -> str:
    """The id of a delivered order of two mugs at 2.50 EUR."""
    return await orders.delivered(api, ada)


def a_return(order_id: str, **more: object) -> dict[str, object]:
    return {"idempotencyKey": str(uuid4()), "orderId": order_id} | more


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def requested(api: Api, order_id: str) -> list[OrderReturnRequested]:
    stored = await api.log.store.load_events(f"order-{order_id}")
    events = [event.decode() for event in stored]
    return [event for event in events if isinstance(event, OrderReturnRequested)]


@pytest.mark.parametrize(
    ("lines", "quantity"), [({}, 2), ({"lines": None}, 2), ({"lines": [line("mug", 1)]}, 1)]
)
async def test_a_customer_returns_an_order_or_a_part_of_it(
    api: Api, ada: Viewer, delivered: str, lines: Json, quantity: int
) -> None:
    payload = await ada.run("RequestReturn", input=a_return(delivered, **lines))

    assert payload["userErrors"] == []
    order = payload["order"]
    assert (order["status"], order["returnRequested"]) == ("DELIVERED", True)
    assert payload["position"] == order["position"]
    assert await requested(api, delivered) == [
        OrderReturnRequested(
            order_id=delivered,
            lines=(ReturnedLine(sku="mug", quantity=quantity),),
            refund=Price(currency="EUR", lines=250 * quantity, total=250 * quantity),
        )
    ]
    assert (await api.actors_of(f"order-{delivered}"))[-1] == f"customer:{ada.sub}"


async def test_asking_again_changes_nothing(api: Api, ada: Viewer, delivered: str) -> None:
    request = a_return(delivered)
    first = await ada.run("RequestReturn", input=request)
    again = await ada.run("RequestReturn", input=request)

    assert (again["position"], again["userErrors"]) == (first["position"], [])
    assert again["order"]["id"] == first["order"]["id"] == delivered
    assert len(await requested(api, delivered)) == 1


async def test_asking_again_after_a_part_came_back_gets_the_first_answer(
    api: Api, ada: Viewer, delivered: str
) -> None:
    request = a_return(delivered, lines=[line("mug", 1)])
    first = await ada.run("RequestReturn", input=request)
    await goods_back(api, delivered)

    again = await ada.run("RequestReturn", input=request)

    assert (again["userErrors"], again["position"]) == ([], first["position"])
    assert (again["order"]["status"], again["order"]["returnRequested"]) == ("DELIVERED", False)
    assert len(await requested(api, delivered)) == 1


async def test_asking_again_after_everything_came_back_succeeds(
    api: Api, ada: Viewer, delivered: str
) -> None:
    request = a_return(delivered)
    await ada.run("RequestReturn", input=request)
    await goods_back(api, delivered)
    assert await api.sagas.end(delivered) == "RETURNED"

    again = await ada.run("RequestReturn", input=request)

    assert again["userErrors"] == []
    assert (again["order"]["status"], again["order"]["returnRequested"]) == ("RETURNED", False)
    assert len(await requested(api, delivered)) == 1


async def goods_back(api: Api, order_id: str) -> None:
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await api.sagas.until(f"order-{order_id}", "OrderReturned")


async def test_a_completed_order_cannot_be_returned(api: Api, ada: Viewer) -> None:
    order = a_command(("mug", 2), postal_code=NORMAL)
    impatient = api.sagas.within(return_window=timedelta(0))
    completed = await impatient.arrived(order.model_copy(update={"customer_id": ada.sub}))
    assert await api.sagas.end(completed) == "COMPLETED"

    payload = await ada.run("RequestReturn", input=a_return(completed))

    assert codes(payload) == [("RETURN_NOT_POSSIBLE", None)]
    assert await requested(api, completed) == []


async def test_undelivered_goods_are_not_returned(api: Api, ada: Viewer, placed: str) -> None:
    payload = await ada.run("RequestReturn", input=a_return(placed))

    assert codes(payload) == [("RETURN_NOT_POSSIBLE", None)]
    assert payload["order"] is None
    assert await api.events_of(placed) == ["OrderCreated"]


@pytest.mark.parametrize(
    ("lines", "errors"),
    [
        ([], [("INVALID_INPUT", ["input", "lines"])]),
        ([line("mug", 0)], [("INVALID_QUANTITY", ["input", "lines", "0", "quantity"])]),
        ([line("mug", 3)], [("RETURN_NOT_POSSIBLE", ["input", "lines", "0", "quantity"])]),
        (
            [line("mug"), line("pot")],
            [("RETURN_NOT_POSSIBLE", ["input", "lines", "1", "sku"])],
        ),
        (
            [line("mug"), line("mug"), line("no sku")],
            [
                ("DUPLICATE_LINE", ["input", "lines", "1", "sku"]),
                ("UNKNOWN_SKU", ["input", "lines", "2", "sku"]),
            ],
        ),
        ([line(f"sku-{n}") for n in range(101)], [("TOO_MANY_LINES", ["input", "lines"])]),
    ],
)
async def test_faulty_lines_are_refused_each_with_its_field(
    api: Api, ada: Viewer, delivered: str, lines: Json, errors: list[tuple[str, list[str]]]
) -> None:
    payload = await ada.run("RequestReturn", input=a_return(delivered, lines=lines))

    assert codes(payload) == errors
    assert await requested(api, delivered) == []


async def test_a_bad_key_is_refused(api: Api, ada: Viewer, delivered: str) -> None:
    request = a_return(delivered) | {"idempotencyKey": "not a key"}

    assert codes(await ada.run("RequestReturn", input=request)) == [
        ("INVALID_INPUT", ["input", "idempotencyKey"])
    ]
    assert await requested(api, delivered) == []


async def test_anothers_order_cannot_be_returned_nor_known(api: Api, delivered: str) -> None:
    stranger = api.viewer()
    api.temporal.forget()
    anothers = await stranger.run("RequestReturn", input=a_return(delivered))
    none = await stranger.run("RequestReturn", input=a_return(str(uuid4())))

    assert codes(anothers) == [("NOT_FOUND", ["input", "orderId"])]
    assert anothers == none
    assert api.temporal.workflow_ids == []
    assert await requested(api, delivered) == []


async def test_an_operator_returns_any_order(api: Api, delivered: str) -> None:
    operator = api.viewer("operator")

    payload = await operator.run("RequestReturn", input=a_return(delivered))

    assert payload["order"]["returnRequested"] is True
    assert (await api.actors_of(f"order-{delivered}"))[-1] == f"operator:{operator.sub}"
