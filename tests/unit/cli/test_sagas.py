"""A saga is shown with every attempt at its steps."""

from __future__ import annotations

from tests.support.scripted_api import Json, data, scripted_api
from tests.unit.cli.running import Waybill

AT = "2026-01-31T09:30:00Z"


def an_attempt(number: int, outcome: str, **facts: object) -> Json:
    nothing = {"endedAt": None, "code": None, "message": None, "reference": None}
    return {"number": number, "outcome": outcome, "startedAt": AT, **nothing, **facts}


def a_step(name: str, state: str, *attempts: Json) -> Json:
    return {
        "name": name,
        "state": state,
        "attempts": len(attempts),
        "attemptHistory": list(attempts),
        "startedAt": AT,
        "endedAt": None,
        "lastError": None,
        "parking": None,
        "undo": None,
    }


def a_saga(*steps: Json) -> Json:
    return {
        "orderId": "o-1",
        "orderNumber": "W-NZCPARBRQ5",
        "status": "FORWARD",
        "needsAttention": False,
        "parkedSince": None,
        "recoveries": 0,
        "workflowIds": ["order-o-1"],
        "positionNumber": 7,
        "steps": list(steps),
        "interventions": [],
        "discrepancies": [],
    }


def test_attempts_that_tell_more_than_their_step_are_shown(waybill: Waybill) -> None:
    declined = an_attempt(1, "DECLINED", code="fraudulent", message="no", reference="pi_1")
    saga = a_saga(
        a_step("reserve", "DONE", an_attempt(1, "SUCCEEDED")),
        a_step("authorize", "DONE", declined, an_attempt(2, "SUCCEEDED", reference="pi_2")),
    )
    with scripted_api(data(saga)) as api:
        shown = waybill("sagas", "show", "o-1", at=api).out

    at = "2026-01-31 09:30:00Z"
    heading, *rows = shown[shown.index("\nAttempts\n") :].splitlines()[2:]
    assert heading.split() == [
        *("STEP", "ATTEMPT", "OUTCOME", "STARTED", "ENDED", "REFERENCE", "CODE", "MESSAGE"),
    ]
    assert rows == [
        f"authorize  1        DECLINED   {at}  -      pi_1       fraudulent  no",
        f"authorize  2        SUCCEEDED  {at}  -      pi_2       -           -",
    ]


def test_a_saga_whose_attempts_tell_nothing_more_shows_none(waybill: Waybill) -> None:
    with scripted_api(data(a_saga(a_step("reserve", "RUNNING", an_attempt(1, "RUNNING"))))) as api:
        assert "Attempts" not in waybill("sagas", "show", "o-1", at=api).out
