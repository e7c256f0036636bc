"""A change is sent once under a key that is the same for the same wish."""

from __future__ import annotations

import json

import pytest

from tests.support.scripted_api import Json, Reply, data, scripted_api, user_error
from tests.unit.cli.running import Ended, Waybill

REASON = "the bank is back"


def a_step(name: str, parking: int | None = None) -> Json:
    cause = {"since": "2026-01-31T09:30:00Z", "code": "PROVIDER_REFUSED", "message": "card lost"}
    return {"name": name, "parking": parking and {"number": parking, **cause}, "undo": None}


def a_saga(*steps: Json, interventions: tuple[Json, ...] = ()) -> Json:
    about = {"orderId": "o-1", "orderNumber": "W-NZCPARBRQ5"}
    return {**about, "steps": list(steps), "interventions": list(interventions)}


def changed(**extensions: object) -> Reply:
    saga = {"orderNumber": "W-NZCPARBRQ5", "status": "FORWARD"}
    return data({"saga": saga, "position": "p", "userErrors": []}, **extensions)


def retried(waybill: Waybill, saga: Json, *more: str, kind: str = "retry") -> tuple[Ended, Json]:
    """Run an intervention; return how it ended, and the input that it has sent."""
    with scripted_api(data(saga), changed()) as api:
        ended = waybill("sagas", kind, "o-1", "--reason", REASON, "--yes", *more, at=api)
    return ended, api.variables[-1]["input"]


def test_an_intervention_names_the_order_and_the_reason(waybill: Waybill) -> None:
    ended, sent = retried(waybill, a_saga(a_step("capture", 1)))
    key = sent.pop("idempotencyKey")
    assert sent == {"orderId": "o-1", "reason": REASON}
    assert key.startswith("cli-")
    assert len(key) == 44
    assert (ended.code, ended.out) == (0, "The saga of W-NZCPARBRQ5 is FORWARD.\n")


def test_the_same_command_has_the_same_key_also_after_it_has_worked(waybill: Waybill) -> None:
    parked = a_saga(a_step("authorize"), a_step("capture", 2))
    made = {"step": "capture", "parking": 2, "kind": "RETRY", "reason": REASON}
    settled = a_saga(a_step("authorize"), a_step("capture"), interventions=(made,))

    keys = [retried(waybill, saga)[1]["idempotencyKey"] for saga in (parked, parked, settled)]

    assert len(set(keys)) == 1


def test_another_wish_has_another_key(waybill: Waybill) -> None:
    first = a_saga(a_step("capture", 1))
    other_parking = a_saga(a_step("capture", 2))
    other_step = a_saga(a_step("deliver", 1))
    keys = [
        retried(waybill, first)[1]["idempotencyKey"],
        retried(waybill, first, "--reason", "another one")[1]["idempotencyKey"],
        retried(waybill, first, kind="skip")[1]["idempotencyKey"],
        retried(waybill, other_parking)[1]["idempotencyKey"],
        retried(waybill, other_step)[1]["idempotencyKey"],
    ]
    assert len(set(keys)) == 5


def test_a_key_and_a_step_of_the_caller_are_sent(waybill: Waybill) -> None:
    saga = a_saga(a_step("capture", 1), a_step("deliver", 2))
    _, sent = retried(waybill, saga, "--step", "deliver", "--key", "mine")
    assert (sent["idempotencyKey"], sent["step"]) == ("mine", "deliver")


def test_a_saga_that_is_not_parked_is_refused_by_the_service(waybill: Waybill) -> None:
    refused = user_error("SAGA_NOT_PARKED", "the saga of order o-1 is not parked at any step")
    with scripted_api(data(a_saga(a_step("capture"))), refused) as api:
        ended = waybill("sagas", "skip", "o-1", "--reason", REASON, "--yes", "--json", at=api)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "waybill: SAGA_NOT_PARKED: the saga of order o-1 is not parked at any step. Read it with "
        "`waybill sagas show ORDER`\n"
    )


def test_a_replayed_answer_says_so_apart_from_the_document(waybill: Waybill) -> None:
    replay = changed(idempotency={"replayed": True})
    with scripted_api(data(a_saga(a_step("capture", 1))), replay) as api:
        ended = waybill("sagas", "retry", "o-1", "--reason", REASON, "--yes", "--json", at=api)
    assert json.loads(ended.out) == {
        "saga": {"orderNumber": "W-NZCPARBRQ5", "status": "FORWARD"},
        "position": "p",
    }
    assert ended.err == ("waybill: it was done before: this is the answer to the first request\n")


@pytest.mark.parametrize("number", ["W-NZCPARBRQ5", "w-nzcparbrq5", "WNZCPARBRQ5"])
def test_an_order_may_be_named_by_its_number(waybill: Waybill, number: str) -> None:
    with scripted_api(data({"id": "o-1"}), data(a_saga(a_step("capture", 1))), changed()) as api:
        waybill("sagas", "retry", number, "--reason", REASON, "--yes", at=api)
    assert api.variables[:2] == [{"number": number}, {"orderId": "o-1"}]
    assert "shippingAddress" not in api.requests[0]["query"]


def test_cancelling_notes_the_reason_once_it_is_accepted(waybill: Waybill) -> None:
    order = {"number": "W-NZCPARBRQ5", "status": "CANCELLING"}
    with scripted_api(data({"order": order, "userErrors": []})) as api:
        ended = waybill("orders", "cancel", "o-1", "--reason", "fraud", "--yes", at=api)
    assert (ended.code, ended.out) == (0, "W-NZCPARBRQ5 is CANCELLING.\n")
    cancelled, noted = (sent["input"] for sent in api.variables)
    assert cancelled["orderId"] == noted["orderId"] == "o-1"
    assert noted["text"] == "Cancelled: fraud"
    assert cancelled["idempotencyKey"] != noted["idempotencyKey"]


def test_a_cancellation_that_is_refused_leaves_no_note(waybill: Waybill) -> None:
    refused = user_error("ORDER_NOT_CANCELLABLE", "the parcel has left")
    with scripted_api(refused) as api:
        ended = waybill("orders", "cancel", "o-1", "--reason", "fraud", "--yes", at=api)
    assert ended.code == 1
    assert len(api.requests) == 1
