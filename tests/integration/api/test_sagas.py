"""A parked saga as operators see it, and what they decide on it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.errors import ErrorCode, Refused
from domain.order.events import OrderReserved
from domain.saga.commands import Book, Decision
from domain.saga.events import DifferenceFound, SagaParked
from tests.integration.api.client import Api, Json, Viewer, operation
from tests.integration.api.inputs import an_order
from workflows.orchestrator import NoSuchSaga, Unavailable

MUTATIONS = {
    Decision.RETRY: "RetrySaga",
    Decision.SKIP: "SkipSagaStep",
    Decision.RESOLVE: "ResolveSaga",
    Decision.COMPENSATE: "CompensateSaga",
}


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def order_id(ada: Viewer, api: Api) -> str:
    """Of an order that is reserved."""
    order: Json = (await ada.run("PlaceOrder", input=an_order()))["order"]
    await api.log.append(f"order-{order['id']}", OrderReserved(order_id=order["id"]))
    return str(order["id"])


async def park(
    api: Api, order_id: str, step: str = "authorize", parking: int = 1, *, undoing: bool = False
) -> None:
    parked = SagaParked(
        order_id=order_id,
        step=step,
        undoing=undoing,
        parking=parking,
        code="PROVIDER_REFUSED",
        message="refused with card_lost",
        workflow_id=f"order-{order_id}",
    )
    await api.log.append(f"saga-{order_id}", parked)


def deciding(order_id: str, **changes: object) -> dict[str, object]:
    given = {"idempotencyKey": str(uuid4()), "orderId": order_id, "reason": "the bank is back"}
    return given | changes


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def decisions(api: Api, order_id: str) -> list[str]:
    events = await api.log.store.load_events(f"saga-{order_id}")
    return [event.type for event in events if event.type != "SagaParked"]


async def test_a_saga_shows_its_steps(api: Api, eve: Viewer, order_id: str) -> None:
    saga = await eve.run("Saga", orderId=order_id)

    assert (saga["orderId"], saga["status"], saga["needsAttention"]) == (order_id, "FORWARD", False)
    reserve, authorize, *_ = saga["steps"]
    assert (reserve["name"], reserve["state"], reserve["attempts"]) == ("reserve", "DONE", 1)
    assert (reserve["undo"]["name"], reserve["undo"]["state"]) == ("release", "PLANNED")
    assert (authorize["name"], authorize["state"]) == ("authorize", "RUNNING")
    assert (saga["takenUp"], saga["decisions"], saga["differences"]) == (0, [], [])
    assert saga["positionNumber"] == api.number(saga["position"])


async def test_a_parked_saga_says_where_it_stands_and_why(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await park(api, order_id)

    saga = await eve.run("Saga", orderId=order_id)
    order = await eve.run("Order", id=order_id)

    assert (saga["status"], saga["needsAttention"]) == ("PARKED", True)
    assert order["needsAttention"] is True
    step = saga["steps"][1]
    assert step["state"] == "FAILED"
    assert step["parking"] == {
        "number": 1,
        "since": saga["parkedSince"],
        "code": "PROVIDER_REFUSED",
        "message": "refused with card_lost",
        "workflowId": f"order-{order_id}",
    }


async def test_a_difference_needs_attention(api: Api, eve: Viewer, order_id: str) -> None:
    found = DifferenceFound(
        order_id=order_id, book=Book.SHIPMENT, ours="CREATED", theirs="CANCELLED"
    )
    await api.log.append(f"saga-{order_id}", found)

    saga = await eve.run("Saga", orderId=order_id)
    order = await eve.run("Order", id=order_id)

    (difference,) = saga["differences"]
    assert (difference["book"], difference["ours"]) == ("SHIPMENT", "CREATED")
    assert difference["theirs"] == "CANCELLED"
    assert order["needsAttention"] is True


async def test_anothers_saga_is_not_found(api: Api, order_id: str) -> None:
    anothers = await api.viewer().ask(operation("Saga"), orderId=order_id)
    none = await api.viewer().ask(operation("Saga"), orderId="no id at all")

    assert anothers["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    assert anothers["errors"][0]["message"] == none["errors"][0]["message"]


async def test_parked_sagas_are_for_operators_to_see(
    api: Api, ada: Viewer, eve: Viewer, order_id: str
) -> None:
    await park(api, order_id)

    refused = await ada.ask(operation("ParkedSagas"))
    page = await eve.run("ParkedSagas", last=1)

    assert refused["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    (edge,) = page["edges"]
    assert edge["node"]["orderId"] == order_id
    assert page["pageInfo"]["endCursor"] == edge["cursor"]
    after = await eve.run("ParkedSagas", after=edge["cursor"])
    assert after["edges"] == []


@pytest.mark.parametrize("decision", Decision)
async def test_an_operator_decides_on_a_parked_step(
    api: Api, eve: Viewer, order_id: str, decision: Decision
) -> None:
    await park(api, order_id)

    payload = await eve.run(MUTATIONS[decision], input=deciding(order_id))

    assert payload["userErrors"] == []
    assert (payload["saga"]["status"], payload["saga"]["needsAttention"]) == ("FORWARD", False)
    (decided,) = payload["saga"]["decisions"]
    assert (decided["step"], decided["parking"]) == ("authorize", 1)
    assert (decided["decision"], decided["reason"]) == (decision, "the bank is back")
    assert decided["actor"] == f"operator:{eve.sub}"
    assert payload["position"] == payload["saga"]["position"]
    assert api.orchestrator.workflow_ids[-1] == f"order-{order_id}"


async def test_deciding_is_for_operators(api: Api, ada: Viewer, order_id: str) -> None:
    await park(api, order_id)
    for name in MUTATIONS.values():
        answer = await ada.ask(operation(name), input=deciding(order_id))
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}

    assert await decisions(api, order_id) == []


@pytest.mark.parametrize("failure", [None, NoSuchSaga(), Refused(ErrorCode.SAGA_NOT_PARKED, "no")])
async def test_a_decision_sent_again_is_made_once(
    api: Api, eve: Viewer, order_id: str, failure: Exception | None
) -> None:
    """Whether or not Temporal remembers it, or the workflow is still there."""
    await park(api, order_id)
    request = deciding(order_id)
    first = await eve.run("SkipSagaStep", input=request)
    api.orchestrator.failure = failure
    again = await eve.ask(operation("SkipSagaStep"), input=request)

    assert again["data"]["skipSagaStep"] == first
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert await decisions(api, order_id) == ["SagaStepSkipped"]


async def test_a_key_stands_for_one_decision(api: Api, eve: Viewer, order_id: str) -> None:
    await park(api, order_id)
    request = deciding(order_id)
    await eve.run("RetrySaga", input=request)
    other = await eve.run("SkipSagaStep", input=request)

    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert await decisions(api, order_id) == ["SagaRetried"]


async def test_a_later_decision_on_the_same_parking_is_refused(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await park(api, order_id)
    await eve.run("RetrySaga", input=deciding(order_id))
    later = await eve.run("SkipSagaStep", input=deciding(order_id))

    assert codes(later) == [("SAGA_NOT_PARKED", None)]
    assert await decisions(api, order_id) == ["SagaRetried"]


async def test_where_several_are_parked_one_has_to_be_named(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await park(api, order_id, "release", 1, undoing=True)
    await park(api, order_id, "give_back", 2, undoing=True)

    unnamed = await eve.run("RetrySaga", input=deciding(order_id))
    named = await eve.run("RetrySaga", input=deciding(order_id, step="give_back"))

    assert codes(unnamed) == [("INVALID_INPUT", ["input", "step"])]
    assert unnamed["userErrors"][0]["message"].endswith("give_back, release")
    assert [(d["step"], d["parking"]) for d in named["saga"]["decisions"]] == [("give_back", 2)]
    assert named["saga"]["status"] == "PARKED"


async def test_an_undo_is_not_turned_round(api: Api, eve: Viewer, order_id: str) -> None:
    await park(api, order_id, "release", undoing=True)

    payload = await eve.run("CompensateSaga", input=deciding(order_id))

    assert codes(payload) == [("SAGA_ALREADY_TURNED", None)]
    assert await decisions(api, order_id) == []


@pytest.mark.parametrize("step", [None, "capture"])
async def test_a_saga_that_is_not_parked_is_not_decided_on(
    api: Api, eve: Viewer, order_id: str, step: str | None
) -> None:
    payload = await eve.run("RetrySaga", input=deciding(order_id, step=step))

    assert codes(payload) == [("SAGA_NOT_PARKED", None)]
    assert await decisions(api, order_id) == []


async def test_a_parked_saga_without_its_workflow_is_out_of_reach_for_the_moment(
    api: Api, eve: Viewer, order_id: str
) -> None:
    await park(api, order_id)
    for failure in (NoSuchSaga(), Unavailable("no worker answered in time; try again")):
        api.orchestrator.failure = failure
        answer = await eve.ask(operation("RetrySaga"), input=deciding(order_id))
        assert answer["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}

    assert await decisions(api, order_id) == []


async def test_faulty_input_is_refused(api: Api, eve: Viewer, order_id: str) -> None:
    await park(api, order_id)
    bad = deciding(order_id, idempotencyKey="not a key", reason=" \n ")
    faulty = await eve.run("RetrySaga", input=bad)
    unknown = await eve.run("RetrySaga", input=deciding(str(uuid4())))

    assert codes(faulty) == [
        ("INVALID_INPUT", ["input", "idempotencyKey"]),
        ("INVALID_INPUT", ["input", "reason"]),
    ]
    assert codes(unknown) == [("NOT_FOUND", ["input", "orderId"])]
    assert await decisions(api, order_id) == []


async def test_metrics_tell_of_what_is_parked(api: Api, order_id: str) -> None:
    before = await metric(api, "waybill_parked_sagas")
    await park(api, order_id)

    assert await metric(api, "waybill_parked_sagas") == before + 1
    assert await metric(api, "waybill_parked_saga_oldest_seconds") > 0
    assert await metric(api, 'waybill_saga_differences{book="payment"}') == 0
    assert await metric(api, "waybill_sagas_taken_up") == 0
    assert await metric(api, "waybill_orders_not_compared") == 0
    assert await metric(api, "waybill_books_lag_seconds") == 0


async def metric(api: Api, name: str) -> float:
    lines = (await api.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))
