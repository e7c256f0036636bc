"""Operators read a parked saga, and intervene in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from domain.order.events import OrderReserved
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention, ReconciledSystem
from domain.saga.events import DiscrepancyFound, SagaParked, SagaRetried, SagaStepSkipped
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent
from eventstore.versions import ANY
from tests.integration.api.orders import (
    parked_at_capture,
    waiting_for_stock,
    waiting_for_the_carrier,
)
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.temporal_calls import TEMPORAL_IS_AWAY

MUTATIONS = {
    Intervention.RETRY: "RetrySaga",
    Intervention.SKIP: "SkipSagaStep",
    Intervention.RESOLVE: "ResolveSaga",
    Intervention.COMPENSATE: "CompensateSaga",
}


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def order_id(ada: Viewer, api: Api) -> str:
    """The id of a reserved order that has no saga."""
    order_id = await api.logged_order(ada)
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    return order_id


@pytest.fixture
async def parked_id(ada: Viewer, api: Api) -> str:
    """The id of an order that is parked at the capture. The payment provider works again."""
    return await parked_at_capture(api, ada)


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


def intervening(order_id: str, **changes: object) -> dict[str, object]:
    given = {"idempotencyKey": str(uuid4()), "orderId": order_id, "reason": "the bank is back"}
    return given | changes


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def saga_events(api: Api, order_id: str) -> list[StoredEvent]:
    return await api.log.store.load_events(f"saga-{order_id}")


async def interventions(api: Api, order_id: str) -> list[str]:
    types = [event.type for event in await saga_events(api, order_id)]
    return [type_ for type_ in types if type_ not in {"SagaParked", "SagaRecovered"}]


async def test_a_saga_shows_its_steps(api: Api, eve: Viewer, order_id: str) -> None:
    saga = await eve.run("Saga", orderId=order_id)

    assert (saga["orderId"], saga["status"], saga["needsAttention"]) == (order_id, "FORWARD", False)
    reserve, authorize, *_ = saga["steps"]
    assert (reserve["name"], reserve["state"], reserve["attempts"]) == ("reserve", "DONE", 1)
    assert (reserve["undo"]["name"], reserve["undo"]["state"]) == ("release", "PLANNED")
    assert (authorize["name"], authorize["state"]) == ("authorize", "RUNNING")
    assert (saga["recoveries"], saga["interventions"], saga["discrepancies"]) == (0, [], [])
    assert saga["positionNumber"] == api.number(saga["position"])


async def test_a_parked_saga_shows_its_step_and_the_cause(
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
        "attempts": 1,
        "failedAt": None,
        "nextRetryAt": None,
        "workflowId": f"order-{order_id}",
    }


async def test_a_discrepancy_needs_attention(api: Api, eve: Viewer, order_id: str) -> None:
    found = DiscrepancyFound(
        order_id=order_id, system=ReconciledSystem.SHIPMENT, ours="CREATED", theirs="CANCELLED"
    )
    await api.log.append(f"saga-{order_id}", found)

    saga = await eve.run("Saga", orderId=order_id)
    order = await eve.run("Order", id=order_id)

    (discrepancy,) = saga["discrepancies"]
    assert (discrepancy["system"], discrepancy["ours"]) == ("SHIPMENT", "CREATED")
    assert discrepancy["theirs"] == "CANCELLED"
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


@pytest.mark.parametrize(
    ("intervention", "recorded", "statuses"),
    [
        (Intervention.RETRY, "SagaRetried", {"FORWARD"}),
        (Intervention.SKIP, "SagaStepSkipped", {"FORWARD"}),
        (Intervention.RESOLVE, "SagaStepResolved", {"FORWARD"}),
        (Intervention.COMPENSATE, "SagaCompensationRequested", {"COMPENSATING", "FINAL"}),
    ],
)
async def test_an_operator_intervenes_on_a_parked_step(  # noqa: PLR0913, PLR0917 - a table
    api: Api,
    eve: Viewer,
    parked_id: str,
    intervention: Intervention,
    recorded: str,
    statuses: set[str],
) -> None:
    payload = await eve.run(MUTATIONS[intervention], input=intervening(parked_id))

    assert payload["userErrors"] == []
    assert payload["saga"]["status"] in statuses
    assert payload["saga"]["needsAttention"] is False
    (made,) = payload["saga"]["interventions"]
    assert (made["step"], made["parking"]) == ("capture", 1)
    assert (made["kind"], made["reason"]) == (intervention, "the bank is back")
    assert made["actor"] == f"operator:{eve.sub}"
    (event,) = [e for e in await saga_events(api, parked_id) if e.type == recorded]
    assert api.number(payload["position"]) >= event.position
    assert event.metadata.actor == f"operator:{eve.sub}"
    assert api.temporal.workflow_ids[-1] == f"order-{parked_id}"


async def test_interventions_are_for_operators(api: Api, ada: Viewer, parked_id: str) -> None:
    api.temporal.forget()
    for name in MUTATIONS.values():
        answer = await ada.ask(operation(name), input=intervening(parked_id))
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}

    assert api.temporal.workflow_ids == []
    assert await interventions(api, parked_id) == []


async def test_a_repeated_intervention_is_made_once(api: Api, eve: Viewer, parked_id: str) -> None:
    request = intervening(parked_id)
    first = await eve.run("SkipSagaStep", input=request)
    again = await eve.ask(operation("SkipSagaStep"), input=request)

    await is_the_answer_to_a_repeat(api, parked_id, first, again)
    assert again["data"]["skipSagaStep"]["position"] == first["position"]


async def test_a_repeated_intervention_is_found_in_the_log_without_its_workflow(
    api: Api, eve: Viewer, parked_id: str
) -> None:
    request = intervening(parked_id)
    first = await eve.run("SkipSagaStep", input=request)
    await api.sagas.terminate(parked_id)
    again = await eve.ask(operation("SkipSagaStep"), input=request)

    await is_the_answer_to_a_repeat(api, parked_id, first, again)


async def test_a_repeated_intervention_is_found_in_the_log_when_another_workflow_runs(
    api: Api, eve: Viewer, parked_id: str
) -> None:
    request = intervening(parked_id)
    first = await eve.run("SkipSagaStep", input=request)
    await api.sagas.terminate(parked_id)
    await api.sagas.recover(parked_id)
    again = await eve.ask(operation("SkipSagaStep"), input=request)

    await is_the_answer_to_a_repeat(api, parked_id, first, again)


async def is_the_answer_to_a_repeat(api: Api, order_id: str, first: Json, again: Json) -> None:
    payload = again["data"]["skipSagaStep"]
    assert payload["userErrors"] == []
    assert payload["saga"]["interventions"] == first["saga"]["interventions"]
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert await interventions(api, order_id) == ["SagaStepSkipped"]


async def test_a_repeated_retry_does_not_retry_a_later_parking(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order_id = await waiting_for_the_carrier(api, ada)
    request = intervening(order_id)
    with api.sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await api.sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await api.sagas.parked(order_id, "capture")
        await eve.run("RetrySaga", input=request)
        await api.sagas.parked(order_id, "capture", times=2)

    await eve.run("RetrySaga", input=request)

    assert await interventions(api, order_id) == ["SagaRetried"]
    assert (await eve.run("Saga", orderId=order_id))["status"] == "PARKED"


async def test_a_key_identifies_one_intervention(api: Api, eve: Viewer, parked_id: str) -> None:
    request = intervening(parked_id)
    await eve.run("RetrySaga", input=request)
    other = await eve.run("SkipSagaStep", input=request)

    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert await interventions(api, parked_id) == ["SagaRetried"]


async def test_a_later_intervention_on_the_same_parking_is_refused(
    api: Api, eve: Viewer, parked_id: str
) -> None:
    await eve.run("RetrySaga", input=intervening(parked_id))
    later = await eve.run("SkipSagaStep", input=intervening(parked_id))

    assert codes(later) == [("SAGA_NOT_PARKED", None)]
    assert await interventions(api, parked_id) == ["SagaRetried"]


async def test_an_intervention_like_an_earlier_one_is_no_repeat_after_another_one(
    api: Api, eve: Viewer, order_id: str
) -> None:
    """Another operator skipped the second parking, so a new retry has nothing to retry."""
    reason = intervening(order_id)["reason"]
    for parking, kind, actor in (
        (1, SagaRetried, f"operator:{eve.sub}"),
        (2, SagaStepSkipped, "operator:grace"),
    ):
        await park(api, order_id, parking=parking)
        made = kind(order_id=order_id, step="authorize", parking=parking, reason=reason)
        metadata = EventMetadata(correlation_id=order_id, actor=actor)
        new = [NewEvent(uuid4(), made, metadata)]
        await api.log.store.save_events(f"saga-{order_id}", new, ANY)

    payload = await eve.run("RetrySaga", input=intervening(order_id))

    assert codes(payload) == [("SAGA_NOT_PARKED", None)]
    assert await interventions(api, order_id) == ["SagaRetried", "SagaStepSkipped"]


@pytest.fixture
async def undoing_id(api: Api, ada: Viewer) -> AsyncIterator[str]:
    """The id of a cancelled order whose refund and whose release of stock have failed."""
    order_id = await waiting_for_the_carrier(api, ada)
    refusal = ApplicationError("no", type="PROVIDER_REFUSED", non_retryable=True)
    api.sagas.gates.fail("release", order_id, refusal)
    with api.sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await api.sagas.cancel(order_id)
        await api.sagas.parked(order_id, "give_back")
        await api.sagas.parked(order_id, "release")
        yield order_id


async def test_an_intervention_names_its_step_when_several_are_parked(
    api: Api, eve: Viewer, undoing_id: str
) -> None:
    unnamed = await eve.run("SkipSagaStep", input=intervening(undoing_id))
    assert await interventions(api, undoing_id) == []
    named = await eve.run("SkipSagaStep", input=intervening(undoing_id, step="give_back"))

    assert codes(unnamed) == [("INVALID_INPUT", ["input", "step"])]
    assert unnamed["userErrors"][0]["message"].endswith("give_back, release")
    assert [(d["step"], d["kind"]) for d in named["saga"]["interventions"]] == [
        ("give_back", "SKIP")
    ]
    assert named["saga"]["status"] == "PARKED"


async def test_an_undo_takes_no_compensation(api: Api, eve: Viewer, undoing_id: str) -> None:
    """The refusal never reaches the workflow, which accepts 2,000 updates in its life."""
    api.temporal.forget()

    payload = await eve.run("CompensateSaga", input=intervening(undoing_id, step="give_back"))

    assert codes(payload) == [("SAGA_ALREADY_COMPENSATING", None)]
    assert api.temporal.workflow_ids == []
    assert await interventions(api, undoing_id) == []


@pytest.mark.parametrize("step", [None, "capture"])
async def test_a_saga_that_is_not_parked_takes_no_intervention(
    api: Api, ada: Viewer, eve: Viewer, step: str | None
) -> None:
    order_id = await waiting_for_stock(ada)
    payload = await eve.run("RetrySaga", input=intervening(order_id, step=step))

    assert codes(payload) == [("SAGA_NOT_PARKED", None)]
    assert await interventions(api, order_id) == []


async def test_a_parked_saga_without_its_workflow_is_out_of_reach_for_the_moment(
    api: Api, eve: Viewer, parked_id: str
) -> None:
    await api.sagas.terminate(parked_id)
    answer = await eve.ask(operation("RetrySaga"), input=intervening(parked_id))

    assert answer["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
    assert await interventions(api, parked_id) == []


async def test_a_parked_saga_is_out_of_reach_while_temporal_is(
    api: Api, eve: Viewer, parked_id: str
) -> None:
    api.temporal.failure = TEMPORAL_IS_AWAY
    answer = await eve.ask(operation("RetrySaga"), input=intervening(parked_id))

    assert answer["errors"][0]["extensions"] == {"code": "OUTCOME_UNKNOWN"}
    assert await interventions(api, parked_id) == []


async def test_invalid_input_is_refused(api: Api, eve: Viewer, order_id: str) -> None:
    await park(api, order_id)
    bad = intervening(order_id, idempotencyKey="not a key", reason=" \n ")
    faulty = await eve.run("RetrySaga", input=bad)
    unknown = await eve.run("RetrySaga", input=intervening(str(uuid4())))

    assert codes(faulty) == [
        ("INVALID_INPUT", ["input", "idempotencyKey"]),
        ("INVALID_INPUT", ["input", "reason"]),
    ]
    assert codes(unknown) == [("NOT_FOUND", ["input", "orderId"])]
    assert await interventions(api, order_id) == []


async def test_the_metrics_count_parked_steps(api: Api, order_id: str) -> None:
    before = await metric(api, "waybill_parked_sagas")
    await park(api, order_id)

    assert await metric(api, "waybill_parked_sagas") == before + 1
    assert await metric(api, "waybill_parked_saga_oldest_seconds") > 0
    assert await metric(api, 'waybill_saga_discrepancies{system="payment"}') == 0
    assert await metric(api, "waybill_sagas_recovered") == 0
    assert await metric(api, "waybill_unchecked_orders") == 0
    assert await metric(api, "waybill_reconciliation_lag_seconds") == 0


async def metric(api: Api, name: str) -> float:
    lines = (await api.http.get("/metrics")).text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))
