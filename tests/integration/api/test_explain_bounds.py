"""The explanation of any order: who may read it, what it costs and what it leaves out."""

from __future__ import annotations

import json
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.note.events import OrderNoteAdded
from queries.explain.explanation import MAX_ENTRIES, ExplainQueries
from tests.integration.api.explaining import events, explained, money
from tests.integration.api.orders import delivered, dispatched
from tests.integration.queries.statements import counted
from tests.support.api_client import Api, Viewer, operation
from tests.support.api_inputs import ADDRESS, CONTACT
from tests.support.order_log import ADDRESS as LOGGED_ADDRESS
from tests.support.order_log import CONTACT as LOGGED_CONTACT

STATEMENTS: Final = 7
NOBODY_LISTENS: Final = "127.0.0.1:9"


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def test_an_explanation_holds_no_personal_data(api: Api, ada: Viewer, eve: Viewer) -> None:
    order_id = await delivered(api, ada)
    logged = await api.logged_order(ada)
    note = OrderNoteAdded(order_id=logged, customer_id=ada.sub, text="She moves to Bristol.")
    await api.log.append(f"note-{logged}", note)

    text = json.dumps([await explained(eve, order_id), await explained(eve, logged)])

    marked = {
        *(str(value) for value in ADDRESS.values()),
        *(str(value) for value in CONTACT.values()),
        *LOGGED_ADDRESS.model_dump().values(),
        *LOGGED_CONTACT.model_dump().values(),
        *("She moves to Bristol.", "ciphertext"),
    }
    assert "OrderNoteAdded" in text
    assert [value for value in marked if value and len(value) > 3 and value in text] == []


async def test_the_order_of_an_erased_customer_still_explains_itself(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await dispatched(api, ada)
    erased = CustomerErased(customer_id=ada.sub, reason=ErasureReason.CUSTOMER_REQUEST)
    await api.log.append(f"customer-{ada.sub}", erased)

    explanation = await explained(eve, order_id)

    assert "OrderCreated" in events(explanation)
    assert money(explanation)[1] == explanation["money"]["total"]["amount"]


async def test_an_order_explains_itself_without_temporal(
    api: Api, ada: Viewer, engine: AsyncEngine
) -> None:
    order_id = await dispatched(api, ada)
    away = await Client.connect(NOBODY_LISTENS, lazy=True)

    found = await ExplainQueries(engine, away, "").get(order_id)

    assert found is not None
    assert [(run.status, run.url) for run in found.workflows] == [("UNKNOWN", None)]
    assert found.money.captured == found.money.total


async def test_an_explanation_costs_a_constant_number_of_statements(
    api: Api, ada: Viewer, eve: Viewer, engine: AsyncEngine
) -> None:
    empty, full = await api.logged_order(ada), await delivered(api, ada)

    for order_id in (empty, full):
        with counted(engine) as statements:
            await explained(eve, order_id)
        assert len(statements) == STATEMENTS


async def test_a_long_timeline_is_cut_and_says_where_to_go_on(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await api.logged_order(ada)
    note = OrderNoteAdded(order_id=order_id, customer_id=ada.sub, text="n")
    await api.log.append(f"note-{order_id}", *[note] * (MAX_ENTRIES + 5))

    explanation = await explained(eve, order_id)

    assert len(explanation["timeline"]) == MAX_ENTRIES
    assert explanation["isCut"] is True
    rest = await eve.run(
        "Events", stream=f"note-{order_id}", after=explanation["continueAfter"], first=100
    )
    shown = [each for each in explanation["timeline"] if each.get("type") == "OrderNoteAdded"]
    assert len(shown) + len(rest["edges"]) == MAX_ENTRIES + 5


async def test_a_number_explains_the_same_order(api: Api, ada: Viewer, eve: Viewer) -> None:
    order_id = await api.logged_order(ada)

    explanation = await explained(eve, order_id)

    assert explanation["orderId"] == order_id
    assert await explained(eve, explanation["number"].lower()) == explanation


async def test_only_staff_may_ask(api: Api, ada: Viewer) -> None:
    order_id = await api.logged_order(ada)

    answer = await ada.ask(operation("Explain"), orderId=order_id)
    admins = await explained(api.viewer("admin"), order_id)

    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert answer["data"] is None
    assert admins["orderId"] == order_id


@pytest.mark.parametrize(
    "order_id", ["6b8e9760-dfad-4eb5-a3ff-480ab63fd345", "W-0000000000", "no id\n", ""]
)
async def test_an_unknown_order_is_not_found(eve: Viewer, order_id: str) -> None:
    answer = await eve.ask(operation("Explain"), orderId=order_id)

    assert answer["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
