from __future__ import annotations

from dataclasses import fields

from domain.order.promises import Promises
from tests.support.order_parts import PROMISES
from tests.support.sagas import PATIENT

TECHNICAL = {"provider_timeout", "undo_timeout", "parked_retry"}


def test_every_deadline_is_promised_and_no_time_out_is() -> None:
    assert {field.name for field in fields(PATIENT)} - TECHNICAL == set(Promises.model_fields)


def test_the_promises_of_an_order_replace_the_deadlines_and_leave_the_time_outs() -> None:
    kept = PATIENT.keeping(PROMISES)

    assert kept.promises == PROMISES
    assert {name: getattr(kept, name) for name in TECHNICAL} == {
        name: getattr(PATIENT, name) for name in TECHNICAL
    }
    assert PATIENT.keeping(PATIENT.promises) == PATIENT
