"""Staff read the log up to its safe head, without personal data."""

from __future__ import annotations

import json

import pytest

from domain.note.events import OrderNoteAdded
from domain.order.events import OrderReserved
from tests.support.api_client import Api, Json, Viewer, operation

NOTE = "The customer moves house."


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def an_order(api: Api, ada: Viewer) -> str:
    """Record an order of five events, which holds an address, a contact and a note."""
    order_id = await api.logged_order(ada)
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    note = OrderNoteAdded(order_id=order_id, customer_id=ada.sub, text=NOTE)
    await api.log.append(f"note-{order_id}", note)
    return order_id


def nodes(page: Json) -> list[Json]:
    return [edge["node"] for edge in page["edges"]]


async def pages(viewer: Viewer, **arguments: object) -> list[Json]:
    """Read the list in pages of two to its end; return its events."""
    found: list[Json] = []
    while True:
        page = await viewer.run("Events", first=2, **arguments)
        found += nodes(page)
        if not page["pageInfo"]["hasNextPage"]:
            return found
        arguments["after"] = page["pageInfo"]["endCursor"]


async def refusal(viewer: Viewer, **arguments: object) -> tuple[str, str]:
    answer = await viewer.ask(operation("Events"), **arguments)
    [error] = answer["errors"]
    assert answer["data"] is None
    return error["extensions"]["code"], error["message"]


async def test_the_events_of_a_stream_are_read_in_order_and_in_pages(
    api: Api, eve: Viewer, ada: Viewer
) -> None:
    order_id = await an_order(api, ada)
    for _ in range(3):
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))

    events = await pages(eve, stream=f"order-{order_id}")
    reserved = await pages(eve, stream=f"order-{order_id}", types=["OrderReserved"])

    assert [event["type"] for event in events] == ["OrderCreated", *["OrderReserved"] * 4]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5]
    assert reserved == events[1:]
    assert await pages(eve, stream="order-unknown") == []


async def test_the_events_of_all_streams_are_read_above_a_position(
    api: Api, eve: Viewer, ada: Viewer
) -> None:
    order_id = await an_order(api, ada)
    [created, *_] = await pages(eve, stream=f"order-{order_id}")
    events = await pages(eve, after=created["position"])
    notes = await pages(eve, after=created["position"], types=["OrderNoteAdded", "OrderCreated"])

    assert [event["stream"] for event in events] == [f"order-{order_id}", f"note-{order_id}"]
    assert [event["type"] for event in events] == ["OrderReserved", "OrderNoteAdded"]
    assert notes == events[1:]
    assert [api.number(e["position"]) for e in events] == [e["positionNumber"] for e in events]


async def test_personal_data_is_left_out_of_every_event(api: Api, eve: Viewer, ada: Viewer) -> None:
    order_id = await an_order(api, ada)
    [created, _] = await pages(eve, stream=f"order-{order_id}")
    [note] = await pages(eve, stream=f"note-{order_id}")

    assert created["data"]["order_id"] == order_id
    assert {"shipping_address", "contact"} & created["data"].keys() == set()
    assert "text" not in note["data"]
    shown = json.dumps([created, note])
    for secret in ("Mill Lane", "ada@byron", "ciphertext", "key_id", NOTE):
        assert secret not in shown


async def test_an_event_shows_its_origin(eve: Viewer, ada: Viewer) -> None:
    order_id = await ada.place()
    [created, *_] = await pages(eve, stream=f"order-{order_id}")

    assert (created["correlationId"], created["actor"]) == (order_id, f"customer:{ada.sub}")
    assert (created["type"], created["schemaVersion"]) == ("OrderCreated", 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"types": ["OrderCreted"]},
            (
                "types: there is no event type 'OrderCreted'; similar types are OrderCreated,"
                " OrderCompleted, OrderReturned"
            ),
        ),
        ({"types": ["Xyz"]}, "types: there is no event type 'Xyz'; see docs/EVENTS.md"),
        ({"types": []}, "types: name at least one type, or leave it out"),
        (
            {"stream": "orders-1"},
            (
                "stream: pass a category, a dash and an id; the categories are customer, inventory,"
                " note, order, payment, product, saga, shipment"
            ),
        ),
        ({"first": 101}, "first must be from 1 to 100"),
    ],
)
async def test_a_bad_search_of_the_log_is_refused_by_name(
    eve: Viewer, arguments: Json, message: str
) -> None:
    assert await refusal(eve, **arguments) == ("BAD_USER_INPUT", message)


@pytest.mark.parametrize("stream", ["order", "order-", "order-no\x00id"])
async def test_a_text_that_names_no_stream_is_refused(eve: Viewer, stream: str) -> None:
    code, message = await refusal(eve, stream=stream)

    assert (code, message.partition(":")[0]) == ("BAD_USER_INPUT", "stream")


async def test_a_position_above_the_safe_head_is_refused(
    api: Api, eve: Viewer, ada: Viewer
) -> None:
    order_id = await an_order(api, ada)
    *_, last = await pages(eve, stream=f"note-{order_id}")
    head = api.number(last["position"])

    assert await pages(eve, after=last["position"]) == []
    assert await refusal(eve, after=api.position(head + 1)) == (
        "BAD_USER_INPUT",
        "after: the log has not come this far: pass an earlier one, or ask again later",
    )


async def test_customers_cannot_read_the_log(ada: Viewer) -> None:
    assert await refusal(ada) == ("FORBIDDEN", "events is for operators: sign in as one")
