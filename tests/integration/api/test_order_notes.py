"""Staff note something about an order; its customer never learns of it."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest

from domain.provider_notifications import ShipmentNotificationKind
from kit.pool import Pool
from tests.integration.api.orders import waiting_for_stock, waiting_for_the_carrier
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import OUT_OF_STOCK, line

TEXT = "Zaphkiel called:\nleave it at the door"
NOTES = "query ($id: ID!) { order(id: $id) { notes { number text actor at } updatedAt } }"


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def olga(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def order_id(ada: Viewer) -> str:
    """The id of an order that waits for stock."""
    return await waiting_for_stock(ada)


def a_note(order_id: str, **changes: object) -> Json:
    return {"idempotencyKey": str(uuid4()), "orderId": order_id, "text": TEXT} | changes


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def notes_of(api: Api, order_id: str) -> list[str]:
    return [event.type for event in await api.log.store.load_events(f"note-{order_id}")]


async def test_a_note_has_its_text_actor_and_time(api: Api, olga: Viewer, order_id: str) -> None:
    payload = await olga.run("AddOrderNote", input=a_note(order_id))

    assert payload["userErrors"] == []
    (event,) = await api.log.store.load_events(f"note-{order_id}")
    assert api.number(payload["position"]) == payload["positionNumber"] == event.position
    (note,) = payload["order"]["notes"]
    assert datetime.fromisoformat(note.pop("at")) == event.recorded_at
    assert note == {"number": 1, "text": TEXT, "actor": f"operator:{olga.sub}"}


async def test_notes_are_listed_oldest_first_and_for_each_order(
    api: Api, ada: Viewer, olga: Viewer, order_id: str
) -> None:
    other = await waiting_for_stock(ada)
    for id_, text in ((order_id, "first"), (other, "another"), (order_id, "second")):
        await olga.run("AddOrderNote", input=a_note(id_, text=text))

    listed = await api.viewer("admin").ask(
        "query ($of: ID!) { orders(filter: {customerId: $of}) { edges { node { id notes { number"
        " text } } } } }",
        of=ada.sub,
    )

    edges = listed["data"]["orders"]["edges"]
    assert {edge["node"]["id"]: edge["node"]["notes"] for edge in edges} == {
        order_id: [{"number": 1, "text": "first"}, {"number": 2, "text": "second"}],
        other: [{"number": 1, "text": "another"}],
    }


async def test_a_customer_neither_writes_nor_reads_notes(
    api: Api, ada: Viewer, olga: Viewer, order_id: str
) -> None:
    before = await ada.ask(NOTES, id=order_id)
    await olga.run("AddOrderNote", input=a_note(order_id))

    assert await ada.ask(NOTES, id=order_id) == before
    assert before["data"]["order"]["notes"] is None
    answer = await ada.ask(operation("AddOrderNote"), input=a_note(order_id))
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await notes_of(api, order_id) == ["OrderNoteAdded"]


async def test_no_subscription_of_a_customer_tells_of_a_note(
    ada: Viewer, olga: Viewer, order_id: str
) -> None:
    async with ada.socket() as socket:
        await socket.subscribe(operation("OrderUpdates"), orderId=order_id)
        assert (await socket.update())["eventType"] is None

        await olga.run("AddOrderNote", input=a_note(order_id))
        await ada.run("CancelOrder", input={"idempotencyKey": str(uuid4()), "orderId": order_id})

        assert (await socket.update())["eventType"] == "OrderCancellationRequested"


async def test_a_note_leaves_the_running_saga_alone(api: Api, ada: Viewer, olga: Viewer) -> None:
    order_id = await waiting_for_the_carrier(api, ada)
    before = await api.log.store.load_events(f"order-{order_id}")

    await olga.run("AddOrderNote", input=a_note(order_id))

    assert await api.log.store.load_events(f"order-{order_id}") == before
    await api.sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await api.sagas.until(f"payment-{order_id}", "PaymentCaptured")
    assert await notes_of(api, order_id) == ["OrderNoteAdded"]


async def test_an_order_that_has_ended_takes_notes(api: Api, ada: Viewer, olga: Viewer) -> None:
    order_id = await ada.place(lines=[line(OUT_OF_STOCK)])
    assert await api.sagas.end(order_id) == "REJECTED"

    payload = await olga.run("AddOrderNote", input=a_note(order_id))

    assert [note["text"] for note in payload["order"]["notes"]] == [TEXT]
    assert await api.sagas.events(f"order-{order_id}") == ["OrderCreated", "OrderRejected"]


async def test_a_repeated_note_is_added_once(api: Api, olga: Viewer, order_id: str) -> None:
    note = a_note(order_id)

    first, again = [await olga.run("AddOrderNote", input=note) for _ in range(2)]

    assert first == again
    assert await notes_of(api, order_id) == ["OrderNoteAdded"]


async def test_another_text_under_the_same_key_is_refused(
    api: Api, olga: Viewer, order_id: str
) -> None:
    note = a_note(order_id)
    await olga.run("AddOrderNote", input=note)

    payload = await olga.run("AddOrderNote", input=note | {"text": "another"})

    assert codes(payload) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert await notes_of(api, order_id) == ["OrderNoteAdded"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"text": ""}, "INVALID_INPUT", ["input", "text"]),
        ({"text": "Hidden" * 400}, "INVALID_INPUT", ["input", "text"]),
        ({"text": "Hidden\x00"}, "INVALID_INPUT", ["input", "text"]),
        ({"idempotencyKey": ""}, "INVALID_INPUT", ["input", "idempotencyKey"]),
        ({"orderId": str(uuid4())}, "NOT_FOUND", ["input", "orderId"]),
        ({"orderId": "no\x00order"}, "NOT_FOUND", ["input", "orderId"]),
    ],
)
async def test_a_faulty_note_is_refused_with_the_field_at_fault(
    olga: Viewer, order_id: str, changes: Json, code: str, field: list[str]
) -> None:
    api = olga.api
    api.temporal.forget()

    payload = await olga.run("AddOrderNote", input=a_note(order_id, **changes))

    assert codes(payload) == [(code, field)]
    assert "Hidden" not in payload["userErrors"][0]["message"]
    assert (payload["order"], payload["position"]) == (None, None)
    assert api.temporal.workflow_ids == []
    assert await notes_of(api, order_id) == []


async def test_a_note_is_sealed_and_unreadable_once_its_customer_is_erased(
    api: Api, ada: Viewer, olga: Viewer, module_pool: Pool
) -> None:
    order_id = await ada.place(lines=[line(OUT_OF_STOCK)])
    assert await api.sagas.end(order_id) == "REJECTED"
    await olga.run("AddOrderNote", input=a_note(order_id))
    (event,) = await api.log.store.load_events(f"note-{order_id}")
    row = await module_pool.fetchrow(
        "SELECT text::text FROM readmodel.order_note WHERE order_id = $1", order_id
    )
    assert row is not None
    assert event.data["text"]["subject"] == ada.sub
    assert "Zaphkiel" not in event.data_json + row["text"]

    erasure = {"idempotencyKey": "e", "customerId": ada.sub, "reason": "CUSTOMER_REQUEST"}
    assert codes(await api.viewer("admin").run("EraseCustomer", input=erasure)) == []

    answer = await olga.ask(NOTES, id=order_id)
    assert "errors" not in answer
    (note,) = answer["data"]["order"]["notes"]
    assert (note["number"], note["text"], note["actor"]) == (1, None, f"operator:{olga.sub}")


async def test_a_note_under_an_unknown_master_key_is_an_error_and_not_null(
    ada: Viewer, olga: Viewer, module_pool: Pool
) -> None:
    order_id = await ada.place(lines=[line(OUT_OF_STOCK)])
    await olga.run("AddOrderNote", input=a_note(order_id))
    await module_pool.execute(
        "UPDATE eventstore.subject_key SET master_key_id = 'lost' WHERE subject = $1", ada.sub
    )

    answer = await olga.ask(NOTES, id=order_id)

    (note,) = answer["data"]["order"]["notes"]
    assert (note["number"], note["text"]) == (1, None)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "PERSONAL_DATA_UNREADABLE"
    assert error["path"] == ["order", "notes", 0, "text"]
