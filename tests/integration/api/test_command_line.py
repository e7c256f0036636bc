"""Operators read and repair a real API with the command line `waybill`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from kit.pool import Pool
from tests.integration.api.orders import parked_at_capture, waiting_for_the_carrier
from tests.support.api_client import Api, Viewer
from tests.support.letters import store_letter
from tests.support.waybill import Waybill

REASON = "the bank is back"
LETTERS = "SELECT id, state, attempts FROM eventstore.dead_letter ORDER BY id"


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


def waybill_of(api: Api, viewer: Viewer) -> Waybill:
    return Waybill(api.url, viewer.headers["authorization"].removeprefix("Bearer "))


@pytest.fixture
def waybill(api: Api, eve: Viewer) -> Waybill:
    return waybill_of(api, eve)


@pytest.fixture
async def letters(module_pool: Pool) -> AsyncIterator[Pool]:
    """The database, which has no letters when a test begins."""
    yield module_pool
    await module_pool.execute("DELETE FROM eventstore.dead_letter")
    await module_pool.execute("DELETE FROM eventstore.dead_letter_action")


async def test_the_json_of_an_order_is_that_of_its_document(
    api: Api, ada: Viewer, eve: Viewer, waybill: Waybill
) -> None:
    order_id = await api.logged_order(ada)
    order = await eve.run("Order", id=order_id)

    assert (await waybill("orders", "show", order_id, "--json")).json == order
    assert (await waybill("orders", "show", order["number"], "--json")).json == order


async def test_the_list_of_a_customers_orders_shows_no_address(
    api: Api, ada: Viewer, eve: Viewer, waybill: Waybill
) -> None:
    for _ in range(3):
        await api.logged_order(ada)
    orders = await eve.run("Orders", filter={"customerId": ada.sub})
    nodes = [edge["node"] for edge in orders["edges"]]
    of_ada = ("orders", "list", "--customer", ada.sub)

    everything = await waybill(*of_ada, "--all", "--json")
    part = await waybill(*of_ada, "--first", "2", "--json")
    rest = await waybill(*of_ada, "--after", part.json["endCursor"], "--json")
    table = await waybill(*of_ada, "--first", "2")

    assert everything.json == {
        "items": nodes,
        "hasNextPage": False,
        "endCursor": orders["pageInfo"]["endCursor"],
    }
    assert part.json["items"] + rest.json["items"] == nodes
    assert (part.json["hasNextPage"], rest.json["hasNextPage"]) == (True, False)
    assert [line.split()[0] for line in table.out.splitlines()] == [
        *("NUMBER", nodes[0]["number"], nodes[1]["number"]),
    ]
    address = (await eve.run("Order", id=nodes[0]["id"]))["shippingAddress"]
    assert address["street"] not in everything.out + table.out


async def test_a_parked_saga_is_retried_once_however_often_the_command_is_run(
    api: Api, ada: Viewer, eve: Viewer, waybill: Waybill
) -> None:
    order_id = await parked_at_capture(api, ada)
    number = (await eve.run("Order", id=order_id))["number"]
    retry = ("sagas", "retry", number, "--reason", REASON, "--yes", "--json")

    parked = await waybill("sagas", "parked", "--all")
    shown = await waybill("sagas", "show", number)
    first = await waybill(*retry)
    again = await waybill(*retry)

    row = next(line for line in parked.out.splitlines() if line.startswith(number))
    assert (row.split()[1:3], "REFUSED" in row) == ([order_id, "capture"], True)
    step = next(line for line in shown.out.splitlines() if line.startswith("capture"))
    assert step.split()[1] == "PARKED"
    assert (first.json["saga"]["orderNumber"], "userErrors" in first.json) == (number, False)
    assert (again.code, again.err) == (
        0,
        "waybill: it was done before: this is the answer to the first request\n",
    )
    interventions = (await eve.run("Saga", orderId=order_id))["interventions"]
    assert [(made["kind"], made["reason"], made["actor"]) for made in interventions] == [
        ("RETRY", REASON, f"operator:{eve.sub}"),
    ]
    assert interventions == (await waybill("sagas", "show", number, "--json")).json["interventions"]
    await api.sagas.until(f"payment-{order_id}", "PaymentCaptured")


async def test_a_saga_that_is_not_parked_stays_as_it_is(
    api: Api, ada: Viewer, eve: Viewer, waybill: Waybill
) -> None:
    order_id = await api.logged_order(ada)

    ended = await waybill("sagas", "compensate", order_id, "--reason", REASON, "--yes")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"waybill: SAGA_NOT_PARKED: the saga of order {order_id} is not parked at any step. Read "
        "it with `waybill sagas show ORDER`\n"
    )
    assert (await eve.run("Saga", orderId=order_id))["interventions"] == []


async def test_a_dead_letter_is_listed_shown_and_redriven(
    letters: Pool, eve: Viewer, waybill: Waybill
) -> None:
    body = b'{"type": "waybill.OrderShipped.v1"}\x1b[2J'
    letter_id = str(await store_letter(letters, body=body))

    listed = await waybill("dead-letters", "list", "--state", "dead")
    shown = await waybill("dead-letters", "show", letter_id)
    redriven = await waybill("dead-letters", "redrive", letter_id, "--yes", "--json")

    assert listed.out.splitlines()[1].split()[:6] == [
        *(letter_id, "mailer", "DEAD", "order-1", "OrderShipped", "8"),
    ]
    assert shown.out.endswith('\nMessage\n{"type": "waybill.OrderShipped.v1"}\\x1b[2J\n')
    assert redriven.json["letter"]["state"] == "RETRYING"
    assert redriven.json["action"]["actor"] == f"operator:{eve.sub}"
    assert [tuple(row) for row in await letters.fetch(LETTERS)] == [
        (int(letter_id), "retrying", 0),
    ]


async def test_a_dead_letter_is_discarded_with_the_reason(letters: Pool, waybill: Waybill) -> None:
    letter_id = str(await store_letter(letters))
    discarded = await waybill("dead-letters", "discard", letter_id, "--reason", "gone", "--yes")
    again = await waybill("dead-letters", "show", letter_id)
    assert (discarded.code, discarded.out) == (0, f"The dead letter {letter_id} is DISCARDED.\n")
    assert (again.code, again.out) == (4, "")
    assert await letters.fetch(LETTERS) == []


async def test_cancelling_an_order_leaves_a_note_with_the_reason(
    api: Api, ada: Viewer, eve: Viewer, waybill: Waybill
) -> None:
    order_id = await waiting_for_the_carrier(api, ada)
    cancel = ("orders", "cancel", order_id, "--reason", "fraud", "--yes", "--json")

    first, again = await waybill(*cancel), await waybill(*cancel)

    assert first.json["order"]["id"] == again.json["order"]["id"] == order_id
    notes = (await eve.run("OrderNotes", id=order_id))["notes"]
    assert [(note["text"], note["actor"]) for note in notes] == [
        ("Cancelled: fraud", f"operator:{eve.sub}"),
    ]
    await api.sagas.until(f"order-{order_id}", "OrderCancelled")


async def test_the_events_of_an_order_are_printed_in_their_order(
    api: Api, ada: Viewer, eve: Viewer, waybill: Waybill
) -> None:
    order_id = await api.logged_order(ada)
    stream = f"order-{order_id}"
    page = await eve.run("Events", stream=stream)

    ended = await waybill("events", "tail", "--stream", stream, "--json")
    line = await waybill("events", "tail", "--stream", stream)

    assert [ended.json] == [edge["node"] for edge in page["edges"]]
    at, clock, number, kind, found, *_ = line.out.split()
    event = ended.json
    assert (int(number), kind, found) == (event["positionNumber"], "OrderCreated", stream)
    recorded = datetime.fromisoformat(event["recordedAt"]).replace(microsecond=0)
    assert datetime.fromisoformat(f"{at} {clock}") == recorded


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("orders", "show", "no-such-order"), 4, "NOT_FOUND: you have no order with this id."),
        (("orders", "show", "W-0000000000"), 4, "NOT_FOUND: you have no order with this number."),
        (("sagas", "show", "no-such-order"), 4, "NOT_FOUND: "),
        (("orders", "watch", "no-such-order"), 4, "NOT_FOUND: "),
        (("stock", "show", "nothing"), 4, "NOT_FOUND: the catalogue never listed this SKU."),
        (("dead-letters", "redrive", "1", "--yes"), 4, "NOT_FOUND: "),
        (("notices", "acknowledge", "1"), 4, "NOT_FOUND: "),
        (("webhooks", "show", "none"), 4, "NOT_FOUND: "),
        (("projections", "rebuild", "orders", "--yes"), 1, "FORBIDDEN: "),
        (("events", "tail", "--type", "OrderPlaced"), 1, "BAD_USER_INPUT: types: there is no"),
        (("orders", "list", "--after", "x"), 1, "BAD_USER_INPUT: "),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
async def test_what_the_api_refuses_has_one_line_and_its_exit_code(
    waybill: Waybill, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = await waybill(*arguments)
    assert (ended.code, ended.out) == (code, ""), ended
    assert ended.err.startswith(f"waybill: {says}"), ended.err
    assert ended.err.count("\n") == 1
    assert waybill.token not in ended.err


@pytest.mark.parametrize(
    ("arguments"), [("orders", "list"), ("orders", "watch", "o-1")], ids=lambda words: words[1]
)
async def test_a_wrong_token_is_refused(api: Api, arguments: tuple[str, ...]) -> None:
    ended = await Waybill(api.url, "a.wrong.token")(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("waybill: UNAUTHENTICATED: ")
    assert "a.wrong.token" not in ended.err


async def test_a_customers_token_reads_its_own_orders_alone(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    await api.logged_order(eve)
    order_id = await api.logged_order(ada)
    customer = waybill_of(api, ada)

    listed = await customer("orders", "list", "--json")
    refused = await customer("sagas", "parked")

    assert [order["id"] for order in listed.json["items"]] == [order_id]
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("waybill: FORBIDDEN: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("orders", "list"),
        ("sagas", "parked"),
        ("dead-letters", "list"),
        ("projections", "list"),
        ("notices", "list", "--which", "all"),
        ("webhooks", "list"),
        ("stock", "list"),
        ("products", "list"),
        ("events", "tail"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
async def test_the_largest_page_of_each_list_is_within_the_limits_of_the_api(
    waybill: Waybill, arguments: tuple[str, ...]
) -> None:
    more = () if arguments[0] == "projections" else ("--all",)
    ended = await waybill(*arguments, *more)
    assert ended.code == 0, ended
    assert "BAD_USER_INPUT" not in ended.err


async def test_an_order_that_has_ended_is_watched_to_its_end(
    api: Api, ada: Viewer, waybill: Waybill
) -> None:
    order_id = await ada.place()
    await ada.run("CancelOrder", input={"idempotencyKey": f"key-{order_id}", "orderId": order_id})
    await api.sagas.until(f"order-{order_id}", "OrderCancelled")

    ended = await waybill("orders", "watch", order_id)

    assert (ended.code, ended.err) == (0, "")
    (line,) = ended.out.splitlines()
    assert "(now)" in line
    assert "CANCELLED" in line


async def test_health_is_read_without_a_token(api: Api) -> None:
    ended = await Waybill(api.url, "")("health", "--json")
    assert (ended.code, ended.json["status"]) == (0, "ready")
