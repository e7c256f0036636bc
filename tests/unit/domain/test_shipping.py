from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.shipping import commands as c
from domain.shipping import events as e
from domain.shipping.decide import SHIPMENT
from domain.shipping.state import ShipmentState, ShipmentStatus
from tests.unit.domain.specification import Specification, cells

shipment = Specification(SHIPMENT)

CREATED: Final = e.ShipmentCreated(order_id="o-1", shipment_id="shp_1", tracking_number="TRK-1")
DISPATCHED: Final = e.ShipmentDispatched(order_id="o-1")
DELIVERED: Final = e.ShipmentDelivered(order_id="o-1")
CANCELLED: Final = e.ShipmentCancelled(order_id="o-1")
LOST: Final = e.ShipmentLost(order_id="o-1")
FETCHED: Final = e.ShipmentReturnRequested(order_id="o-1", return_id="ret_1")
BACK: Final = e.ShipmentReturned(order_id="o-1")

HISTORY: Final[dict[str, tuple[Event, ...]]] = {
    "none": (),
    "CREATED": (CREATED,),
    "DISPATCHED": (CREATED, DISPATCHED),
    "DELIVERED": (CREATED, DISPATCHED, DELIVERED),
    "CANCELLED": (CREATED, CANCELLED),
    "LOST": (CREATED, DISPATCHED, LOST),
}

COMMANDS: Final[dict[str, tuple[c.ShipmentCommand, Event]]] = {
    "create": (
        c.RecordShipment(aggregate_id="o-1", shipment_id="shp_1", tracking_number="TRK-1"),
        CREATED,
    ),
    "dispatch": (c.RecordDispatch(aggregate_id="o-1"), DISPATCHED),
    "deliver": (c.RecordDelivery(aggregate_id="o-1"), DELIVERED),
    "cancel": (c.RecordShipmentCancelled(aggregate_id="o-1"), CANCELLED),
    "lose": (c.RecordLoss(aggregate_id="o-1"), LOST),
    "fetch": (c.RecordReturnShipment(aggregate_id="o-1", return_id="ret_1"), FETCHED),
    "back": (c.RecordGoodsBack(aggregate_id="o-1"), BACK),
}

# + is accepted, . leaves nothing to do, ! is refused.
TABLE: Final = """
            create  dispatch  deliver  cancel  lose  fetch  back
none           +        +        !        +      +     +      +
CREATED        .        +        !        +      +     +      +
DISPATCHED     .        .        +        !      +     +      +
DELIVERED      .        .        .        !      !     +      +
CANCELLED      .        !        !        .      !     +      +
LOST           .        .        !        !      .     +      +
"""


@pytest.mark.parametrize(("status", "word", "outcome"), cells(TABLE))
def test_every_command_in_every_status(status: str, word: str, outcome: str) -> None:
    command, event = COMMANDS[word]
    history = HISTORY[status]
    intervention = shipment.given(history).when(command)

    if outcome == "!":
        intervention.then_refused(ErrorCode.WRONG_STATE)
    elif outcome == "+":
        intervention.then([event])
        shipment.given([*history, event]).when(command).then([])
    else:
        intervention.then([])


@pytest.mark.parametrize("status", HISTORY)
def test_the_histories_of_the_table_lead_to_its_statuses(status: str) -> None:
    state = SHIPMENT.fold(HISTORY[status])
    assert state.status == (None if status == "none" else ShipmentStatus(status))


def test_the_table_leaves_no_status_out() -> None:
    assert set(HISTORY) == {"none", *ShipmentStatus}


def test_the_first_shipment_of_an_order_stays() -> None:
    second = c.RecordShipment(aggregate_id="o-1", shipment_id="shp_2", tracking_number="TRK-2")
    shipment.given([CREATED]).when(second).then([])


def test_the_shipment_keeps_its_number_to_the_end() -> None:
    assert SHIPMENT.fold([CREATED, DISPATCHED, DELIVERED]) == ShipmentState(
        status=ShipmentStatus.DELIVERED, shipment_id="shp_1", tracking_number="TRK-1"
    )


def test_a_parcel_that_left_before_its_record_gets_its_number_late() -> None:
    record = COMMANDS["create"][0]
    shipment.given([DISPATCHED]).when(record).then([CREATED])
    shipment.given([DISPATCHED, CREATED]).when(record).then([])
    assert SHIPMENT.fold([DISPATCHED, CREATED]) == ShipmentState(
        status=ShipmentStatus.DISPATCHED, shipment_id="shp_1", tracking_number="TRK-1"
    )


def test_a_shipment_cancelled_before_its_record_is_not_created_late() -> None:
    shipment.given([CANCELLED]).when(COMMANDS["create"][0]).then([])


def test_a_return_leaves_the_parcel_as_delivered() -> None:
    history = [CREATED, DISPATCHED, DELIVERED, FETCHED, BACK]
    state = SHIPMENT.fold(history)
    assert (state.status, state.return_id, state.is_back) == (
        ShipmentStatus.DELIVERED,
        "ret_1",
        True,
    )
    other = c.RecordReturnShipment(aggregate_id="o-1", return_id="ret_2")
    shipment.given(history).when(other).then([])


def test_a_refusal_names_the_status_of_the_shipment() -> None:
    refusal = (
        shipment.given([CREATED, CANCELLED])
        .when(COMMANDS["dispatch"][0])
        .then_refused(ErrorCode.WRONG_STATE)
    )
    assert refusal.message == "the shipment of order o-1 is CANCELLED, not CREATED"
